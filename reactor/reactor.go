package reactor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
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
	noise    *noise
	started  atomic.Bool
}

// entry is a handler behind its interceptors.
type entry struct {
	*handler
	through Invoker
}

// station is one socket of a reactor.
type station struct {
	Socket
	outbox *outbox // nil where nothing can be sent
}

// LogValue returns the socket's name, for lines that are logged and not for those
// that are left out.
func (s *station) LogValue() slog.Value { return slog.StringValue(s.String()) }

// New returns a reactor that does nothing until Run. It reports everything that
// is wrong with the handlers, the sockets and the options at once. The sockets
// stay the caller's, who closes them when Run has returned.
func New(handlers *Handlers, sockets []Socket, options ...Option) (*Reactor, error) {
	c := newConfig(options)
	if wrong := slices.Concat(handlers.check(), checkSockets(sockets), c.wrong); len(wrong) > 0 {
		text := errors.Join(wrong...).Error()
		return nil, messaging.Errorf(messaging.InvalidArgument, "reactor: %s", strings.ReplaceAll(text, "\n", "; "))
	}
	r := &Reactor{config: c, entries: map[string]entry{}, noise: newNoise(c.log)}
	for name, h := range handlers.byType {
		r.entries[name] = entry{handler: h, through: r.intercept(h.invoke)}
	}
	for _, socket := range sockets {
		r.stations = append(r.stations, &station{Socket: socket, outbox: newOutbox(socket, c)})
	}
	return r, nil
}

// checkSockets refuses a socket that is nil, or there twice: two readers would
// mix up the order of its messages.
func checkSockets(sockets []Socket) (wrong []error) {
	if len(sockets) == 0 {
		return []error{errors.New("no sockets to listen on")}
	}
	for i, socket := range sockets {
		switch v := reflect.ValueOf(socket); {
		case socket == nil || v.Kind() == reflect.Pointer && v.IsNil():
			wrong = append(wrong, fmt.Errorf("socket %d is nil", i))
		case v.Comparable() && slices.Contains(sockets[:i], socket):
			wrong = append(wrong, fmt.Errorf("socket %d, %v, is there twice", i, socket))
		}
	}
	return wrong
}

// intercept puts the interceptors around a handler.
func (r *Reactor) intercept(invoke Invoker) Invoker {
	first := Recover(func(c *Call, value any, stack []byte) { r.panicked("handler", c.Delivery.Type, value, stack) })
	return first(chain(r.interceptors, invoke))
}

// panicked counts a panic over a message and logs it, unless one over the same
// type was logged just before: peers can cause as many as they like.
func (r *Reactor) panicked(who, name string, value any, stack []byte) {
	r.stats.panicked.Add(1)
	r.noise.fault(who+" panicked", name, value, stack)
}

// Run calls the start hooks, then receives and handles messages until ctx ends
// or a socket is closed. Then it receives no more, handles what was received and
// sends what is in the outboxes, for the stop timeout; then it cancels the
// handlers' contexts, refuses with code [messaging.Unavailable] what they have not
// begun, and returns when everything it started has ended. It returns nil if ctx
// ended and all handlers with it; otherwise it says why. If handlers ignore the
// end of their contexts it returns a second later all the same, with an error
// with code [messaging.DeadlineExceeded].
func (r *Reactor) Run(ctx context.Context) error {
	if r.started.Swap(true) {
		return messaging.Errorf(messaging.FailedPrecondition, "reactor: Run was called before")
	}
	for _, hook := range r.start {
		err := r.contain(ctx, hook)
		if ctx.Err() != nil {
			return nil // stopped before it began
		}
		if err != nil {
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
	sending   context.Context // of replies; ends a little later, for the last ones
	hangUp    context.CancelCauseFunc
	scheduler scheduler
	producers sync.WaitGroup // who give the scheduler work
	senders   sync.WaitGroup // who empty the outboxes
	answered  chan struct{}  // closed when no handler runs any more
	began     time.Time
	idles     bool         // whether anybody wants to know what follows
	busy      atomic.Int64 // messages that are received and not yet done with
	latest    atomic.Int64 // when that last changed, in nanoseconds after began
}

// newRun prepares what a run shares.
func newRun(ctx context.Context, r *Reactor) *run {
	u := &run{Reactor: r, scheduler: newScheduler(r.workers), answered: make(chan struct{}), began: time.Now()}
	u.idles = slices.ContainsFunc(r.timers, func(t timer) bool { return t.idle })
	u.receiving, u.stop = context.WithCancelCause(ctx)
	u.working, u.abandon = context.WithCancelCause(context.WithoutCancel(ctx))
	u.sending, u.hangUp = context.WithCancelCause(context.WithoutCancel(ctx))
	return u
}

// untilDone starts everything, waits for the end and joins it.
func (u *run) untilDone(ctx context.Context) error {
	for _, s := range u.stations {
		u.producers.Go(func() { u.receive(s) })
		if s.outbox != nil {
			u.senders.Go(func() { u.empty(s) })
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

// errStopped is why the context of a handler ends that outlives its reactor. A
// handler that returns it tells the caller to go elsewhere.
var errStopped = messaging.Errorf(messaging.Unavailable, "the reactor stopped")

// finish waits for what runs, for a bounded time.
func (u *run) finish() error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.producers.Wait()
		u.scheduler.finish()
		close(u.answered)
		u.senders.Wait()
	}()
	defer endAfter(u.stopTimeout, u.abandon)()
	defer endAfter(u.stopTimeout+u.lastWords, u.hangUp)()
	select {
	case <-ended:
		return nil
	case <-time.After(u.stopTimeout + u.lastGrace):
		return messaging.Errorf(messaging.DeadlineExceeded,
			"reactor: handlers still run %v after their contexts were cancelled", u.lastGrace)
	}
}

// endAfter ends a context in a while, or when the function it returns is called.
func endAfter(d time.Duration, end context.CancelCauseFunc) (now func()) {
	timer := time.AfterFunc(d, func() { end(errStopped) })
	return func() {
		timer.Stop()
		end(errStopped)
	}
}
