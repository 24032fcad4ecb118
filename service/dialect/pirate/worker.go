package pirate

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/desk"
	"github.com/mittere/mittere/service/dialect"
)

var _ dialect.Keeper = (*worker)(nil) // which the broker asks of each speaker

// worker is one peer of the back socket.
type worker struct {
	*back
	desk *desk.Desk
	peer desk.Peer
	kind kind

	leg    uint64 // of the request that it has; 0 if none
	barred bool   // another has its name: it must say READY to begin again
}

// Read takes a message of the worker. One that is registered and sends what is not of
// the protocol is lost, which may give its request to another: it may have meant a
// reply, and would else be busy for ever. With its next heartbeat it begins again.
func (w *worker) Read(now time.Duration, frames [][]byte) (actions []desk.Action, answers [][][]byte, err error) {
	actions, err = w.read(now, frames)
	if err != nil && w.desk.Registered(w.peer) {
		actions = w.desk.Dismiss(now, w.peer, &mitterev1.Status{
			Code: mitterev1.Code_CODE_INVALID_ARGUMENT, Message: err.Error(),
		})
	}
	return actions, nil, err
}

// read is Read without what an error does.
func (w *worker) read(now time.Duration, frames [][]byte) ([]desk.Action, error) {
	m := parse(frames)
	if m.kind != unknown && m.command != none {
		w.kind = m.kind
	}
	switch m.command {
	case ready:
		return w.readReady(now), nil
	case heartbeat:
		return w.readHeartbeat(now), nil
	case reply:
		return w.readReply(now, m.rest), nil
	default:
		return nil, invalid("no message of a pirate worker: %d frames", len(frames))
	}
}

// Write returns the frames of an action for the worker. There is no word that ends a
// conversation: one that has ended is silence (RFC 6, "Heartbeating Specification").
func (w *worker) Write(action desk.Action) [][]byte {
	switch a := action.(type) {
	case desk.Deliver:
		return w.writeRequest(a)
	case desk.Heartbeat:
		return w.kind.heartbeat(w.peer.ID)
	case desk.Disconnect:
		w.barred = w.barred || a.Status.GetCode() == mitterev1.Code_CODE_ALREADY_EXISTS
	}
	return nil
}

// Idle reports whether the worker is not registered.
func (w *worker) Idle() bool { return !w.desk.Registered(w.peer) }

// Tick keeps those registered who cannot say that they live: a Simple Pirate, idle or
// busy, and a server of dīvidere's while it is busy, whose one thread handles the
// request. They are dead when their connection has ended, which the broker finds when
// it sends something.
func (w *worker) Tick(now time.Duration, probe bool) (actions []desk.Action, answers [][][]byte) {
	if !w.desk.Registered(w.peer) {
		return nil, nil
	}
	if w.kind == simple || w.kind == enveloped && w.leg != 0 {
		actions = w.desk.Hear(now, w.peer)
	}
	if probe {
		answers = [][][]byte{w.kind.probe(w.peer.ID)}
	}
	return actions, answers
}

// FrameLimit returns 0: a worker does not say how much it takes.
func (*worker) FrameLimit() messaging.FrameLimit { return 0 }

// Drain returns nothing: the protocol has no word for it.
func (*worker) Drain() (answers [][][]byte) { return nil }

// Bye returns nothing: a worker finds by itself that the broker is silent.
func (*worker) Bye() (answers [][][]byte) { return nil }
