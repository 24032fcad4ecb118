package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/desk"
	"github.com/mittere/mittere/service/dialect"
	"github.com/mittere/mittere/service/dialect/mdp"
)

// Broker gives the requests of clients to workers that serve them, and the answers
// back. Run may be called once; all other methods may be called by any number of
// goroutines at once.
type Broker struct {
	config
	dialects []dialect.Dialect
	router   *comm.Router
	began    time.Time
	started  atomic.Bool

	mu    sync.Mutex // guards what follows; the loop has it while it handles an event
	desk  *desk.Desk
	peers map[desk.Peer]*peer
	lost  []loss // peers that were found gone during an event
	kept  int    // messages that wait for slow peers
	stats Stats
}

// New returns a broker at these endpoints, which it binds; it serves when it runs,
// and must be closed.
func New(zmq *comm.Context, endpoints string, options ...Option) (*Broker, error) {
	c, wrong := newConfig(options)
	state, err := desk.New(strings.ToLower(rand.Text()[:8]), c.limits)
	if err := errors.Join(wrong, err); err != nil {
		return nil, messaging.Errorf(messaging.InvalidArgument, "broker: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	router, err := comm.NewRouter(zmq, endpoints, c.socket...)
	if err != nil {
		return nil, messaging.FromComm(err)
	}
	heartbeat := mdp.WithHeartbeat(c.heartbeat, c.liveness)
	return &Broker{
		config: c, router: router, began: time.Now(), desk: state, peers: map[desk.Peer]*peer{},
		dialects: []dialect.Dialect{mdp.V1(heartbeat), mdp.V2(heartbeat)},
	}, nil
}

// Endpoints returns where the broker listens, with real ports.
func (b *Broker) Endpoints() []string { return b.router.Endpoints() }

// Close closes the socket. It is called when Run has returned, or never was.
func (b *Broker) Close() error { return messaging.FromComm(b.router.Close()) }

// now returns the time for the desk.
func (b *Broker) now() time.Duration { return time.Since(b.began) }

// Run serves until ctx ends. Then it takes no further requests, lets those that it
// has end, for the drain timeout, and disconnects the workers. It returns nil unless
// the socket failed.
func (b *Broker) Run(ctx context.Context) error {
	if b.started.Swap(true) {
		return messaging.Errorf(messaging.FailedPrecondition, "broker: Run was called before")
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	l := &loop{Broker: b, received: make(chan []comm.Message)}
	var receiver sync.WaitGroup
	receiver.Go(func() { l.failed = l.receive(serving) })
	l.serve(ctx)
	l.linger()
	stop()
	receiver.Wait()
	return l.failed
}

// batchSize is how many messages are taken off the socket at once.
const batchSize = 64

// loop is a broker while it runs: one goroutine receives, one does all else.
type loop struct {
	*Broker
	received chan []comm.Message // closed when nothing comes any more
	failed   error               // why the socket gives nothing more; the receiver's until it ended
}

// receive hands messages to the loop until ctx ends or the socket is closed.
func (l *loop) receive(ctx context.Context) error {
	defer close(l.received)
	for {
		batch := make([]comm.Message, batchSize)
		n, err := l.router.RecvBatch(ctx, batch)
		if n > 0 {
			select {
			case l.received <- batch[:n]:
			case <-ctx.Done():
				return nil
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !errors.Is(err, comm.TooLarge):
			return messaging.FromComm(err)
		}
	}
}

// serve handles what comes, and what is due, until ctx ended and all requests have,
// or there is no time for them.
func (l *loop) serve(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	stopping := ctx.Done()
	var deadline <-chan time.Time
	for {
		select {
		case batch, open := <-l.received:
			if !open {
				return
			}
			l.takeAll(batch)
		case <-timer.C:
		case <-stopping:
			stopping = nil
			deadline = time.After(l.drain)
			l.event(l.desk.Shut)
		case <-deadline:
			l.event(l.desk.End)
			return
		}
		next := l.tick()
		if stopping == nil && l.empty() {
			l.event(l.desk.End)
			return
		}
		timer.Reset(next)
	}
}

// lastWords is how long peers may take to read what they are sent last. libzmq drops
// what a peer with ZMQ_IMMEDIATE has not read when its connection ends.
const lastWords = 100 * time.Millisecond

// linger keeps the connections for a moment, if there are any.
func (l *loop) linger() {
	if l.Stats().Peers == 0 {
		return
	}
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	for {
		select {
		case _, open := <-l.received: // and drops it: the desk has ended
			if !open {
				return
			}
		case <-timer.C:
			return
		}
	}
}

// empty reports whether no client waits for anything.
func (b *Broker) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.desk.Load().Calls == 0 && b.kept == 0
}

// event has the desk do something, and does what it wants done.
func (b *Broker) event(f func(time.Duration) []desk.Action) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.carryOut(f(b.now()))
}

const (
	// longestPause is how long the loop sleeps when nothing is due.
	longestPause = time.Second
	// retryPause is how long messages for slow peers are left alone.
	retryPause = 5 * time.Millisecond
)

// tick does what is due, and returns when to look again.
func (b *Broker) tick() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.carryOut(b.desk.Tick(now))
	b.flush()
	b.forget(now)
	next := longestPause
	if at, ok := b.desk.Next(); ok {
		next = min(next, max(at-now, 0))
	}
	if b.kept > 0 {
		next = min(next, retryPause)
	}
	return next
}

// takeAll takes messages.
func (b *Broker) takeAll(batch []comm.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range batch {
		b.take(m)
	}
}

// take takes one message: to the peer's dialect, which is that of its first one.
func (b *Broker) take(m comm.Message) {
	b.stats.Received++
	now := b.now()
	p := b.peerOf(string(m.Frames[0]), m.Frames[1:])
	if p == nil {
		b.stats.Violations++
		return
	}
	p.heard = now
	actions, answers, err := p.speaker.Read(now, m.Frames[1:])
	if err != nil {
		b.stats.Violations++
		b.log.Debug("message dropped", "dialect", p.dialect, "error", err)
	}
	for _, frames := range answers {
		b.send(p, frames, 0)
	}
	b.carryOut(actions)
}

// carryOut does what the desk wants done, and tells it of the peers that are gone
// until nothing is left to do.
func (b *Broker) carryOut(actions []desk.Action) {
	b.perform(actions)
	for len(b.lost) > 0 {
		l := b.lost[0]
		b.lost = b.lost[1:]
		b.perform(b.desk.Gone(b.now(), l.peer, l.unsent...))
	}
}

// perform sends what actions say.
func (b *Broker) perform(actions []desk.Action) {
	for _, action := range actions {
		to, leg := addressee(action)
		p := b.peers[to]
		if p == nil {
			b.lose(to, leg)
			continue
		}
		if frames := p.speaker.Write(action); frames != nil {
			b.send(p, frames, leg)
		}
	}
}

// addressee returns to whom an action goes, and the leg that is lost if it cannot
// be sent, 0 if none.
func addressee(action desk.Action) (to desk.Peer, leg uint64) {
	switch a := action.(type) {
	case desk.Deliver:
		return a.To, a.Leg
	case desk.CancelLeg:
		return a.To, 0
	case desk.CreditLeg:
		return a.To, 0
	case desk.Heartbeat:
		return a.To, 0
	case desk.Disconnect:
		return a.To, 0
	case desk.Accepted:
		return a.To, 0
	case desk.Reply:
		return a.To, 0
	case desk.Item:
		return a.To, 0
	case desk.Event:
		return a.To, 0
	default:
		return desk.Peer{}, 0
	}
}
