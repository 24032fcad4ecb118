package call

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

// answer is what the server sends for a call: one of the five, with its envelope.
type answer struct {
	reply    *mitterev1.Reply
	item     *mitterev1.Item
	event    *mitterev1.Event
	accepted *mitterev1.Accepted
	waiting  *mitterev1.Waiting
	body     []byte
	message  comm.Message
}

// room returns how much a server may send that is not read. A stream has a reply
// and a window of items; a method that is answered by one message a reply, and an
// item that it must not send, by which it is recognised.
func (x *exchange) room() int {
	room := 2
	if x.streaming {
		room = 1 + x.window
	}
	if x.wantsEvents {
		room += progressWaiting
	}
	if x.wantsReasons {
		room++
	}
	return room
}

// put takes what the server sends. It does not fit if the server has no credit for
// it.
func (x *exchange) put(a answer) (fits bool) {
	if a.waiting != nil {
		x.waiting.Store(a.waiting)
		if !x.wantsReasons || x.unread.Swap(true) { // what is unread tells what is newest
			a.message.Release()
			return true
		}
	}
	if x.group != nil {
		return x.group.put(a)
	}
	if !x.wants(a) {
		a.message.Release()
		return true
	}
	if a.event != nil {
		x.events.Add(1)
	}
	select {
	case x.answers <- a:
		return true
	default:
		a.message.Release()
		return false
	}
}

// wants reports whether an answer is of use: the worker of a call for one is known, events
// may be too many, and a call that is answered by one message ends with its first item.
func (x *exchange) wants(a answer) bool {
	switch {
	case a.accepted != nil:
		return false
	case a.event != nil:
		return x.wantsEvents && x.events.Load() < progressWaiting
	case a.item != nil && !x.streaming:
		return len(x.answers) < cap(x.answers)-1
	default:
		return true
	}
}

// failureOf returns the error that a reply says, nil if it says none.
func failureOf(reply *mitterev1.Reply) error {
	err := messaging.FromStatus(reply.GetStatus())
	if err != nil && reply.GetRefused() {
		return messaging.AsError(err).AsRefused()
	}
	return err
}

// time notes where the time of the call went.
func (r *Request) time(reply *mitterev1.Reply) {
	if r.Timing != nil {
		*r.Timing = Timing{
			Waited: time.Duration(reply.GetWaitedNano()), Executed: time.Duration(reply.GetExecutedNano()),
			Instance: reply.GetInstance(),
		}
	}
}

// progress tells of the call's progress. What cannot be read is left out: it is no
// reason to end a call.
func (r *Request) progress(a answer) {
	if e, err := messaging.Decode(a.body); err == nil {
		r.Progress(a.event.GetInstance(), &e)
	}
}

// open decodes an envelope and gives it to each.
func open(body []byte, each func(*messaging.Envelope) error) error {
	e, err := decode(body)
	if err != nil {
		return err
	}
	return each(&e)
}

// decode decodes the envelope of an answer.
func decode(body []byte) (messaging.Envelope, error) {
	e, err := messaging.Decode(body)
	if err != nil {
		return e, messaging.Errorf(messaging.Internal, "an answer that is no message: %w", err)
	}
	return e, nil
}
