package service

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry/store"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/management"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/registry"
)

// core is what a [Server] and a [Worker] have in common: what serves the handlers,
// registers, answers about itself and drains.
type core struct {
	serverConfig
	name       string
	contextID  string
	way        string            // to whom this host's address is still to be found; empty if it is known
	socket     *messaging.Server // nil if it listens nowhere
	broker     *messaging.Worker // nil if it works for none
	reactor    *reactor.Reactor
	handlers   *reactor.Handlers // those of the user
	about      *management.Server
	ownClient  *registry.Client // to be closed; nil if it is not ours
	started    atomic.Bool
	advertised atomic.Pointer[[]string] // where others reach it
	began      atomic.Int64             // when Run did, in Unix nanoseconds
	entered    chan struct{}            // closed when there is a registration
	stopping   context.Context
	stop       context.CancelFunc // ends stopping

	mu           sync.Mutex // guards what follows
	health       mitterev1.Health
	leaving      bool // it stays draining
	registration *registry.Registration
}

// setUp makes what serves handlers under a name, at the broker of an endpoint if that is
// not empty.
func (s *core) setUp(zmq *comm.Context, name, broker string, handlers *reactor.Handlers, options []ServerOption) error {
	config, err := newServerConfig(options)
	if handlers == nil {
		handlers, err = reactor.NewHandlers(), errors.Join(err, errors.New("no handlers"))
	}
	name, wrong := nameFor(cmp.Or(name, config.name), handlers)
	config.id = cmp.Or(config.id, newID())
	if err := errors.Join(err, wrong, checkName("id", config.id)); err != nil {
		return messaging.Errorf(messaging.InvalidArgument, "service %.80q: %s", name, oneLine(err))
	}
	s.serverConfig, s.name, s.contextID, s.handlers = config, name, zmq.ID(), handlers
	s.health, s.entered = mitterev1.Health_HEALTH_SERVING, make(chan struct{})
	s.stopping, s.stop = context.WithCancel(context.Background())
	if err := s.open(zmq, broker); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// nameFor returns the name that a server gets.
func nameFor(name string, handlers *reactor.Handlers) (string, error) {
	methods := handlers.Methods()
	switch {
	case name == "" && len(methods) == 0:
		return name, errors.New("no name, and no method to take it from")
	case name == "":
		name = string(methods[0].Parent().FullName())
	}
	if strings.HasPrefix(name, "mmi.") || strings.HasPrefix(name, "mittere.v1.") {
		return name, fmt.Errorf("the name %q is reserved for management", name)
	}
	if strings.Contains(name, "/") {
		return name, fmt.Errorf("the name %.80q has a slash, which is what stands between a name and a method", name)
	}
	return name, checkName("name", name)
}

// checkName returns what is wrong with a name or an id, which no registry and no broker
// would take then.
func checkName(what, name string) error {
	if len(name) > store.MaxNameBytes || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("%s %.80q: want 1 to %d bytes of UTF-8 without control characters", what, name, store.MaxNameBytes)
	}
	return nil
}

// newID returns an id that no other instance has.
func newID() string {
	host := cmp.Or(registry.Host(), "host")
	return fmt.Sprintf("%.40s-%d-%s", host, os.Getpid(), strings.ToLower(rand.Text()[:6]))
}

// open makes the sockets, the reactor and the client of the registry.
func (s *core) open(zmq *comm.Context, broker string) (err error) {
	if s.client == nil && s.registry != "" {
		if s.ownClient, err = registry.NewClient(zmq, s.registry, registry.WithClientLogger(s.log)); err != nil {
			return err
		}
		s.client = s.ownClient
	}
	sockets, err := s.openSockets(zmq, broker)
	if err != nil {
		return err
	}
	s.about = &management.Server{
		Name: s.name, ID: s.id, Version: s.version, Labels: s.labels, Endpoints: s.Endpoints, Handlers: s.handlers,
		Health: s.Health, Stats: func() reactor.Stats { return s.reactor.Stats() },
		Methods: management.NewMethods(s.handlers), Began: s.began.Load,
	}
	s.reactor, err = reactor.New(reactor.Join(s.handlers, management.Handlers(s.about)), sockets, s.reactorOptions()...)
	return err
}

// openSockets returns what the reactor listens on: where callers come directly, and
// where a broker gives it work.
func (s *core) openSockets(zmq *comm.Context, broker string) (sockets []reactor.Socket, err error) {
	if broker != "" {
		if s.broker, err = messaging.NewWorker(zmq, broker, messaging.WithSocket(s.serverConfig.socket...)); err != nil {
			return nil, err
		}
		sockets = append(sockets, s.broker)
		s.advertised.Store(&s.advertise)
	}
	if broker != "" && len(s.bind) == 0 && s.client == nil {
		return sockets, nil // nobody could know where it listens
	}
	if s.socket, err = messaging.NewServer(zmq, "", messaging.WithSocket(s.serverConfig.socket...)); err != nil {
		return nil, err
	}
	local := loopback
	if way := s.wayOut(broker); way != "" && s.needsAddress() {
		if local, err = registry.LocalAddress(context.Background(), way); err != nil {
			s.way = way // Run finds it
		}
	}
	if err := s.listenOn(local); err != nil {
		return nil, err
	}
	return append(sockets, s.socket), nil
}

// wayOut returns the endpoint on the way to which others see this host: the registry's
// or else the broker's, empty if there is neither.
func (s *core) wayOut(broker string) string {
	if s.client != nil {
		return s.client.Endpoint()
	}
	return broker
}

// reactorOptions returns how the reactor works.
func (s *core) reactorOptions() []reactor.Option {
	options := []reactor.Option{
		reactor.WithInterceptors(s.around()...),
		reactor.WithCallQueue(s.queue), reactor.WithHeartbeat(s.heartbeat), reactor.WithLogger(s.log),
		reactor.WithIdentity(s.name, s.id), reactor.WithStopTimeout(0),
	}
	if s.concurrency > 1 {
		options = append(options, reactor.WithPool(s.concurrency, nil))
	}
	if s.broker != nil {
		options = append(options, reactor.WithOffer(reactor.Offer{
			Services: []string{s.name}, Name: s.id, Renames: s.renames, Version: s.version, Capacity: s.concurrency,
			Endpoints: s.Endpoints, Descriptors: fingerprint(s.handlers.Methods()),
		}))
	}
	return options
}

// around returns the interceptors, the first outermost.
func (s *core) around() []reactor.Interceptor {
	around := []reactor.Interceptor{s.about.Methods.Count}
	if s.endStreams {
		around = append(around, reactor.EndStreams(s.stopping))
	}
	for _, interceptor := range s.interceptors {
		around = append(around, s.exceptManagement(interceptor))
	}
	return around
}

// exceptManagement returns an interceptor that leaves the server's management
// alone: one that wants to know the caller would keep everybody from asking what
// the server is.
func (s *core) exceptManagement(interceptor reactor.Interceptor) reactor.Interceptor {
	return func(next reactor.Invoker) reactor.Invoker {
		intercepted := interceptor(next)
		return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
			if management.Is(c.Method) {
				return next(ctx, c)
			}
			return intercepted(ctx, c)
		}
	}
}

// Name returns the name of the service.
func (s *core) Name() string { return s.name }

// ID returns what tells the instance from others of its name.
func (s *core) ID() string { return s.id }

// Endpoints returns where others reach the instance directly. Where that depends on the
// way to a registry or a broker whose name is not known yet, it is nowhere until Run has
// found it.
func (s *core) Endpoints() []string {
	if at := s.advertised.Load(); at != nil {
		return *at
	}
	return nil
}

// Close closes the sockets and the client of the registry. It is called when Run
// has returned, or never was.
func (s *core) Close() (err error) {
	s.stop()
	if s.socket != nil {
		err = s.socket.Close()
	}
	if s.broker != nil {
		err = errors.Join(err, s.broker.Close())
	}
	if s.ownClient != nil {
		err = errors.Join(err, s.ownClient.Close())
	}
	return err
}

// Run serves until ctx ends. Then it withdraws the instance, tells its callers and its
// broker to go elsewhere, refuses what comes with code UNAVAILABLE, and lets what runs
// end, for the drain timeout. It returns nil if all of it did.
func (s *core) Run(ctx context.Context) error {
	if s.started.Swap(true) {
		return messaging.Errorf(messaging.FailedPrecondition, "service %s: Run was called before", s.name)
	}
	s.began.Store(time.Now().UnixNano())
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var leaving sync.WaitGroup
	var undrained error
	leaving.Go(func() {
		s.findAddress(serving)
		s.register()
		s.tellRegistration(serving)
	})
	leaving.Go(func() {
		defer stop()
		select {
		case <-ctx.Done():
			s.withdraw()
			s.stop()
			undrained = s.empty(serving)
		case <-serving.Done(): // by itself, as when its socket was closed
			s.withdraw()
		}
	})
	err := s.reactor.Run(serving)
	stop()
	leaving.Wait()
	return errors.Join(err, undrained)
}

// lateCallers is how long calls are still refused, and not left without an
// answer, of callers who had not heard yet that the server stops.
const lateCallers = 100 * time.Millisecond

// empty takes no further calls and waits until those that it has have ended, and for
// late callers while it is serving.
func (s *core) empty(serving context.Context) error {
	drain, cancel := context.WithTimeout(context.Background(), s.drain)
	defer cancel()
	err := s.reactor.Drain(drain)
	if s.reactor.Stats().Sessions > 0 {
		select {
		case <-time.After(lateCallers):
		case <-serving.Done():
		}
	}
	if err != nil {
		return messaging.Errorf(messaging.DeadlineExceeded, "service %s: calls still run after %v", s.name, s.drain)
	}
	return nil
}

// services returns the full names of the protobuf services that are served.
func (s *core) services() (names []string) {
	for _, md := range s.handlers.Methods() {
		names = append(names, string(md.Parent().FullName()))
	}
	return slices.Compact(names)
}

// SetHealth sets what the server says of its health, and the registry too: clients
// give no calls to one that is not serving. A broker gives none either: it
// takes the worker for one that drains until it is serving again. When the server stops it is draining,
// whatever is set.
func (s *core) SetHealth(health mitterev1.Health) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return
	}
	s.health = health
	s.reactor.Withhold(health == mitterev1.Health_HEALTH_NOT_SERVING || health == mitterev1.Health_HEALTH_DRAINING)
	if s.registration != nil {
		s.registration.SetHealth(health)
	}
}

// Health returns what the server says of its health.
func (s *core) Health() mitterev1.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health
}

// oneLine returns the text of joined errors on one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// isReason reports whether an error began with a reason of comm.
func isReason(err error, reason comm.Reason) bool { return errors.Is(err, reason) }
