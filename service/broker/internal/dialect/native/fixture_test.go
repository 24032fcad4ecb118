package native_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
	"github.com/mittere/mittere/service/broker/internal/dialect/mdp"
	"github.com/mittere/mittere/service/broker/internal/dialect/native"
	"github.com/mittere/mittere/service/broker/internal/dialect/plain"
)

// stage is a broker without sockets.
type stage struct {
	*dialecttest.Stage
	sessions map[string]uint64 // of the Welcome that a peer got last
	said     []string          // to the peers, but for heartbeats, since the last want
	beats    int               // heartbeats to peers of the native dialect
	beat     *mitterev1.Heartbeat
	last     messaging.Command
}

const heartbeat = 100 * time.Millisecond

func newStage(t testing.TB, options ...native.Option) *stage {
	t.Helper()
	options = append([]native.Option{native.WithName("b"), native.WithHeartbeat(heartbeat), native.WithOwn([]byte("secret"))}, options...)
	dialects := []dialect.Dialect{mdp.V1(), mdp.V2(), native.New(options...), plain.New()}
	s := &stage{sessions: map[string]uint64{}}
	s.Stage = dialecttest.NewStage(t, desk.Limits{}, func(int) []dialect.Dialect { return dialects }, s.tell)
	s.Now = time.Hour
	return s
}

func peer(id string) desk.Peer { return desk.Peer{ID: id} }

// body returns what is in an envelope: a text or a code. Other frames are quoted.
func body(frame []byte) string {
	if text, ok := dialecttest.EnvelopeText(frame); ok {
		return text
	}
	e, err := messaging.Decode(frame)
	switch {
	case err != nil:
		return fmt.Sprintf("%q", frame)
	case e.Type == "mittere.v1.Status":
		return dialecttest.FrameText(frame)
	default:
		return e.Type
	}
}

// hear has the broker read frames of a peer.
func (s *stage) hear(from string, frames ...[]byte) error { return s.Hear(peer(from), frames) }

// say has a peer say a command, with a text in an envelope if there is one.
func (s *stage) say(from string, kind proto.Message, text ...string) error {
	s.Helper()
	c := messaging.Command{Kind: kind}
	if len(text) > 0 {
		c.Body = dialecttest.TextEnvelope(s, text[0])
	}
	frames, err := c.Frames()
	if err != nil {
		s.Fatal(err)
	}
	return s.hear(from, frames...)
}

// must has a peer say what it may say.
func (s *stage) must(from string, kind proto.Message, text ...string) {
	s.Helper()
	if err := s.say(from, kind, text...); err != nil {
		s.Fatalf("%s said %T: %v", from, kind, err)
	}
}

// tell notes what the broker says to a peer.
func (s *stage) tell(to desk.Peer, frames [][]byte) {
	if text := s.text(to.ID, frames); text != "" {
		s.said = append(s.said, to.ID+" < "+text)
	}
}

// tellAll notes several messages.
func (s *stage) tellAll(to string, messages [][][]byte) {
	for _, frames := range messages {
		s.tell(peer(to), frames)
	}
}

// text returns a message as tests have it.
func (s *stage) text(to string, frames [][]byte) string {
	delimiter, rest := "", frames
	if len(frames[0]) == 0 {
		delimiter, rest = "|", frames[1:]
	}
	if len(rest) == 0 || !command.Is(rest[0]) {
		var parts []string
		for _, frame := range frames {
			parts = append(parts, strings.Trim(body(frame), `"`))
		}
		return strings.Join(parts, "|")
	}
	c, err := command.Decode(rest)
	if err != nil {
		s.Fatalf("to %s: %v", to, err)
	}
	if k, ok := c.Kind.(*mitterev1.Heartbeat); ok {
		s.beats++
		s.beat = k
		return ""
	}
	if k, ok := c.Kind.(*mitterev1.Welcome); ok {
		s.sessions[to] = k.GetSession()
	}
	s.last = c
	return delimiter + commandText(c)
}

// commandText returns a command in a few words.
func commandText(c messaging.Command) string {
	words := []string{string(c.Kind.ProtoReflect().Descriptor().Name())}
	add := func(present bool, format string, args ...any) {
		if present {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	if k, ok := c.Kind.(interface{ GetCall() uint64 }); ok {
		add(true, "%d", k.GetCall())
	}
	switch k := c.Kind.(type) {
	case *mitterev1.Request:
		add(true, "%s %s", k.GetService(), k.GetMethod())
	case *mitterev1.Reply:
		add(true, "of %s", k.GetInstance())
		add(k.GetStatus() != nil, "%s", dialecttest.Code(k.GetStatus()))
		add(k.GetRefused(), "refused")
		add(k.GetMore(), "more")
		add(k.GetIndex() > 0, "#%d", k.GetIndex())
	case *mitterev1.Item:
		add(true, "#%d", k.GetIndex())
		add(k.GetInstance() != "", "of %s", k.GetInstance())
	case *mitterev1.Event:
		add(true, "of %s", k.GetInstance())
	case *mitterev1.Credit:
		add(true, "+%d", k.GetItems())
		add(k.GetInstance() != "", "of %s", k.GetInstance())
	case *mitterev1.Accepted:
		add(true, "%v not %v", k.GetInstances(), k.GetUnknown())
	case *mitterev1.Disconnect:
		add(true, "%s", dialecttest.Code(k.GetStatus()))
		add(len(k.GetVersions()) > 0, "%v", k.GetVersions())
		add(k.GetRefused(), "refused")
	}
	add(c.Body != nil, "%s", body(c.Body))
	return strings.Join(words, " ")
}

// want compares what was said since the last time.
func (s *stage) want(lines ...string) {
	s.Helper()
	said := s.said
	s.said = nil
	if !slices.Equal(said, lines) {
		s.Fatalf("the broker said %q, want %q", said, lines)
	}
}

// pass lets time pass as the loop of a broker does.
func (s *stage) pass(by time.Duration) {
	for until := s.Now + by; s.Now < until; {
		s.Now = min(until, s.Now+heartbeat/5)
		s.Perform(s.Desk.Tick(s.Now))
		s.Keep(false)
	}
}

// sent is the clock of the peers.
func (s *stage) sent() int64 { return int64(s.Now) - int64(time.Minute) }

// hello opens a session.
func (s *stage) hello(from string, role mitterev1.Role) {
	s.Helper()
	s.must(from, &mitterev1.Hello{Instance: []byte("instance of " + from), Role: role, SentAtNano: s.sent()})
	s.want(from + " < Welcome")
}

func (s *stage) client(names ...string) {
	s.Helper()
	for _, name := range names {
		s.hello(name, mitterev1.Role_ROLE_CLIENT)
	}
}

// worker opens a session in which somebody serves.
func (s *stage) worker(name string, services ...string) {
	s.Helper()
	s.hello(name, mitterev1.Role_ROLE_WORKER)
	s.ready(name, services...)
	s.want()
}

func (s *stage) ready(name string, services ...string) {
	s.Helper()
	s.must(name, &mitterev1.Ready{Session: s.sessions[name], Instance: name, Services: services, Capacity: 1})
}

// ask has a client ask the service "echo".
func (s *stage) ask(from string, call uint64, change ...func(*mitterev1.Request)) error {
	s.Helper()
	k := &mitterev1.Request{Call: call, Session: s.sessions[from], Service: "echo", SentAtNano: s.sent()}
	for _, c := range change {
		c(k)
	}
	return s.say(from, k, "hi")
}

// mustAsk has a client ask what it may ask.
func (s *stage) mustAsk(from string, call uint64, change ...func(*mitterev1.Request)) {
	s.Helper()
	if err := s.ask(from, call, change...); err != nil {
		s.Fatal(err)
	}
}

// request returns the request that a worker was told last.
func (s *stage) request() *mitterev1.Request {
	s.Helper()
	k, ok := s.last.Kind.(*mitterev1.Request)
	if !ok {
		s.Fatalf("the last command was a %T", s.last.Kind)
	}
	return k
}
