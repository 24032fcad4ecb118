package serving

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/schedule"
)

// Request is one message on the road: a plain envelope, or the request of a session. It belongs
// to one goroutine at a time, but for Send and Progress.
type Request struct {
	// Delivery is the message as it arrived.
	Delivery *messaging.Delivery
	// Handler is where it goes; nil if it goes nowhere.
	Handler *Handler
	// Metadata is what the sender attached.
	Metadata map[string]string

	trace   messaging.TraceContext
	station *Station
	replier replier
	job     schedule.Job
	ctx     context.Context // of the handler
	pending bool            // Drain waits for it
	runs    bool            // its handler does
}

// replier answers a request, by the way that it came.
type replier interface {
	// late returns why it is too late for the handler; nil if it is not.
	late() *messaging.Error
	// streams returns why a stream cannot be the answer; nil if it can.
	streams() error
	// answer sends what the handler returned, nil unless that is unary.
	answer(reply proto.Message)
	// fail sends the handler's error.
	fail(err error)
	// reject sends what is wrong with a request that its handler cannot read, and refuse why
	// one is not executed and never will be. The log says so too.
	reject(event string, why *messaging.Error)
	refuse(event string, why *messaging.Error)
	// send sends an item of a stream, and waits for room.
	send(ctx context.Context, item proto.Message) error
	// progress sends a report to the callers.
	progress(report proto.Message) error
	// queued is called when the request has to wait.
	queued()
	// close is called once, when the request has left the road.
	close()
}

// Send sends an item of a stream.
func (r *Request) Send(ctx context.Context, item proto.Message) error {
	return r.replier.send(ctx, item)
}

// Progress tells the callers how far the request has come.
func (r *Request) Progress(report proto.Message) error { return r.replier.progress(report) }

// Queued implements [schedule.Task].
func (r *Request) Queued() { r.replier.queued() }

// Name returns the method, or else the full name of the message's type.
func (r *Request) Name() string {
	if r.Handler != nil && r.Handler.Name != "" {
		return r.Handler.Name
	}
	return r.Delivery.Type
}

// leave takes the request off the road.
func (r *Request) leave() {
	r.replier.close()
	r.Delivery.Release()
	r.station.road.activity.end(&r.station.road.phases)
	if r.pending {
		r.station.road.pending.end()
	}
}

// Run implements [schedule.Task]: it calls the handler, unless it is too late, and answers.
func (r *Request) Run() {
	defer r.end()
	road := r.station.road
	if road.working.Err() != nil {
		road.stats.Refused.Add(1)
		r.replier.refuse("message refused", ErrStopped)
		return
	}
	if late := r.replier.late(); late != nil {
		r.replier.refuse("message refused", late)
		return
	}
	message, err := r.Handler.Open(&r.Delivery.Envelope)
	if err != nil {
		road.stats.Malformed.Add(1)
		r.replier.reject("message dropped", messaging.AsError(err))
		return
	}
	r.runs = true
	reply, err := r.handle(message)
	r.runs = false
	road.stats.Handled.Add(1)
	r.answer(reply, err)
}

// end takes the request off the road when it has run. If it panicked, the caller is told, but
// nothing of the panic.
func (r *Request) end() {
	defer r.leave()
	value := recover()
	if value == nil {
		return
	}
	road, what := r.station.road, "reply"
	err := messaging.Errorf(messaging.Internal, "the handler of %s returned something broken", r.Name())
	if r.runs {
		what, err = "handler", messaging.Errorf(messaging.Internal, "the handler of %s panicked", r.Name())
		road.stats.Handled.Add(1)
		road.stats.Failed.Add(1)
	}
	road.stats.Panicked.Add(1)
	road.panicked(what, r.Name(), value)
	r.replier.fail(err)
}

// handle calls the handler through its interceptors.
func (r *Request) handle(message proto.Message) (proto.Message, error) {
	if r.Handler.Shape == Streaming {
		if err := r.replier.streams(); err != nil {
			return nil, err
		}
	}
	ctx := r.ctx
	if r.trace.Parent != "" {
		ctx = messaging.WithTraceContext(ctx, r.trace)
	}
	return r.Handler.Invoke(ctx, r, message)
}

// answer sends the result of the handler. Like all that is read of that, it may
// panic.
func (r *Request) answer(reply proto.Message, err error) {
	switch {
	case err != nil:
		r.station.road.stats.Failed.Add(1)
		r.replier.fail(r.translate(err))
	case r.Handler.Shape != Unary:
		r.replier.answer(nil)
	case reply == nil || !reply.ProtoReflect().IsValid():
		r.replier.fail(messaging.Errorf(messaging.Internal, "the handler of %s returned nothing", r.Name()))
	default:
		r.replier.answer(reply)
	}
}

// translate returns the error of a handler as its caller shall see it: one whose context was
// cancelled is told why, since to the caller it would mean that the caller cancelled.
func (r *Request) translate(err error) error {
	if r.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return context.Cause(r.ctx)
	}
	return err
}
