package broker

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// Broker gives the requests of clients to workers that serve them, and the answers
// back. Run may be called once; all other methods may be called by any number of
// goroutines at once.
type Broker struct {
	config
	sockets    []*socket    // a desk.Peer has the index; the main one is the first
	router     *comm.Router // of the main one
	private    private
	management *managementWorker
	began      time.Time
	engine     string // what carries messages, with its version
	started    atomic.Bool
	changed    chan struct{} // something may be due sooner than the loop knows

	asking sync.Mutex // held by the question that looks at all there is

	mu      sync.Mutex // guards what follows; held while an event is handled
	desk    *desk.Desk
	peers   map[desk.Peer]*peer
	keepers map[*peer]struct{} // peers that keep a session
	outbox  []outbound         // messages that the event makes
	posted  int                // of those, how many were sent
	run     []comm.Message     // of those, a batch that is sent at once
	lost    []loss             // peers that were found gone, of which the desk does not know
	refused []refusal          // messages that cannot be sent, of which the desk does not know
	backlog backlog
	due     dates
	stats   Stats
	journal journal

	shutting bool          // it takes no requests any more
	shutAt   time.Duration // since when
}

// New returns a broker at these endpoints, which it binds, separated by commas; it
// serves when it runs, and must be closed. Without a context or an endpoint, or with
// wrong options, the error is INVALID_ARGUMENT.
func New(zctx *comm.Context, endpoints string, options ...Option) (*Broker, error) {
	c := newConfig(zctx, endpoints, options)
	epoch := strings.ToLower(rand.Text()[:8])
	c.name = cmp.Or(c.name, "broker-"+epoch)
	state, err := desk.New(epoch, c.limits)
	c.checks.Note(err)
	if err := c.checks.Err(); err != nil {
		return nil, messaging.Errorf(messaging.InvalidArgument, "broker: %w", err)
	}
	state.NeverRepeat(c.once...)
	state.Expect(ServiceName)
	b := &Broker{
		config: c, private: newPrivate(), began: time.Now(), changed: make(chan struct{}, 1),
		engine: zctx.Engine().Name() + " " + zctx.Engine().Version(),
		desk:   state, peers: map[desk.Peer]*peer{}, keepers: map[*peer]struct{}{}, backlog: newBacklog(c.kept),
		journal: newJournal(c.log),
	}
	if err := b.openSockets(zctx, endpoints); err != nil {
		return nil, errors.Join(messaging.FromComm(err), b.Close())
	}
	if b.management, err = newManagementWorker(zctx, b); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Name returns the name of this broker.
func (b *Broker) Name() string { return b.name }

// Endpoints returns where the broker listens, with real ports, but for the sockets
// of pirates.
func (b *Broker) Endpoints() []string { return b.private.without(b.router.Endpoints()) }

// Close closes the sockets. It is called when Run has returned, or never was.
func (b *Broker) Close() error {
	var wrong []error
	if b.management != nil {
		wrong = append(wrong, b.management.close())
	}
	for _, s := range b.sockets {
		wrong = append(wrong, s.router.Close())
	}
	return messaging.FromComm(errors.Join(wrong...))
}

// Run serves until ctx ends. Then it takes no further requests, lets those that it
// has end, for the drain timeout, and disconnects its peers. A peer that takes none
// of its waiting messages for two seconds meanwhile is evicted. Requests that no worker
// serves are refused at once; questions about the broker itself are answered until the end. It
// returns nil unless a socket failed.
func (b *Broker) Run(ctx context.Context) error {
	if b.started.Swap(true) {
		return messaging.Errorf(messaging.FailedPrecondition, "broker: Run was called before")
	}
	serving, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	l := &loop{Broker: b, serving: serving, received: make(chan arrival)}
	var helpers sync.WaitGroup
	for i, s := range b.sockets {
		helpers.Go(func() {
			if err := l.receive(i, s); err != nil {
				stop(err)
			}
		})
		helpers.Go(func() { l.watch(i, s) })
	}
	working, rest := context.WithCancel(serving)
	defer rest()
	helpers.Go(func() { b.management.run(working) })
	l.serve(ctx)
	rest()
	l.linger()
	failed := context.Cause(serving) // nil unless a socket failed
	stop(nil)
	helpers.Wait()
	return failed
}

// now returns the time for the desk.
func (b *Broker) now() time.Duration { return time.Since(b.began) }
