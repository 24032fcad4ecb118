package registry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/internal/broadcast"
	"github.com/mittere/mittere/internal/management"
	"github.com/mittere/mittere/internal/ratelog"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/registry/store"
)

// Server serves a [Table]: the name service of dīvidere, with leases, many
// instances a name, and watchers. Run may be called once; all other methods may be
// called by any number of goroutines at once.
type Server struct {
	serverConfig
	socket  *messaging.Server
	events  *messaging.Publisher // nil if nothing is published
	plain   *plainMessages
	reactor *reactor.Reactor
	limited *ratelog.Log // of what peers cause
	started atomic.Bool
	began   atomic.Int64 // when Run did, in Unix nanoseconds

	stopping context.Context // ends when Run is asked to; watches end with it
	stop     context.CancelFunc

	listeners int // subscribers when last looked at; announce's own

	mu      sync.Mutex // guards what follows
	table   *Table
	clock   clock
	changed broadcast.Signal           // at each change
	unsaved []*mitterev1.WatchResponse // changes that the store does not have
	saved   chan struct{}              // closed and replaced when it has them; nil without a store
	failing bool                       // the store failed when it was last written
	dirty   chan struct{}              // holds a token if something is unsaved
}

const (
	// tickEvery is how often a registry looks at its clock.
	tickEvery = 100 * time.Millisecond
	// maxCalls is how many calls a registry serves at once: nearly all are
	// watchers, which cost little.
	maxCalls = 1_000_000
	// saveAgain is how long a store that failed is left alone.
	saveAgain = time.Second
	// lastSave is how long a store may take when the registry stops.
	lastSave = time.Second
	// stopTimeout is how long handlers may take when the registry stops. None does
	// but those that wait for a store, or for a watcher that reads nothing.
	stopTimeout = time.Second
)

// NewServer returns a registry at these endpoints, which it binds; it serves when
// it runs. It must be closed.
func NewServer(zctx *comm.Context, endpoints string, options ...ServerOption) (*Server, error) {
	config, wrong := newServerConfig(options)
	epoch := make([]byte, 16)
	_, _ = rand.Read(epoch) // it never fails
	table, err := NewTable(epoch, config.limits)
	if err := errors.Join(wrong, err); err != nil {
		return nil, messaging.Errorf(messaging.InvalidArgument, "registry: %w", err)
	}
	plain, err := newPlainMessages()
	if err != nil {
		return nil, err
	}
	s := &Server{serverConfig: config, table: table, plain: plain, limited: ratelog.New(config.log), dirty: make(chan struct{}, 1)}
	s.stopping, s.stop = context.WithCancel(context.Background())
	if s.store != nil {
		s.saved = make(chan struct{})
	}
	if err := s.openSockets(zctx, endpoints); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openSockets makes the sockets and the reactor.
func (s *Server) openSockets(zctx *comm.Context, endpoints string) (err error) {
	if s.socket, err = messaging.NewServer(zctx, endpoints, messaging.WithSocket(s.serverConfig.socket...)); err != nil {
		return err
	}
	if s.serverConfig.events != "" {
		if s.events, err = messaging.NewPublisher(zctx, s.serverConfig.events, messaging.WithSocket(s.serverConfig.socket...)); err != nil {
			return err
		}
	}
	handlers := s.plainHandlers()
	mitterev1mittere.RegisterRegistryService(handlers, service{s})
	about := s.about(handlers)
	options := []reactor.Option{
		reactor.WithPool(maxCalls, nil), reactor.WithLogger(s.log), reactor.WithHeartbeat(leastHeartbeat),
		reactor.WithTimer(tickEvery, s.tick), reactor.WithInterceptors(about.Methods.Count, reactor.EndStreams(s.stopping)), reactor.WithStopTimeout(stopTimeout),
	}
	if s.events != nil {
		options = append(options, reactor.WithTimer(tickEvery, s.announce), reactor.WithTimer(s.table.limits.PlainLease/3, s.rediscover))
	}
	s.reactor, err = reactor.New(reactor.Join(handlers, management.Handlers(about)), []reactor.Socket{s.socket}, options...)
	return err
}

// about is what the registry tells of itself: what every server does.
func (s *Server) about(handlers *reactor.Handlers) *management.Server {
	return &management.Server{
		Name: mitterev1mittere.RegistryServiceName, ID: hex.EncodeToString(s.table.Epoch()), Endpoints: s.Endpoints, Handlers: handlers,
		Health: s.health, Stats: func() reactor.Stats { return s.reactor.Stats() },
		Methods: management.NewMethods(handlers), Began: s.began.Load,
	}
}

// health says whether the registry takes requests.
func (s *Server) health() mitterev1.Health {
	if s.stopping.Err() != nil {
		return mitterev1.Health_HEALTH_DRAINING
	}
	return mitterev1.Health_HEALTH_SERVING
}

// leastHeartbeat is the shortest that a client may ask for, so that clients that must
// notice a restart soon can.
const leastHeartbeat = 100 * time.Millisecond

// Endpoints returns where the registry serves, with real ports.
func (s *Server) Endpoints() []string { return s.socket.Endpoints() }

// EventEndpoints returns where it asks dīvidere's services to register again.
func (s *Server) EventEndpoints() []string {
	if s.events == nil {
		return nil
	}
	return s.events.Endpoints()
}

// Close closes the sockets. It is called when Run has returned, or never was.
func (s *Server) Close() (err error) {
	if s.socket != nil {
		err = s.socket.Close()
	}
	if s.events != nil {
		err = errors.Join(err, s.events.Close())
	}
	return err
}

// Run loads what the store keeps and serves until ctx ends, which is no error.
func (s *Server) Run(ctx context.Context) error {
	if s.started.Swap(true) {
		return messaging.Errorf(messaging.FailedPrecondition, "registry: Run was called before")
	}
	s.began.Store(time.Now().UnixNano())
	if err := s.load(ctx); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, s.stop)()
	// Handlers may wait for the store until the last of them has ended.
	serving, served := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	defer background.Wait()
	defer served()
	if s.store != nil {
		background.Go(func() { s.keep(serving) })
	}
	return s.reactor.Run(ctx)
}

// load fills the table with what the store keeps.
func (s *Server) load(ctx context.Context) error {
	if s.store == nil {
		return nil
	}
	entries, err := s.store.Load(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.Restore(s.now(), s.usable(entries)...)
}

// usable returns entries without those that no registry takes any more, as one that was
// kept by an older version which asked less of an endpoint.
func (s *Server) usable(entries []*mitterev1.Entry) []*mitterev1.Entry {
	return slices.DeleteFunc(entries, func(entry *mitterev1.Entry) bool {
		err := store.CheckEntry(entry)
		if err != nil {
			s.limited.Write(slog.LevelWarn, "an entry of the store is left out", "error", err)
		}
		return err != nil
	})
}

// now returns the time for the table, under the lock.
func (s *Server) now() time.Time { return s.clock.now(time.Now()) }

// change changes the table and waits until the store has that, unless that is
// broken. f calls note with each change.
func (s *Server) change(ctx context.Context, f func() error) error {
	saved, err := s.changeLocked(ctx, f)
	if err != nil || saved == nil {
		return err
	}
	select {
	case <-saved:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// changeLocked is change without the waiting; saved is closed when the store was
// asked to keep the change.
//
// Handlers run side by side: a Register that its caller gave up may come to the
// lock after the Withdraw that followed it, and must not enter the instance then.
// The cancelling was received before the Withdraw was.
func (s *Server) changeLocked(ctx context.Context, f func() error) (saved <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	before := len(s.unsaved)
	if err := f(); err != nil || len(s.unsaved) == before || s.failing {
		return nil, err // nothing of this call's is to be kept, or waited for
	}
	return s.saved, nil
}

// note tells watchers and the store of a change, under the lock; nil is none.
func (s *Server) note(change *mitterev1.WatchResponse) {
	if change == nil {
		return
	}
	s.changed.Notify()
	if s.saved == nil {
		return
	}
	s.unsaved = append(s.unsaved, s.table.ForStore(change))
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

// tick ends leases.
func (s *Server) tick(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, change := range s.table.Expire(s.now()) {
		instance := change.GetChange().GetEntry().GetInstance()
		s.limited.Write(slog.LevelInfo, "lease ended", "name", instance.GetName(), "id", instance.GetId(),
			"endpoints", shorten(strings.Join(instance.GetEndpoints(), ",")))
		s.note(change)
	}
	return nil
}

// keep brings changes into the store, those that come while one is written at
// once. A store that fails does not stop the registry: names must be found while
// a disk is full. What could not be kept is tried again, for the last time when
// ctx has ended.
func (s *Server) keep(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-s.dirty:
		case <-ctx.Done():
			continue
		}
		if !s.save(ctx) {
			select {
			case <-time.After(saveAgain):
			case <-ctx.Done():
			}
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSave)
	defer cancel()
	s.save(last)
}

// save writes what is unsaved, and lets those go on who wait for it.
func (s *Server) save(ctx context.Context) bool {
	changes, saved := s.takeUnsaved()
	if len(changes) == 0 {
		return true
	}
	err := s.trySave(ctx, changes)
	s.settle(changes, err != nil)
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) { // else the last try is still to come
		s.log.Error("the store failed; the registry goes on without it", "changes", len(changes), "error", err)
	}
	close(saved)
	return err == nil
}

// trySave is Save, whose panics are errors: names must be found though a store is broken,
// and Run waits for the calls of this.
func (s *Server) trySave(ctx context.Context, changes []*mitterev1.WatchResponse) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = messaging.Errorf(messaging.Internal, "the store panicked: %v\n%s", broken, debug.Stack())
		}
	}()
	return store.Save(ctx, s.store, changes...)
}

// takeUnsaved takes the changes that the store does not have.
func (s *Server) takeUnsaved() (changes []*mitterev1.WatchResponse, saved chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unsaved) == 0 {
		return nil, nil
	}
	changes, saved = s.unsaved, s.saved
	s.unsaved, s.saved = nil, make(chan struct{})
	return changes, saved
}

// settle notes what became of changes. What was not kept is unsaved again; of
// several changes of one instance, the last counts.
func (s *Server) settle(changes []*mitterev1.WatchResponse, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = failed
	if !failed {
		return
	}
	all := append(changes, s.unsaved...)
	last := map[store.Key]int{}
	for i, change := range all {
		last[store.KeyOf(change.GetChange().GetEntry())] = i
	}
	s.unsaved = nil
	for i, change := range all {
		if last[store.KeyOf(change.GetChange().GetEntry())] == i {
			s.unsaved = append(s.unsaved, s.table.ForStore(change))
		}
	}
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

// announce asks dīvidere's services to register again whenever subscribers have
// come: instances that were registered before the registry began do so at once. It
// replaces the second that dīvidere's registry sleeps. Of one that comes while
// another goes nothing is seen; it is asked with all others, later.
func (s *Server) announce(ctx context.Context) error {
	listeners := s.events.Subscribers(s.plain.rediscover.New().Interface())
	came := listeners > s.listeners
	s.listeners = listeners
	if !came {
		return nil
	}
	return s.rediscover(ctx)
}
