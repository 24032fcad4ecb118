package reactor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// statusType is the full name of the message that errors travel as.
const statusType = "mittere.v1.Status"

// receive hands each message of a socket to the scheduler, until receiving ends
// or the socket is closed, which ends it for all.
func (u *run) receive(s *station) {
	for {
		d, err := s.Recv(u.receiving)
		switch {
		case d != nil:
			u.accept(s, d)
		case u.receiving.Err() != nil:
			return
		case fatal(err):
			u.stop(fmt.Errorf("reactor: %v: %w", s.Socket, err))
			return
		default:
			u.stats.malformed.Add(1)
			u.noise.warn("message dropped", "socket", s.String(), "error", err)
		}
	}
}

// fatal reports whether a socket will receive nothing any more.
func fatal(err error) bool {
	return errors.Is(err, net.ErrClosed) || messaging.CodeOf(err) == messaging.Internal
}

// accept schedules a message.
func (u *run) accept(s *station, d *messaging.Delivery) {
	u.latest.Store(time.Now().UnixNano())
	u.scheduler.do(u.working, u.keyOf(d), func() {
		defer d.Release()
		u.serve(u.working, s, d)
		u.latest.Store(time.Now().UnixNano())
	})
}

// keyOf returns by what a message is kept in order. It is the user's function:
// one that panics has no key.
func (u *run) keyOf(d *messaging.Delivery) (key string) {
	if u.key == nil {
		return ""
	}
	defer func() {
		if value := recover(); value != nil {
			u.stats.panicked.Add(1)
			u.noise.warn("key function panicked", "type", d.Type, "panic", value)
		}
	}()
	return u.key(d)
}

// serve calls the handler of a message and answers.
func (r *Reactor) serve(ctx context.Context, s *station, d *messaging.Delivery) {
	e, known := r.entries[d.Type]
	if !known {
		r.stats.unknown.Add(1)
		r.noise.warn("no handler", "socket", s.String(), "type", d.Type)
		r.fail(ctx, s, d, messaging.Errorf(messaging.Unimplemented, "no handler for %s", d.Type))
		return
	}
	request, err := e.open(&d.Envelope)
	if err != nil {
		r.stats.malformed.Add(1)
		r.noise.warn("message dropped", "socket", s.String(), "error", err)
		r.fail(ctx, s, d, err)
		return
	}
	r.handle(ctx, s, e, &Call{Request: request, Delivery: d, Shape: e.shape})
}

// handle calls the handler and answers with what comes back.
func (r *Reactor) handle(ctx context.Context, s *station, e entry, c *Call) {
	if e.shape == Streaming {
		c.send = func(ctx context.Context, item proto.Message) error { return r.reply(ctx, s, c.Delivery, item) }
	}
	reply, err := r.invoke(ctx, e, c)
	r.stats.handled.Add(1)
	if err != nil {
		r.stats.failed.Add(1)
		r.fail(ctx, s, c.Delivery, err)
		return
	}
	r.succeed(ctx, s, c, reply)
}

// answerable reports whether an error may be sent back: where something can be
// sent, not to whom sent something to be observed and waits for nothing, and
// never for an error, or two reactors would tell each other for ever.
func (r *Reactor) answerable(d *messaging.Delivery) bool {
	if e, known := r.entries[d.Type]; known && e.shape == Observer {
		return d.WantsReply()
	}
	return d.CanReply() && d.Type != statusType
}

// invoke calls a handler through its interceptors, and none for a stream to
// somebody who waits for one answer: the second one would be taken as the answer
// to the next request.
func (r *Reactor) invoke(ctx context.Context, e entry, c *Call) (proto.Message, error) {
	switch {
	case e.shape != Streaming:
	case c.Delivery.WantsReply():
		return nil, messaging.Errorf(messaging.FailedPrecondition,
			"%s is answered by a stream, which a Request cannot take; use a Dealer", c.Delivery.Type)
	case !c.Delivery.CanReply():
		return nil, messaging.Errorf(messaging.FailedPrecondition,
			"%s is answered by a stream, which cannot be sent on this socket", c.Delivery.Type)
	}
	return e.through(context.WithValue(ctx, callKey{}, c), c)
}

// succeed sends what a handler returned.
func (r *Reactor) succeed(ctx context.Context, s *station, c *Call, reply proto.Message) {
	switch {
	case c.Shape == Unary && (reply == nil || !reply.ProtoReflect().IsValid()):
		r.fail(ctx, s, c.Delivery, messaging.Errorf(messaging.Internal, "the handler of %s returned nothing", c.Delivery.Type))
	case c.Shape == Unary && c.Delivery.CanReply():
		r.answer(ctx, s, c.Delivery, reply)
	case c.Shape == Streaming || c.Shape == Observer && c.Delivery.WantsReply():
		r.deliver(ctx, s, c.Delivery, &mitterev1.Status{})
	}
}

// answer sends a reply. If it is the reply's fault that it cannot be sent, as
// when it is too large, the sender is told that instead.
func (r *Reactor) answer(ctx context.Context, s *station, d *messaging.Delivery, reply proto.Message) {
	err := r.reply(ctx, s, d, reply)
	switch messaging.CodeOf(err) {
	case messaging.OK:
	case messaging.ResourceExhausted:
		r.fail(ctx, s, d, err)
	case messaging.InvalidArgument:
		r.fail(ctx, s, d, messaging.Errorf(messaging.Internal, "the reply to %s cannot be sent: %w", d.Type, err))
	default:
		r.undeliverable(s, d, err)
	}
}

// fail answers with an error where somebody is to be told, and logs it where
// not.
func (r *Reactor) fail(ctx context.Context, s *station, d *messaging.Delivery, err error) {
	if !r.answerable(d) {
		r.noise.warn("message failed", "socket", s.String(), "type", d.Type, "error", err)
		return
	}
	r.deliver(ctx, s, d, messaging.AsError(err).Status())
}

// deliver replies, and counts what cannot be sent.
func (r *Reactor) deliver(ctx context.Context, s *station, d *messaging.Delivery, m proto.Message) {
	if err := r.reply(ctx, s, d, m); err != nil {
		r.undeliverable(s, d, err)
	}
}

// undeliverable counts and logs a reply that could not be sent.
func (r *Reactor) undeliverable(s *station, d *messaging.Delivery, err error) {
	r.stats.undeliverable.Add(1)
	r.noise.warn("reply not sent", "socket", s.String(), "type", d.Type, "error", err)
}

// reply sends a message the way that a delivery came, or keeps it for a peer that
// has no room.
func (r *Reactor) reply(ctx context.Context, s *station, d *messaging.Delivery, m proto.Message) error {
	if s.outbox != nil && s.outbox.keeps(d.Route) {
		return s.outbox.keep(d, m)
	}
	err := d.Reply(ctx, m)
	if s.outbox != nil && messaging.IsFull(err) {
		return s.outbox.keep(d, m)
	}
	return err
}
