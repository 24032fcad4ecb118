package mdp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/mdp"
)

// stage is a broker without sockets: a desk, and a speaker for each peer. Messages are
// written with | between their frames.
type stage struct {
	testing.TB
	d        *desk.Desk
	dialects []dialect.Dialect
	speakers map[desk.Peer]dialect.Speaker
	now      time.Duration
	said     []string // to the peers, since the last event
}

func newStage(t testing.TB, limits desk.Limits, options ...mdp.Option) *stage {
	t.Helper()
	d, err := desk.New("e", limits)
	if err != nil {
		t.Fatal(err)
	}
	return &stage{
		TB: t, d: d, dialects: []dialect.Dialect{mdp.V1(options...), mdp.V2(options...)},
		speakers: map[desk.Peer]dialect.Speaker{},
	}
}

// binary is the routing id of the peer that scripts call bin, as ZeroMQ makes them.
const binary = "\x00\x80\x00\x41\xa7"

func peer(name string) desk.Peer {
	if name == "bin" {
		return desk.Peer{ID: binary}
	}
	return desk.Peer{ID: name}
}

func named(p desk.Peer) string {
	if p.ID == binary {
		return "bin"
	}
	return p.ID + strings.Repeat("'", p.Socket) // one of another socket is another peer
}

func frames(message string) (frames [][]byte) {
	for frame := range strings.SplitSeq(message, "|") {
		frames = append(frames, []byte(frame))
	}
	return frames
}

// text returns a message as scripts have it. A typed error is written as its code.
func text(frames [][]byte) string {
	var parts []string
	for _, frame := range frames {
		if s := statusIn(frame); s != nil {
			frame = []byte("<" + strings.TrimPrefix(s.GetCode().String(), "CODE_") + ">")
		}
		parts = append(parts, string(frame))
	}
	return strings.Join(parts, "|")
}

// statusIn returns the typed error in a frame, nil if there is none.
func statusIn(frame []byte) *mitterev1.Status {
	e, err := messaging.Decode(frame)
	if err != nil || e.Type != "mittere.v1.Status" {
		return nil
	}
	s := new(mitterev1.Status)
	if proto.Unmarshal(e.Body, s) != nil {
		return nil
	}
	return s
}

// hear has the broker read a message of a peer.
func (s *stage) hear(from desk.Peer, frames [][]byte) error {
	for _, d := range s.dialects {
		_ = d.Kind(frames) // of anything
	}
	speaker := s.speakers[from]
	if speaker == nil {
		i := slices.IndexFunc(s.dialects, func(d dialect.Dialect) bool { return d.Speaks(frames) })
		if i < 0 {
			return fmt.Errorf("of no dialect: %q", frames)
		}
		speaker = s.dialects[i].Open(s.d, from)
		s.speakers[from] = speaker
	}
	actions, answers, err := speaker.Read(s.now, frames)
	for _, answer := range answers {
		s.say(from, answer)
	}
	s.perform(actions)
	return err
}

// perform has the speakers write actions.
func (s *stage) perform(actions []desk.Action) {
	for _, action := range actions {
		to := addressee(action)
		speaker := s.speakers[to]
		if speaker == nil {
			s.Fatalf("an action for %q, who is not known: %#v", to.ID, action)
		}
		if frames := speaker.Write(action); frames != nil {
			s.say(to, frames)
		}
	}
}

func (s *stage) say(to desk.Peer, frames [][]byte) {
	s.said = append(s.said, named(to)+" < "+text(frames))
}

func addressee(action desk.Action) desk.Peer {
	switch a := action.(type) {
	case desk.Deliver:
		return a.To
	case desk.CancelLeg:
		return a.To
	case desk.CreditLeg:
		return a.To
	case desk.Heartbeat:
		return a.To
	case desk.Disconnect:
		return a.To
	case desk.Accepted:
		return a.To
	case desk.Waiting:
		return a.To
	case desk.Reply:
		return a.To
	case desk.Item:
		return a.To
	case desk.Event:
		return a.To
	default:
		return desk.Peer{}
	}
}

// pass lets time pass.
func (s *stage) pass(by time.Duration) {
	for until := s.now + by; s.now < until; {
		s.now = until
		if at, ok := s.d.Next(); ok {
			s.now = min(at, until)
		}
		s.perform(s.d.Tick(s.now))
	}
}

// play plays a script, a line each:
//
//	w > message   the peer w says it, and it is of the protocol
//	w ! message   the peer w says it, and it is not
//	w < message   the broker has said that to the peer w, and in this order
//	+1s           time passes
//
// Whatever the broker says must be in the script.
func (s *stage) play(script ...string) {
	s.Helper()
	for n, line := range script {
		if strings.Contains(line, " < ") {
			if len(s.said) == 0 || s.said[0] != line {
				s.Fatalf("line %d: got %q, want %q", n+1, s.said, line)
			}
			s.said = s.said[1:]
			continue
		}
		if len(s.said) > 0 {
			s.Fatalf("before line %d, %q: the broker also said %q", n+1, line, s.said)
		}
		s.event(n+1, line)
	}
	if len(s.said) > 0 {
		s.Fatalf("at the end: the broker also said %q", s.said)
	}
}

func (s *stage) event(n int, line string) {
	s.Helper()
	if by, ok := strings.CutPrefix(line, "+"); ok {
		d, err := time.ParseDuration(by)
		if err != nil {
			s.Fatal(err)
		}
		s.pass(d)
		return
	}
	for _, kind := range []string{" > ", " ! "} {
		if name, message, ok := strings.Cut(line, kind); ok {
			if err := s.hear(peer(name), frames(message)); (err != nil) != (kind == " ! ") {
				s.Fatalf("line %d, %q: the error is %v", n, line, err)
			}
			return
		}
	}
	s.Fatalf("line %d is not of a script: %q", n, line)
}

// in returns lines in the words of a version, without those that are of the other
// version alone, which begin with 1: or 2:.
func in(version int, lines []string) (script []string) {
	words := strings.NewReplacer("{C}", "|MDPC01|", "{R}", "|MDPC01|", "{W}", "|MDPW01|",
		"{READY}", "|MDPW01|\x01|", "{REQUEST}", "|MDPW01|\x02|", "{FINAL}", "|MDPW01|\x03|",
		"{HEARTBEAT}", "|MDPW01|\x04", "{DISCONNECT}", "|MDPW01|\x05")
	if version == 2 {
		words = strings.NewReplacer("{C}", "MDPC02|\x01|", "{R}", "MDPC02|\x03|", "{W}", "MDPW02|",
			"{READY}", "MDPW02|\x01|", "{REQUEST}", "MDPW02|\x02|", "{FINAL}", "MDPW02|\x04|",
			"{HEARTBEAT}", "MDPW02|\x05", "{DISCONNECT}", "MDPW02|\x06")
	}
	for _, line := range lines {
		if own, ok := strings.CutPrefix(line, fmt.Sprintf("%d: ", version)); ok {
			line = own
		} else if strings.HasPrefix(line, "1: ") || strings.HasPrefix(line, "2: ") {
			continue
		}
		script = append(script, words.Replace(line))
	}
	return script
}

// both runs a script in each version.
func both(t *testing.T, limits desk.Limits, script ...string) {
	t.Helper()
	for version := 1; version <= 2; version++ {
		t.Run(fmt.Sprintf("MDP 0.%d", version), func(t *testing.T) {
			newStage(t, limits).play(in(version, script)...)
		})
	}
}
