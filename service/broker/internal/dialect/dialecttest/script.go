package dialecttest

import (
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// Binary is the routing id of the peer that scripts call bin, as ZeroMQ makes them.
const Binary = "\x00\x80\x00\x41\xa7"

// Script is a stage on which peers say what a script has. Messages are written with |
// between their frames.
type Script struct {
	*Stage
	Said []string // to the peers, since the last event

	Step   time.Duration                 // of time that passes, at most
	Socket func(name string) int         // at which a peer is
	Frames func(message string) [][]byte // of a message
	Text   func(frame []byte) string     // of a frame
}

// NewScript returns a script of peers that are all at socket 0, with [Frames] and
// [FrameText].
func NewScript(t testing.TB, limits desk.Limits, dialects func(socket int) []dialect.Dialect) *Script {
	t.Helper()
	s := &Script{Step: 24 * time.Hour, Socket: func(string) int { return 0 }, Frames: Frames, Text: FrameText}
	s.Stage = NewStage(t, limits, dialects, func(to desk.Peer, frames [][]byte) {
		s.Said = append(s.Said, s.Name(to)+" < "+s.Message(frames))
	})
	return s
}

// Peer returns the peer of a name.
func (s *Script) Peer(name string) desk.Peer {
	if name == "bin" {
		return desk.Peer{Socket: s.Socket(name), ID: Binary}
	}
	return desk.Peer{Socket: s.Socket(name), ID: name}
}

// Name returns the name of a peer. One that is at another socket than its name says is
// another peer.
func (s *Script) Name(p desk.Peer) string {
	switch {
	case p.ID == Binary:
		return "bin"
	case p != s.Peer(p.ID):
		return p.ID + strings.Repeat("'", p.Socket)
	default:
		return p.ID
	}
}

// Message returns a message as scripts have it.
func (s *Script) Message(frames [][]byte) string {
	parts := make([]string, len(frames))
	for i, frame := range frames {
		parts[i] = s.Text(frame)
	}
	return strings.Join(parts, "|")
}

// Wait lets time pass.
func (s *Script) Wait(by time.Duration) { s.Pass(by, s.Step) }

// Play plays a script, a line each:
//
//	w > message   the peer w says it, and it is of the protocol
//	w ! message   the peer w says it, and it is not
//	w < message   the broker has said that to the peer w, and in this order
//	w gone        the peer w cannot be reached
//	probe         a connection has ended
//	+1s           time passes
//
// Whatever the broker says must be in the script.
func (s *Script) Play(script ...string) {
	s.Helper()
	for n, line := range script {
		if strings.Contains(line, " < ") {
			if len(s.Said) == 0 || s.Said[0] != line {
				s.Fatalf("line %d: got %q, want %q", n+1, s.Said, line)
			}
			s.Said = s.Said[1:]
			continue
		}
		if len(s.Said) > 0 {
			s.Fatalf("before line %d, %q: the broker also said %q", n+1, line, s.Said)
		}
		s.event(n+1, line)
	}
	if len(s.Said) > 0 {
		s.Fatalf("at the end: the broker also said %q", s.Said)
	}
}

// event plays a line that is no answer of the broker's.
func (s *Script) event(n int, line string) {
	s.Helper()
	if by, ok := strings.CutPrefix(line, "+"); ok {
		d, err := time.ParseDuration(by)
		if err != nil {
			s.Fatal(err)
		}
		s.Wait(d)
		return
	}
	if line == "probe" {
		s.Keep(true)
		return
	}
	if name, ok := strings.CutSuffix(line, " gone"); ok {
		delete(s.Speakers, s.Peer(name))
		s.Perform(s.Desk.Gone(s.Now, s.Peer(name)))
		return
	}
	for _, kind := range []string{" > ", " ! "} {
		if name, message, ok := strings.Cut(line, kind); ok {
			if err := s.Hear(s.Peer(name), s.Frames(message)); (err != nil) != (kind == " ! ") {
				s.Fatalf("line %d, %q: the error is %v", n, line, err)
			}
			return
		}
	}
	s.Fatalf("line %d is not of a script: %q", n, line)
}
