package reactor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// statusType is the full name of the message that errors travel as.
const statusType = "mittere.v1.Status"

// listen receives for as long as it is this goroutine's turn.
func (u *run) listen(s *station, turn uint64) {
	ended := false
	defer func() {
		if !ended && s.relay.turn.Load() == turn { // a handler ended this goroutine, by runtime.Goexit
			s.relay.listen(turn)
		}
	}()
	u.receive(u.receiving, s, turn, u.accept)
	ended = true
	if s.host != nil && s.relay.turn.CompareAndSwap(turn, turn+1) {
		u.senders.Go(func() { u.linger(s, turn+1) })
	}
}

// receive hands each message of a socket on, until ctx ends, or another goroutine's
// turn begins, or the socket is closed, which ends it for all.
func (u *run) receive(ctx context.Context, s *station, turn uint64, accept func(*station, *messaging.Delivery)) {
	for ctx.Err() == nil && s.relay.turn.Load() == turn {
		d, err := s.Recv(ctx)
		switch {
		case d != nil:
			shower{u.log}.received(d)
			accept(s, d)
		case ctx.Err() != nil:
			return
		case fatal(err):
			u.stop(fmt.Errorf("reactor: %v: %w", s.Socket, err))
			return
		default:
			u.stats.malformed.Add(1)
			u.noise.warn("message dropped", "socket", s, "error", err)
		}
	}
}

// linger takes what concerns the calls that still run when the reactor stops, such
// as credit, cancels and heartbeats, and refuses all else.
func (u *run) linger(s *station, turn uint64) {
	s.host.drain()
	u.receive(u.handling, s, turn, func(s *station, d *messaging.Delivery) {
		if d.Command != nil {
			s.host.take(d)
			return
		}
		u.begin()
		defer u.end(d)
		u.refuse(s, d)
	})
}

// fatal reports whether a socket will receive nothing any more.
func fatal(err error) bool {
	return errors.Is(err, net.ErrClosed) || messaging.CodeOf(err) == messaging.Internal
}

// accept schedules a message.
func (u *run) accept(s *station, d *messaging.Delivery) {
	if d.Command != nil {
		s.host.take(d)
		return
	}
	e, known := u.entries[d.Type]
	u.begin()
	do := func() {
		defer u.end(d)
		u.serve(s, d, e, known)
	}
	switch key := u.keyOf(known, d); {
	case s.host != nil && !known:
		do()
	case s.host != nil:
		u.admit(s, d, e, job{key: key, size: d.Size(), do: do})
	case !u.scheduler.do(u.working, key, do):
		defer u.end(d)
		u.refuse(s, d)
	}
}

// admit schedules a plain message that came among commands, which may not wait.
func (u *run) admit(s *station, d *messaging.Delivery, e entry, j job) {
	do := j.do
	j.do = func() {
		if u.workers > 0 || e.aside || !u.scheduler.do(u.working, "", do) {
			do()
		}
	}
	switch gate := u.gateFor(e); {
	case u.draining.Load() && !e.aside:
		defer u.end(d)
		u.stats.refused.Add(1)
		u.reject(s, d, "message refused", errDraining)
	case !gate.admit(&j):
		defer u.end(d)
		u.stats.overloaded.Add(1)
		u.reject(s, d, "message refused", gate.full())
	}
}

// begin notes that a message was received.
func (u *run) begin() {
	if u.idles {
		u.busy.Add(1)
		u.latest.Store(int64(time.Since(u.began)))
	}
}

// end notes that a message is done with.
func (u *run) end(d *messaging.Delivery) {
	d.Release()
	if u.idles {
		u.latest.Store(int64(time.Since(u.began)))
		u.busy.Add(-1)
	}
}

// keyOf returns by what a message is kept in order. It is the user's function:
// one that panics has no key.
func (u *run) keyOf(known bool, d *messaging.Delivery) (key string) {
	if u.key == nil || !known {
		return ""
	}
	defer func() {
		if value := recover(); value != nil {
			u.panicked("key function", d.Type, value, debug.Stack())
		}
	}()
	return u.key(d)
}

// serve calls the handler of a message and answers.
func (u *run) serve(s *station, d *messaging.Delivery, e entry, known bool) {
	switch {
	case u.working.Err() != nil:
		u.refuse(s, d)
		return
	case !known:
		u.stats.unknown.Add(1)
		u.reject(s, d, "no handler", u.unknownType(d.Type))
		return
	}
	defer u.survive(s, d)
	request, err := e.open(&d.Envelope)
	if err != nil {
		u.stats.malformed.Add(1)
		u.reject(s, d, "message dropped", err)
		return
	}
	u.handle(s, e, &Call{
		Request: request, Delivery: d, Shape: e.shape, Method: e.called, Metadata: d.Meta.Metadata,
	})
}

// refuse answers a message for which there is no time any more.
func (u *run) refuse(s *station, d *messaging.Delivery) {
	u.stats.refused.Add(1)
	u.reject(s, d, "message refused", errStopped)
}

// reject logs a message that reaches no handler, and answers it.
func (u *run) reject(s *station, d *messaging.Delivery, why string, err error) {
	u.noise.warn(why, "socket", s, "type", d.Type, "error", err, "peer", peerOf(d))
	if u.answerable(d) {
		u.tell(s, d, err)
	}
}

// survive answers where the handler came back and what it returned panics: a
// reply that cannot be marshalled, an error that is a nil pointer.
func (u *run) survive(s *station, d *messaging.Delivery) {
	if value := recover(); value != nil {
		u.panicked("reply", d.Type, value, debug.Stack())
		u.fail(s, d, messaging.Errorf(messaging.Internal, "the handler of %s returned something broken", d.Type))
	}
}

// handle calls the handler and answers with what comes back.
func (u *run) handle(s *station, e entry, c *Call) {
	if e.shape == Streaming {
		c.send = func(ctx context.Context, item proto.Message) error { return u.send(ctx, s, c.Delivery, item) }
	}
	reply, err := u.invoke(e, c)
	u.stats.handled.Add(1)
	if err != nil {
		u.stats.failed.Add(1)
		u.fail(s, c.Delivery, u.explain(err))
		return
	}
	u.succeed(s, c, reply)
}

// explain replaces the error of a handler whose context was cancelled since the
// reactor stops: to the caller it would mean that the caller cancelled.
func (u *run) explain(err error) error {
	if u.working.Err() != nil && errors.Is(err, context.Canceled) {
		return errStopped
	}
	return err
}

// answerable reports whether an error may be sent back: where something can be
// sent, not to whom sent something to be observed and waits for nothing, and
// never for an error, or two reactors would tell each other for ever.
func (u *run) answerable(d *messaging.Delivery) bool {
	if e, known := u.entries[d.Type]; known && e.shape == Observer {
		return d.WantsReply()
	}
	return d.CanReply() && d.Type != statusType
}

// invoke calls a handler through its interceptors, and none for a stream to
// somebody who waits for one answer: the second one would be taken as the answer
// to the next request.
func (u *run) invoke(e entry, c *Call) (proto.Message, error) {
	switch {
	case e.shape != Streaming:
	case c.Delivery.WantsReply():
		return nil, messaging.Errorf(messaging.FailedPrecondition,
			"%s is answered by a stream, which a Request cannot take; use a Dealer", c.Delivery.Type)
	case !c.Delivery.CanReply():
		return nil, messaging.Errorf(messaging.FailedPrecondition,
			"%s is answered by a stream, which cannot be sent on this socket", c.Delivery.Type)
	}
	ctx := context.WithValue(u.working, callKey{}, c)
	if parent := c.Delivery.Meta.TraceParent; parent != "" {
		ctx = messaging.WithTraceContext(ctx, messaging.TraceContext{Parent: parent, State: c.Delivery.Meta.TraceState})
	}
	return e.through(ctx, c)
}

// succeed sends what a handler returned.
func (u *run) succeed(s *station, c *Call, reply proto.Message) {
	switch {
	case c.Shape == Unary && (reply == nil || !reply.ProtoReflect().IsValid()):
		u.fail(s, c.Delivery, messaging.Errorf(messaging.Internal, "the handler of %s returned nothing", c.Delivery.Type))
	case c.Shape == Unary && c.Delivery.CanReply():
		u.answer(s, c.Delivery, reply)
	case c.Shape == Streaming || c.Shape == Observer && c.Delivery.WantsReply():
		u.deliver(s, c.Delivery, &mitterev1.Status{})
	}
}

// answer sends a reply. If it is the reply's fault that it cannot be sent, as
// when it is too large, the sender is told that instead.
func (u *run) answer(s *station, d *messaging.Delivery, reply proto.Message) {
	err := u.reply(u.sending, s, d, reply)
	switch messaging.CodeOf(err) {
	case messaging.OK:
	case messaging.ResourceExhausted:
		u.fail(s, d, err)
	case messaging.InvalidArgument:
		u.fail(s, d, messaging.Errorf(messaging.Internal, "the reply to %s cannot be sent: %w", d.Type, err))
	default:
		u.undeliverable(s, d, err)
	}
}

// fail answers with an error where somebody is to be told, and logs it where
// not.
func (u *run) fail(s *station, d *messaging.Delivery, err error) {
	if !u.answerable(d) {
		u.noise.warn("message failed", "socket", s, "type", d.Type, "error", err, "peer", peerOf(d))
		return
	}
	u.tell(s, d, err)
}

// tell sends an error, or its code alone if the whole cannot be sent: details may
// be as large, and as wrong, as a reply.
func (u *run) tell(s *station, d *messaging.Delivery, err error) {
	status := messaging.AsError(err).Status()
	switch sent := u.reply(u.sending, s, d, status); messaging.CodeOf(sent) {
	case messaging.OK:
	case messaging.ResourceExhausted, messaging.InvalidArgument:
		u.deliver(s, d, &mitterev1.Status{Code: status.GetCode(), Message: "the error itself cannot be sent"})
	default:
		u.undeliverable(s, d, sent)
	}
}

// deliver replies, and counts what cannot be sent.
func (u *run) deliver(s *station, d *messaging.Delivery, m proto.Message) {
	if err := u.reply(u.sending, s, d, m); err != nil {
		u.undeliverable(s, d, err)
	}
}

// undeliverable counts and logs a reply that could not be sent.
func (u *run) undeliverable(s *station, d *messaging.Delivery, err error) {
	u.stats.undeliverable.Add(1)
	u.noise.warn("reply not sent", "socket", s, "type", d.Type, "error", err, "peer", peerOf(d))
}

// reply sends a message the way that a delivery came, or keeps it for a peer that
// has no room.
func (u *run) reply(ctx context.Context, s *station, d *messaging.Delivery, m proto.Message) error {
	if s.outbox == nil {
		return d.Reply(ctx, m)
	}
	return s.outbox.send(ctx, &replyLetter{d, m}, u.rankOf(d, m))
}

// rankOf returns for what a reply finds room: the last message of a stream, or an answer.
func (u *run) rankOf(d *messaging.Delivery, m proto.Message) rank {
	if _, status := m.(*mitterev1.Status); !status {
		return rankReply
	}
	if e, known := u.entries[d.Type]; known && e.shape == Streaming {
		return rankLast
	}
	return rankReply
}

// send is reply for a stream, which waits while the outbox is full.
func (u *run) send(ctx context.Context, s *station, d *messaging.Delivery, item proto.Message) error {
	if s.outbox == nil {
		return d.Reply(ctx, item)
	}
	return s.outbox.sendWhenRoom(ctx, &replyLetter{d, item})
}
