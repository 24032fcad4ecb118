package reactor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mittere/mittere/internal/options"
	"github.com/mittere/mittere/messaging"
)

// Socket is what a reactor listens on: every receiving socket of messaging. On a
// [messaging.Worker] it works for a broker, with which it keeps a session while it
// runs; see [WithOffer].
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
	entries  map[string]entry // by message type
	methods  map[string]entry // by name
	shared   map[string]bool  // types that several methods take
	stations []*station
	stats    counters
	noise    *noise
	started  atomic.Bool
	draining atomic.Bool
	withheld atomic.Bool         // nothing is offered to brokers for now
	running  atomic.Pointer[run] // nil before Run
}

// entry is a handler behind its interceptors.
type entry struct {
	*handler
	called  string // the method's name; empty if there is none
	through Invoker
	pace    *pace
}

// station is one socket of a reactor.
type station struct {
	Socket
	outbox *outbox // nil where nothing can be sent
	host   *host   // nil where no commands are received; made by Run
	relay  relay
	member *member // nil where no broker is
}

// LogValue returns the socket's name, for lines that are logged and not for those
// that are left out.
func (s *station) LogValue() slog.Value { return slog.StringValue(s.String()) }

// commanded reports whether commands are received.
func (s *station) commanded() bool {
	_, serves := s.Socket.(*messaging.Server)
	return serves || s.member != nil
}

// newStation returns a socket that nothing is done with yet.
func newStation(socket Socket, c config, offer Offer) *station {
	s := &station{Socket: socket, outbox: newOutbox(socket, c)}
	if worker, works := socket.(*messaging.Worker); works {
		s.member = newMember(worker, offer)
	}
	return s
}

// New returns a reactor that does nothing until Run. It reports everything that
// is wrong with the handlers, the sockets and the options at once. The sockets
// stay the caller's, who closes them when Run has returned.
func New(handlers *Handlers, sockets []Socket, options ...Option) (*Reactor, error) {
	c := newConfig(options)
	offer := c.offered()
	if err := c.checkAll(handlers, sockets, offer); err != nil {
		return nil, messaging.Errorf(messaging.InvalidArgument, "reactor: %w", err)
	}
	r := &Reactor{config: c, noise: newNoise(c.log)}
	byType, shared := handlers.byRequest()
	r.entries, r.methods, r.shared = r.guard(byType), r.guard(handlers.byMethod), shared
	for _, socket := range sockets {
		r.stations = append(r.stations, newStation(socket, c, offer))
	}
	return r, nil
}

// checkAll returns everything that is wrong with what a reactor is made of.
func (c *config) checkAll(handlers *Handlers, sockets []Socket, offer Offer) error {
	var all options.Checks
	all.Note(handlers.check()...)
	all.Note(checkSockets(sockets)...)
	all.Note(c.checkOffer(sockets, offer)...)
	all.Note(c.checks.Err())
	return all.Err()
}

// guard puts the interceptors around handlers.
func (r *Reactor) guard(handlers map[string]*handler) map[string]entry {
	entries := map[string]entry{}
	for name, h := range handlers {
		e := entry{handler: h, through: r.intercept(h.invoke), pace: new(pace)}
		if h.method != nil {
			e.called = MethodName(h.method)
		}
		entries[name] = e
	}
	return entries
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
	first := Recover(func(c *Call, value any, stack []byte) { r.panicked("handler", c.Name(), value, stack) })
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
// sends what is in the outboxes, for the stop timeout; where calls run it still
// hears their callers, and refuses what is new. Then it cancels the
// handlers' contexts, refuses with code [messaging.Unavailable] what they have not
// begun, and returns when everything it started has ended. It returns nil if ctx
// ended and all handlers with it; otherwise it says why. It ends with code
// [messaging.AlreadyExists] if a broker gave the name of [Offer] to another worker, or with
// the broker's error if that will never accept the offer; see [Reactor.WaitJoined]. If handlers ignore the
// end of their contexts it returns a second later all the same, with an error
// with code [messaging.DeadlineExceeded].
func (r *Reactor) Run(ctx context.Context) error {
	if r.started.Swap(true) {
		return messaging.Errorf(messaging.FailedPrecondition, "reactor: Run was called before")
	}
	defer r.joinNoMore()
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
	producers sync.WaitGroup  // who give the scheduler work
	senders   sync.WaitGroup  // who empty the outboxes, and keep the sessions
	gate      *gate           // of what came among commands
	aside     *gate           // of those that run beside
	handling  context.Context // ends when no handler runs any more
	handled   context.CancelFunc
	began     time.Time
	idles     bool         // whether anybody wants to know what follows
	busy      atomic.Int64 // messages that are received and not yet done with
	latest    atomic.Int64 // when that last changed, in nanoseconds after began
}

// newRun prepares what a run shares.
func newRun(ctx context.Context, r *Reactor) *run {
	u := &run{Reactor: r, began: time.Now()}
	u.gate, u.aside = newGate(max(r.workers, 1), r.queue, r.queueBytes), newGate(asideLimit, asideQueue, r.queueBytes)
	u.scheduler = newScheduler(r.workers, slices.ContainsFunc(r.stations, func(s *station) bool { return !s.commanded() }))
	u.idles = slices.ContainsFunc(r.timers, func(t timer) bool { return t.idle })
	u.receiving, u.stop = context.WithCancelCause(ctx)
	u.working, u.abandon = context.WithCancelCause(context.WithoutCancel(ctx))
	u.sending, u.hangUp = context.WithCancelCause(context.WithoutCancel(ctx))
	u.handling, u.handled = context.WithCancel(context.WithoutCancel(ctx))
	return u
}

// untilDone starts everything, waits for the end and joins it.
func (u *run) untilDone(ctx context.Context) error {
	for _, s := range u.stations {
		if s.commanded() {
			s.host = newHost(u, s)
		}
		if s.outbox != nil {
			s.outbox.lost = func(peer string, letters int) { u.giveUp(s, peer, letters) }
		}
	}
	u.Reactor.running.Store(u)
	for _, s := range u.stations {
		if s.host != nil {
			u.senders.Go(s.host.tend)
			u.keep(s.host)
		}
		s.relay.listen = func(turn uint64) { u.producers.Go(func() { u.listen(s, turn) }) }
		s.relay.listen(s.relay.turn.Add(1))
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

// keep starts what keeps a host's connections: to a broker, or those of clients.
func (u *run) keep(h *host) {
	if h.member != nil {
		u.senders.Go(h.attend)
		return
	}
	u.producers.Go(h.watch)
}

// gateOf returns the gate that work goes through.
func (u *run) gateOf(w *work) *gate { return u.gateFor(w.entry) }

// gateFor returns the gate that a handler's messages go through.
func (u *run) gateFor(e entry) *gate {
	if e.aside {
		return u.aside
	}
	return u.gate
}

// Drain makes the reactor take no further calls, tells its callers and brokers so, and
// waits until those that were taken have ended and their answers have been handed to
// the network, or ctx has ended. Those that come meanwhile are refused with code
// [messaging.Unavailable], but for those that a broker sent before it heard of this. Handlers that run [Aside] go on, and so do sockets that
// receive no commands. A broker that is lost is not joined again. What is kept for a peer
// that takes nothing for two seconds is dropped, and a stream to it ends.
func (r *Reactor) Drain(ctx context.Context) error {
	r.draining.Store(true)
	u := r.running.Load()
	if u == nil {
		return nil
	}
	defer u.forsakeUnread()()
	for _, s := range u.stations {
		if s.host != nil {
			s.host.drain()
		}
	}
	for _, s := range u.stations {
		if s.host != nil && s.host.member != nil {
			s.host.member.awaitRelease(ctx)
		}
	}
	if !ended(ctx, u.gate.idle()) {
		return messaging.AsError(ctx.Err())
	}
	for _, s := range u.stations {
		if s.host != nil && !s.outbox.await(ctx) {
			return messaging.Errorf(messaging.DeadlineExceeded, "%d answers wait for callers who do not read", s.outbox.size())
		}
	}
	return nil
}

// ended waits for something until ctx ends. What has happened has, also if ctx has
// ended before.
func ended(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
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
		u.gate.finish()
		u.aside.finish()
		u.scheduler.finish()
		u.handled()
		u.senders.Wait()
	}()
	defer u.handled()
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
