package pirate_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/mdp"
	"github.com/mittere/mittere/service/broker/internal/dialect/pirate"
)

// stage is a broker without sockets: a desk, and a speaker for each peer. The service
// of the pirates is echo. Messages are written with | between their frames.
type stage struct {
	testing.TB
	d        *desk.Desk
	dialects map[int]dialect.Dialect // by socket
	speakers map[desk.Peer]dialect.Speaker
	now      time.Duration
	said     []string // to the peers, since the last event
}

// The sockets of a stage.
const (
	frontSocket = iota
	backSocket
	mainSocket
)

// The heartbeats of a stage, which are the guide's.
const (
	heartbeat = time.Second
	liveness  = 3
)

func newStage(t testing.TB, limits desk.Limits) *stage {
	t.Helper()
	d, err := desk.New("e", limits)
	if err != nil {
		t.Fatal(err)
	}
	return &stage{
		TB: t, d: d, speakers: map[desk.Peer]dialect.Speaker{},
		dialects: map[int]dialect.Dialect{
			frontSocket: pirate.Front("echo"),
			backSocket:  pirate.Back("echo", heartbeat, liveness),
			mainSocket:  mdp.V1(),
		},
	}
}

// binary is the routing id of the peer that scripts call bin, as ZeroMQ makes them.
const binary = "\x00\x80\x00\x41\xa7"

// peer returns the peer of a name: those that begin with c are clients of the pirates,
// those with m peers of MDP/0.1, all others workers of the pirates.
func peer(name string) desk.Peer {
	switch {
	case strings.HasPrefix(name, "c"):
		return desk.Peer{Socket: frontSocket, ID: name}
	case strings.HasPrefix(name, "m"):
		return desk.Peer{Socket: mainSocket, ID: name}
	case name == "bin":
		return desk.Peer{Socket: backSocket, ID: binary}
	default:
		return desk.Peer{Socket: backSocket, ID: name}
	}
}

func named(p desk.Peer) string {
	if p.ID == binary {
		return "bin"
	}
	return p.ID
}

// frames returns the frames of a message, where <Heartbeat ID> stands for dīvidere's.
func frames(message string) (frames [][]byte) {
	for frame := range strings.SplitSeq(message, "|") {
		if id, ok := strings.CutPrefix(frame, "<Heartbeat "); ok {
			frame = dividereHeartbeat(strings.TrimSuffix(id, ">"))
		}
		frames = append(frames, []byte(frame))
	}
	return frames
}

// dividereHeartbeat returns what dīvidere's messaging layer sends as a heartbeat, with
// an id of less than 90 bytes.
func dividereHeartbeat(id string) string {
	body := ""
	if id != "" {
		id = "\x0a" + string(rune(len(id))) + id
		body = "\x12" + string(rune(len(id))) + id
	}
	const url = "\x0a\x1dtype.googleapis.com/Heartbeat"
	return "\x0a\x09Heartbeat\x12" + string(rune(len(url)+len(body))) + url + body
}

// text returns a message as scripts have it. A typed error is written as its code.
func text(frames [][]byte) string {
	var parts []string
	for _, frame := range frames {
		parts = append(parts, textOf(frame))
	}
	return strings.Join(parts, "|")
}

// textOf returns a frame as scripts have it.
func textOf(frame []byte) string {
	e, err := messaging.Decode(frame)
	switch {
	case err != nil:
	case e.Type == "Heartbeat" && len(e.Body) == 0:
		return "<Heartbeat >"
	case e.Type == "Heartbeat":
		_, _, tag := protowire.ConsumeTag(e.Body)
		id, _ := protowire.ConsumeBytes(e.Body[tag:])
		return fmt.Sprintf("<Heartbeat %s>", id)
	case e.Type == "mittere.v1.Status":
		s := new(mitterev1.Status)
		if proto.Unmarshal(e.Body, s) == nil {
			return "<" + strings.TrimPrefix(s.GetCode().String(), "CODE_") + ">"
		}
	}
	return string(frame)
}

// hear has the broker read a message of a peer.
func (s *stage) hear(from desk.Peer, frames [][]byte) error {
	speaker := s.speakers[from]
	if speaker == nil {
		d := s.dialects[from.Socket]
		if !d.Speaks(frames) {
			return fmt.Errorf("of no dialect: %q", frames)
		}
		speaker = d.Open(s.d, from)
		s.speakers[from] = speaker
	}
	actions, answers, err := speaker.Read(s.now, frames)
	s.answer(from, answers)
	s.perform(actions)
	return err
}

func (s *stage) answer(to desk.Peer, answers [][][]byte) {
	for _, frames := range answers {
		s.say(to, frames)
	}
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
	case desk.Heartbeat:
		return a.To
	case desk.Disconnect:
		return a.To
	case desk.Waiting:
		return a.To
	case desk.Reply:
		return a.To
	case desk.Item:
		return a.To
	default:
		return desk.Peer{}
	}
}

// pass lets time pass: what is due is done then, and sessions are kept.
func (s *stage) pass(by time.Duration) {
	for until := s.now + by; s.now < until; {
		next := until
		if at, ok := s.d.Next(); ok {
			next = min(at, next)
		}
		s.now = min(max(next, s.now), s.now+heartbeat/4)
		s.perform(s.d.Tick(s.now))
		s.keep(false)
	}
}

// keep keeps all sessions.
func (s *stage) keep(probe bool) {
	for at, speaker := range s.speakers {
		if k, ok := speaker.(dialect.Keeper); ok {
			actions, answers := k.Tick(s.now, probe)
			s.answer(at, answers)
			s.perform(actions)
		}
	}
}

// lose has a peer gone, as when it cannot be reached.
func (s *stage) lose(name string) {
	delete(s.speakers, peer(name))
	s.perform(s.d.Gone(s.now, peer(name)))
}

// play plays a script, a line each:
//
//	w > message   the peer w says it, and it is of the protocol
//	w ! message   the peer w says it, and it is not
//	w < message   the broker has said that to the peer w, and in this order
//	w gone        the peer w cannot be reached
//	probe         a connection has ended
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
	if line == "probe" {
		s.keep(true)
		return
	}
	if name, ok := strings.CutSuffix(line, " gone"); ok {
		s.lose(name)
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

// kinds are the workers of the protocol: in scripts {READY} is how one begins,
// {BEAT} its heartbeat, {FRONT} what its socket puts in front.
func kinds() map[string]*strings.Replacer {
	return map[string]*strings.Replacer{
		"RFC 6":                       strings.NewReplacer("{READY}", "\x01", "{BEAT}", "\x02", "{FRONT}", ""),
		"dīvidere's connection layer": strings.NewReplacer("{READY}", "\x01", "{BEAT}", "\x02", "{FRONT}", ""),
		"the guide's words":           strings.NewReplacer("{READY}", "READY", "{BEAT}", "HEARTBEAT", "{FRONT}", ""),
		"the guide's words, of a REQ": strings.NewReplacer("{READY}", "|READY", "{FRONT}", "|"),
		"dīvidere's messaging layer":  strings.NewReplacer("{READY}", "<Heartbeat w>", "{BEAT}", "<Heartbeat w>", "{FRONT}", ""),
		"Simple Pirate":               strings.NewReplacer("{READY}", "|\x01", "{FRONT}", "|"),
	}
}

// all runs a script with each kind of workers.
func all(t *testing.T, limits desk.Limits, script ...string) {
	t.Helper()
	for name, words := range kinds() {
		t.Run(name, func(t *testing.T) {
			var lines []string
			for _, line := range script {
				lines = append(lines, words.Replace(line))
			}
			newStage(t, limits).play(lines...)
		})
	}
}

// unhex returns the bytes that a text stands for.
func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
