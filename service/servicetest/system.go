package servicetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/broker"
)

// Heartbeat is how often the ends of a session in a [System] send something, unless an
// option says otherwise. An instance that dies or is paused is noticed after three times
// that: inproc has no connection that would end.
const Heartbeat = 250 * time.Millisecond

// System is a distributed system in the memory of one test: a registry, a broker, instances
// of services and clients. The registry and the broker run as soon as something uses them.
// Everything ends with the test, which fails if something did not end well. The log is
// printed if the test fails.
//
// All methods may be called by any number of goroutines at once.
type System struct {
	t         testing.TB
	zctx      *comm.Context
	registry  func() string // starts it; returns its endpoint
	broker    func() string
	instances atomic.Int64
}

// New returns a system with nothing in it.
func New(t testing.TB) *System {
	t.Helper()
	s := &System{t: t, zctx: newContext(t)}
	s.registry, s.broker = sync.OnceValue(s.startRegistry), sync.OnceValue(s.startBroker)
	return s
}

// Context returns the context of the system's sockets, for others that are to reach them:
// inproc endpoints hold within one.
func (s *System) Context() *comm.Context { return s.zctx }

// Registry returns the endpoint of the system's registry.
func (s *System) Registry() string { return s.registry() }

// Broker returns the endpoint of the system's broker.
func (s *System) Broker() string { return s.broker() }

// startRegistry runs a registry.
func (s *System) startRegistry() string {
	const endpoint = "inproc://registry"
	server := must(registry.NewServer(s.zctx, endpoint, registry.WithLogger(logOf(s.t))))(s.t)
	s.t.Cleanup(func() { check(s.t, server.Close()) })
	background(s.t, server.Run)
	return endpoint
}

// startBroker runs a broker.
func (s *System) startBroker() string {
	const endpoint = "inproc://broker"
	b := must(broker.New(s.zctx, endpoint, broker.WithLogger(logOf(s.t)), broker.WithShortestHeartbeat(Heartbeat)))(s.t)
	s.t.Cleanup(func() { check(s.t, b.Close()) })
	background(s.t, b.Run)
	return endpoint
}

// Serve runs an instance of a service that clients find by the system's registry, and waits
// until it is registered.
func (s *System) Serve(name string, handlers *reactor.Handlers, options ...service.ServerOption) *Instance {
	s.t.Helper()
	i := s.newInstance()
	outside := fmt.Sprintf("inproc://instance-%d", i.number)
	inside := outside + "-inside"
	options = append([]service.ServerOption{
		service.WithRegistry(i.link("registry", s.Registry(), neither)), service.WithBind(inside), service.WithAdvertise(outside),
	}, options...)
	i.linkAt(outside, inside, fromServer)
	i.run(name, handlers, options)
	i.await()
	return i
}

// ServeBrokered runs an instance of a service that works for the system's broker, and waits
// until the broker has accepted it.
func (s *System) ServeBrokered(name string, handlers *reactor.Handlers, options ...service.ServerOption) *Instance {
	s.t.Helper()
	i := s.newInstance()
	options = append([]service.ServerOption{service.WithBroker(i.link("broker", s.Broker(), fromDialer))}, options...)
	i.run(name, handlers, options)
	i.await()
	return i
}

// Client returns a client of a name, whose instances it finds by the system's registry.
func (s *System) Client(name string, options ...service.ClientOption) *service.Client {
	s.t.Helper()
	return s.client(name, service.FromRegistry(s.Registry()), options)
}

// BrokeredClient returns a client of a name that calls through the system's broker.
func (s *System) BrokeredClient(name string, options ...service.ClientOption) *service.Client {
	s.t.Helper()
	return s.client(name, service.FromBroker(s.Broker()), options)
}

// client returns a client with the defaults of the system.
func (s *System) client(name string, from service.Source, options []service.ClientOption) *service.Client {
	s.t.Helper()
	defaults := []service.ClientOption{service.WithHeartbeat(Heartbeat), service.WithLogger(logOf(s.t))}
	return newClient(s.t, s.zctx, name, from, append(defaults, options...)...)
}
