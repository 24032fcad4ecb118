package pirate

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

var _ dialect.Keeper = (*worker)(nil) // which the broker asks of each speaker

// worker is one peer of the back socket.
type worker struct {
	*back
	desk *desk.Desk
	peer desk.Peer
	kind kind

	delivery uint64 // of the request that it has; 0 if none
	barred   bool   // another has its name: it must say READY to begin again

	heard   time.Duration // when it said something
	suspect bool          // it was heard just before a connection ended, which may be its own

	// Heartbeats, of an enveloped worker.
	owed int // of the broker's, those that it has not answered
	old  int // of its own, those that it may have said before it got its request
}

// Read takes a message of the worker. One that is registered and sends what is not of
// the protocol is lost, which may give its request to another: it may have meant a
// reply, and would else be busy for ever. With its next heartbeat it begins again.
func (w *worker) Read(now time.Duration, frames [][]byte) (actions []desk.Action, answers [][][]byte, err error) {
	w.heard, w.suspect = now, false
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
		return w.writeHeartbeat()
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
//
// A worker that was heard just now is there, and is sent a heartbeat only if it says
// nothing more: dīvidere's programs that make do without its worker do not expect one so
// early, and end. A Simple Pirate takes any.
func (w *worker) Tick(now time.Duration, probe bool) (actions []desk.Action, answers [][][]byte) {
	if !w.desk.Registered(w.peer) {
		return nil, nil
	}
	if w.kind == simple || w.kind == enveloped && w.delivery != 0 {
		actions = w.desk.Hear(now, w.peer)
	}
	silence := now - w.heard
	w.suspect = w.suspect || probe
	if w.suspect && (w.kind == simple || probe && silence >= justNow || silence >= soon) {
		w.suspect = false
		answers = [][][]byte{w.probe()}
	}
	return actions, answers
}

const (
	// justNow is how long ago a worker was heard that is certainly there.
	justNow = 500 * time.Millisecond
	// soon is after which silence it is not.
	soon = 2 * time.Second
)

// probe returns the frames of what finds out whether the worker is there.
func (w *worker) probe() [][]byte {
	if w.kind == simple {
		return simpleProbe()
	}
	return w.writeHeartbeat()
}

// FrameLimit returns 0: a worker does not say how much it takes.
func (*worker) FrameLimit() command.FrameLimit { return 0 }

// Drain returns nothing: the protocol has no word for it.
func (*worker) Drain() (answers [][][]byte) { return nil }

// Bye returns nothing: a worker finds by itself that the broker is silent.
func (*worker) Bye() (answers [][][]byte) { return nil }
