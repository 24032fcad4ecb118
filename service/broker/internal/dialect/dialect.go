// Package dialect is what the protocols of a broker's peers have in common. It
// stands on service/broker/internal/desk, whose events and actions it translates from and to frames;
// service/broker runs the protocols below this folder.
//
// # Bodies
//
// Some protocols have envelopes, others frames of any kind. The head of a content tells
// which: those with envelopes put the message of package mittere.v1 there that it came
// in, a Request, Reply, Item or Event; others leave it empty. A dialect that writes a body
// calls [Envelope], [Frames] or [Ending], whichever dialect read it.
package dialect

import (
	"time"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// Dialect is one protocol. Its methods are pure, but for what Open's results keep of
// their peers and for the desk.
type Dialect interface {
	// Name names the protocol in logs, such as "MDP/0.1".
	Name() string
	// Speaks reports whether frames, the first that a peer sent, without its routing
	// id, are of this protocol. The first dialect that speaks them is the peer's for
	// as long as it is known.
	Speaks(frames [][]byte) bool
	// Kind names what a message is in logs, such as "REQUEST", be it from a peer or to
	// one, without its routing id. It takes any frames.
	Kind(frames [][]byte) string
	// Open returns what keeps track of a new peer.
	Open(d *desk.Desk, peer desk.Peer) Speaker
}

// Speaker is one peer in its dialect. It belongs to the broker's loop.
type Speaker interface {
	// Read takes a message of the peer, without the routing id, and tells the desk.
	// It returns what the desk wants done, which is valid until the desk's next
	// event, and messages for the peer itself that the desk knows nothing of. An
	// error means that the message is not of the protocol, and that it was dropped;
	// the actions beside it are to be done all the same.
	// The frames are the speaker's from then on.
	Read(now time.Duration, frames [][]byte) (actions []desk.Action, answers [][][]byte, err error)
	// Write returns the frames of an action that goes to the peer, without the
	// routing id; nil if the protocol says nothing in this case.
	Write(action desk.Action) [][]byte
	// Idle reports whether nothing is to be known of the peer but its name, so that
	// it may be forgotten.
	Idle() bool
}

// Keeper is a Speaker that keeps a session with its peer. The broker's loop calls
// its methods, which tell the desk of a session that has ended.
type Keeper interface {
	Speaker
	// Tick does what is due at that time; it comes at least four times in a
	// heartbeat. With probe it sends something in any case, so that a peer whose
	// connection ended is found to be gone.
	Tick(now time.Duration, probe bool) (actions []desk.Action, answers [][][]byte)
	// FrameLimit returns how many bytes of a frame the peer takes, 0 if it does not say.
	// A longer one would end its connection.
	FrameLimit() command.FrameLimit
	// Drain returns what asks the peer for no further requests, since the broker
	// stops.
	Drain() (answers [][][]byte)
	// Bye returns what tells the peer that the broker has stopped. All that it asked for
	// has been answered, or was never executed. The session stays, as [Speaker.Idle] says,
	// until the peer hangs up; Tick with probe tells it again.
	Bye() (answers [][][]byte)
}
