package serving

import (
	"context"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/outbox"
)

// statusType is the full name of the message that errors travel as.
const statusType = "mittere.v1.Status"

// plain is the request that a plain envelope is, whose replier writes envelopes.
type plain struct{ Request }

// newPlain returns the request of a plain envelope.
func (s *Station) newPlain(d *messaging.Delivery, h *Handler) *plain {
	p := &plain{Request{
		Delivery: d, Handler: h, Metadata: d.Meta.Metadata, station: s, ctx: s.road.working,
		trace: messaging.TraceContext{Parent: d.Meta.TraceParent, State: d.Meta.TraceState},
	}}
	p.replier, p.job.Task = p, p
	return p
}

func (p *plain) queued()                      {}
func (p *plain) close()                       {}
func (p *plain) progress(proto.Message) error { return nil } // nobody hears of it
func (p *plain) late() *messaging.Error       { return nil }

// streams implements replier. A sender who waits for one answer would take the second item for
// the answer to the next request.
func (p *plain) streams() error {
	switch {
	case p.Delivery.WantsReply():
		return messaging.Errorf(messaging.FailedPrecondition,
			"%s is answered by a stream, which a Request cannot take; use a Dealer", p.Delivery.Type)
	case !p.Delivery.CanReply():
		return messaging.Errorf(messaging.FailedPrecondition,
			"%s is answered by a stream, which cannot be sent on this socket", p.Delivery.Type)
	default:
		return nil
	}
}

// send implements replier.
func (p *plain) send(ctx context.Context, item proto.Message) error {
	return p.station.outbox.SendItem(ctx, &envelope{p.Delivery, item})
}

// answer sends a reply, or the end of a stream, or that a message was observed, to a
// sender that waits. If it is the reply's fault that it cannot be sent, as when it is too large, the sender
// is told that instead.
func (p *plain) answer(reply proto.Message) {
	switch {
	case p.Handler.Shape == Streaming || p.Handler.Shape == Observer && p.Delivery.WantsReply():
		p.deliver(&mitterev1.Status{})
		return
	case reply == nil || !p.Delivery.CanReply():
		return
	}
	err := p.reply(reply)
	switch messaging.CodeOf(err) {
	case messaging.OK:
	case messaging.ResourceExhausted:
		p.fail(err)
	case messaging.InvalidArgument:
		p.fail(messaging.Errorf(messaging.Internal, "the reply to %s cannot be sent: %w", p.Delivery.Type, err))
	default:
		p.undeliverable(err)
	}
}

// fail answers with an error where the sender is to be told, and logs it where not.
func (p *plain) fail(err error) {
	if !p.answerable() {
		p.station.warnOf("message failed", p.Delivery, err)
		return
	}
	p.tell(err)
}

// reject logs a message that reaches no handler, and answers it.
func (p *plain) reject(event string, why *messaging.Error) {
	p.station.warnOf(event, p.Delivery, why)
	if p.answerable() {
		p.tell(why)
	}
}

// refuse is reject: an envelope does not say whether its request was executed.
func (p *plain) refuse(event string, why *messaging.Error) { p.reject(event, why) }

// answerable reports whether an error may be sent back: where something can be sent, not to
// whom sent something to be observed and waits for nothing, and never for an error, or two
// reactors would tell each other for ever.
func (p *plain) answerable() bool {
	if p.Handler != nil && p.Handler.Shape == Observer {
		return p.Delivery.WantsReply()
	}
	return p.Delivery.CanReply() && p.Delivery.Type != statusType
}

// tell sends an error, or its code alone if the whole cannot be sent: details may be as large,
// and as wrong, as a reply.
func (p *plain) tell(err error) {
	status := messaging.AsError(err).Status()
	switch sent := p.reply(status); messaging.CodeOf(sent) {
	case messaging.OK:
	case messaging.ResourceExhausted, messaging.InvalidArgument:
		p.deliver(&mitterev1.Status{Code: status.GetCode(), Message: "the error itself cannot be sent"})
	default:
		p.undeliverable(sent)
	}
}

// deliver replies, and counts what cannot be sent.
func (p *plain) deliver(m proto.Message) {
	if err := p.reply(m); err != nil {
		p.undeliverable(err)
	}
}

// undeliverable counts and logs a reply that could not be sent.
func (p *plain) undeliverable(err error) {
	p.station.road.stats.Undeliverable.Add(1)
	p.station.warnOf("reply not sent", p.Delivery, err)
}

// reply sends a message the way that the delivery came, or keeps it for a peer that has no
// room.
func (p *plain) reply(m proto.Message) error {
	rank := outbox.Reply
	if _, status := m.(*mitterev1.Status); status && p.Handler != nil && p.Handler.Shape == Streaming {
		rank = outbox.Last
	}
	return p.station.outbox.Send(p.station.road.sending, &envelope{p.Delivery, m}, rank)
}

// envelope is an outbound message in an envelope of its own.
type envelope struct {
	delivery *messaging.Delivery // that it answers
	message  proto.Message
}

func (e *envelope) Peer() string                   { return e.delivery.Peer() }
func (e *envelope) Send(ctx context.Context) error { return e.delivery.Reply(ctx, e.message) }
func (e *envelope) Size() int                      { return proto.Size(e.message) }
func (e *envelope) Check() error                   { return nil } // no limit is known without a session

// Keep returns what sends a copy.
func (e *envelope) Keep() func(context.Context) error {
	path, message := e.delivery.ReturnPath(), proto.Clone(e.message)
	return func(ctx context.Context) error { return path.Send(ctx, message) }
}

// describe implements outbound.
func (e *envelope) describe() (dialect, name string, bytes int) {
	return plainDialect, string(e.message.ProtoReflect().Descriptor().FullName()), proto.Size(e.message)
}
