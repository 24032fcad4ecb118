package reactor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mittere/mittere/messaging"
)

// Socket is what a reactor listens on: every receiving socket of messaging.
type Socket interface {
	// Recv waits for a message. An error without a delivery is about one message,
	// unless the socket is closed.
	Recv(context.Context) (*messaging.Delivery, error)
	// String names the socket in logs and errors.
	String() string
}

// Reactor calls a handler for each message that its sockets receive. Run may be
// called once; all other methods may be called by any number of goroutines at
// once.
type Reactor struct {
	config
	entries  map[string]entry
	stations []*station
	stats    counters
	noise    noise
	started  atomic.Bool
	latest   atomic.Int64 // when a message came last, in Unix nanoseconds
}

// entry is a handler behind its interceptors.
type entry struct {
	*handler
	through Invoker
}

// station is one socket of a reactor.
type station struct {
	Socket
	outbox *outbox // nil where a reply waits for room itself
}

// New returns a reactor that does nothing until Run. It reports everything that
// is wrong with the handlers and the options at once. The sockets stay the
// caller's, who closes them when Run has returned.
func New(handlers *Handlers, sockets []Socket, options ...Option) (*Reactor, error) {
	c, err := newConfig(options)
	if len(sockets) == 0 {
		err = errors.Join(err, errors.New("no sockets to listen on"))
	}
	if err := errors.Join(handlers.err(), err); err != nil {
		return nil, messaging.Errorf(messaging.InvalidArgument, "reactor: %w", err)
	}
	r := &Reactor{config: c, entries: map[string]entry{}, noise: noise{log: c.log}}
	for name, h := range handlers.byType {
		r.entries[name] = entry{handler: h, through: r.intercept(h.invoke)}
	}
	for _, socket := range sockets {
		r.stations = append(r.stations, newStation(socket, c.outbox))
	}
	return r, nil
}

// newStation gives a socket an outbox if its replies do not wait.
func newStation(socket Socket, limit int) *station {
	s := &station{Socket: socket}
	if waits, ok := socket.(interface{ WaitRoom(context.Context) error }); ok {
		s.outbox = newOutbox(limit, waits.WaitRoom)
	}
	return s
}

// intercept puts the interceptors around a handler.
func (r *Reactor) intercept(invoke Invoker) Invoker {
	first := Recover(func(c *Call, value any, stack []byte) {
		r.stats.panicked.Add(1)
		r.log.Error("handler panicked", "type", c.Delivery.Type, "panic", value, "stack", string(stack))
	})
	return first(chain(r.interceptors, invoke))
}

// Run calls the start hooks, then receives and handles messages until ctx ends
// or a socket is closed. Then it receives no more, lets handlers finish what was
// received for the stop timeout, cancels their contexts, and returns when
// everything it started has ended. It returns nil if ctx ended and all handlers
// with it; otherwise it says why.
func (r *Reactor) Run(ctx context.Context) error {
	if r.started.Swap(true) {
		return messaging.Errorf(messaging.FailedPrecondition, "reactor: Run was called before")
	}
	for _, hook := range r.start {
		if err := hook(ctx); err != nil {
			return fmt.Errorf("reactor: start: %w", err)
		}
	}
	return newRun(ctx, r).untilDone(ctx)
}

// run is a reactor while it runs.
type run struct {
	*Reactor
	receiving context.Context // ends when nothing more is to be received
	stop      context.CancelCauseFunc
	working   context.Context // of handlers; ends when their time is up
	abandon   context.CancelCauseFunc
	scheduler scheduler
	producers sync.WaitGroup // who give the scheduler work
	senders   sync.WaitGroup // who empty the outboxes
	began     time.Time
}

// newRun prepares what a run shares.
func newRun(ctx context.Context, r *Reactor) *run {
	u := &run{Reactor: r, scheduler: newScheduler(r.workers), began: time.Now()}
	u.receiving, u.stop = context.WithCancelCause(ctx)
	u.working, u.abandon = context.WithCancelCause(context.WithoutCancel(ctx))
	r.latest.Store(u.began.UnixNano())
	return u
}

// untilDone starts everything, waits for the end and joins it.
func (u *run) untilDone(ctx context.Context) error {
	for _, s := range u.stations {
		u.producers.Go(func() { u.receive(s) })
		if s.outbox != nil {
			u.senders.Go(func() { u.empty(s.outbox) })
		}
	}
	for _, t := range u.timers {
		u.producers.Go(func() { u.tick(t) })
	}
	<-u.receiving.Done()
	return errors.Join(u.reason(ctx), u.finish())
}

// reason says why a run ended that was not asked to.
func (u *run) reason(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(u.receiving)
}

// errStopped is why the context of a handler ends that outlives its reactor.
var errStopped = errors.New("the reactor stopped")

// lastGrace is how long handlers have once their context is cancelled.
const lastGrace = time.Second

// finish waits for what runs, for a bounded time.
func (u *run) finish() error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.producers.Wait()
		u.scheduler.finish()
		u.flushOutboxes()
		u.abandon(errStopped)
		u.senders.Wait()
	}()
	timeout := time.AfterFunc(u.stopTimeout, func() { u.abandon(errStopped) })
	defer timeout.Stop()
	select {
	case <-ended:
		return nil
	case <-time.After(u.stopTimeout + lastGrace):
		return messaging.Errorf(messaging.DeadlineExceeded,
			"reactor: handlers still run %v after their contexts were cancelled", lastGrace)
	}
}
