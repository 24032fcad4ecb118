package reactor

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
)

// work is a request of a session that is served, once for all who wait for it.
type work struct {
	host     *host
	entry    entry
	request  *mitterev1.Request
	delivery *messaging.Delivery
	digest   uint64 // of what it asks for
	arrived  time.Duration
	deadline time.Duration // when its time is over; 0 is never
	begin    time.Duration // until when it must have begun; 0 is any time
	ctx      context.Context
	cancel   context.CancelCauseFunc
	job      job
	patience *time.Timer // ends the waiting; nil if it does not wait, or may for ever

	legs   []*leg  // who wait for it; guarded by the host's lock
	first  leg     // of those, the one who asked first
	room   [1]*leg // for that one alone, as is usual
	credit *credit // of a stream
}

// leg is one who waits for a request: the call of a session.
type leg struct {
	session *session
	call    uint64
	work    *work
}

// expired reports whether it is too late to begin.
func (w *work) expired(now time.Duration) bool {
	return w.deadline > 0 && now >= w.deadline || w.begin > 0 && now >= w.begin
}

// wait returns how long the work may wait, 0 if for ever.
func (w *work) wait() time.Duration {
	switch {
	case w.begin > 0 && w.deadline > 0:
		return min(w.begin, w.deadline)
	default:
		return max(w.begin, w.deadline)
	}
}

// stopWaiting ends what ends the waiting.
func (w *work) stopWaiting() {
	if w.patience != nil {
		w.patience.Stop()
	}
}

// errOvertime returns the error of a request that was not begun in time.
func errOvertime() *messaging.Error {
	return messaging.Errorf(messaging.DeadlineExceeded, "the request's time was over before it was begun").
		WithDetails(&mitterev1.Overtime{Phase: mitterev1.Overtime_PHASE_WAITING})
}

// turn runs the work when it is its turn: in a sequential reactor no handler and
// no hook runs beside another.
func (w *work) turn() {
	u := w.host.u
	if u.workers > 0 || w.entry.aside || !u.scheduler.do(u.working, "", w.run) {
		w.run()
	}
}

// run executes the work, unless it is too late.
func (w *work) run() {
	h := w.host
	defer h.u.end(w.delivery)
	defer w.cancel(nil)
	w.stopWaiting()
	now := h.look()
	switch {
	case h.u.working.Err() != nil:
		h.u.stats.refused.Add(1)
		h.finish(w, refusal(errStopped), nil)
	case w.expired(now):
		h.u.stats.expired.Add(1)
		h.finish(w, refusal(errOvertime()), nil)
	case w.ctx.Err() != nil: // nobody waits for it any more
		h.finish(w, refusal(messaging.AsError(context.Cause(w.ctx))), nil)
	default:
		w.handle(now)
	}
}

// handle calls the handler and answers.
func (w *work) handle(now time.Duration) {
	h := w.host
	reply := &mitterev1.Reply{WaitedNano: int64(now - w.arrived)}
	answer, err := w.invoke()
	took := h.u.now() - now
	w.entry.pace.note(took)
	reply.ExecutedNano = int64(took)
	if w.credit != nil {
		reply.Index = w.credit.sent()
	}
	if err != nil {
		reply.Status = w.explain(err).Status()
		answer = nil
	}
	h.finish(w, reply, answer)
}

// invoke calls the handler through the interceptors. Like all that is read of
// what it returned, that may panic.
func (w *work) invoke() (answer []byte, err error) {
	u, request := w.host.u, w.request
	message, err := w.entry.open(&w.delivery.Envelope)
	if err != nil {
		u.stats.malformed.Add(1)
		return nil, err
	}
	c := &Call{
		Request: message, Delivery: w.delivery, Shape: w.entry.shape,
		Method: w.entry.called, Metadata: request.GetMetadata(), work: w,
	}
	if c.Shape == Streaming {
		c.send = w.send
	}
	defer func() {
		if value := recover(); value != nil {
			u.panicked("reply", c.Name(), value, stack())
			answer, err = nil, messaging.Errorf(messaging.Internal, "the handler of %s returned something broken", c.Name())
		}
	}()
	ctx := context.WithValue(w.ctx, callKey{}, c)
	if request.GetTraceparent() != "" {
		ctx = messaging.WithTraceContext(ctx, messaging.TraceContext{Parent: request.GetTraceparent(), State: request.GetTracestate()})
	}
	reply, err := w.entry.through(ctx, c)
	u.stats.handled.Add(1)
	if err != nil {
		u.stats.failed.Add(1)
		return nil, err
	}
	return w.pack(c, reply)
}

// pack returns the envelope of the answer; only a unary handler has one.
func (w *work) pack(c *Call, reply proto.Message) ([]byte, error) {
	if c.Shape != Unary {
		return nil, nil
	}
	if reply == nil || !reply.ProtoReflect().IsValid() {
		return nil, messaging.Errorf(messaging.Internal, "the handler of %s returned nothing", c.Name())
	}
	answer, err := command.New(nil, reply)
	if err != nil {
		return nil, messaging.Errorf(messaging.Internal, "the reply of %s cannot be sent: %w", c.Name(), err)
	}
	if most := w.host.socket.frameSize(); len(answer.Body) > most {
		return nil, messaging.Errorf(messaging.ResourceExhausted, "the answer cannot be sent: %d bytes, of which a frame has %d at most", len(answer.Body), most)
	}
	return answer.Body, nil
}

// explain returns the error of a handler as its callers shall see it: one whose
// context was cancelled is told why, since that was not its callers' doing, if any
// are left.
func (w *work) explain(err error) *messaging.Error {
	if w.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = context.Cause(w.ctx)
	}
	e := messaging.AsError(err)
	if e.Code == messaging.DeadlineExceeded && w.deadline > 0 && w.host.u.now() >= w.deadline {
		return e.WithDetails(&mitterev1.Overtime{Phase: mitterev1.Overtime_PHASE_EXECUTING})
	}
	return e
}

// send sends one message of a stream when there is credit for it and room.
func (w *work) send(ctx context.Context, item proto.Message) error {
	index, err := w.credit.take(ctx)
	if err != nil {
		return err
	}
	l := w.host.first(w)
	if l == nil {
		return context.Cause(w.ctx)
	}
	command, err := command.New(&mitterev1.Item{Call: l.call, Index: index}, item)
	if err == nil {
		err = w.host.stream(ctx, l.session.path, command)
	}
	if err != nil {
		w.credit.giveBack()
	}
	return err
}

// refusal returns the reply to a request that was not executed.
func refusal(err *messaging.Error) *mitterev1.Reply {
	return &mitterev1.Reply{Status: err.Status(), Refused: true}
}

// credit is how many items of a stream may be sent. One goroutine takes it, which
// runs the handler, and one gives it.
type credit struct {
	mu    sync.Mutex
	left  uint64
	index uint64 // of the latest item
	given chan struct{}
}

// newCredit returns some credit.
func newCredit(items uint32) *credit {
	return &credit{left: uint64(items), given: make(chan struct{}, 1)}
}

// give allows further items.
func (c *credit) give(items uint32) {
	c.mu.Lock()
	c.left += uint64(items)
	c.mu.Unlock()
	select {
	case c.given <- struct{}{}:
	default:
	}
}

// take waits until one more item may be sent and returns its number.
func (c *credit) take(ctx context.Context) (index uint64, err error) {
	for {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if index = c.tryTake(); index > 0 {
			return index, nil
		}
		select {
		case <-c.given:
		case <-ctx.Done():
		}
	}
}

// tryTake is take without waiting; 0 means that there is no credit.
func (c *credit) tryTake() (index uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		return 0
	}
	c.left--
	c.index++
	return c.index
}

// giveBack undoes a take whose item was not sent.
func (c *credit) giveBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left++
	c.index--
}

// sent returns how many items were sent.
func (c *credit) sent() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.index
}
