package service

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/store"
)

// The defaults of a server.
const (
	// DefaultConcurrency is how many calls run at once.
	DefaultConcurrency = 100
	// DefaultQueue is how many calls wait when as many run.
	DefaultQueue = 1000
	// DefaultDrainTimeout is how long calls may take when the server stops.
	DefaultDrainTimeout = 10 * time.Second
)

// serverConfig is what options of a server set.
type serverConfig struct {
	shared
	bind         []string
	first, last  int // ports to choose from; 0 is any
	advertise    []string
	registry     string
	client       *registry.Client
	broker       string
	id           string
	renames      bool
	version      string
	labels       map[string]string
	lease        time.Duration
	concurrency  int
	queue        int
	drain        time.Duration
	endStreams   bool
	interceptors []reactor.Interceptor
}

// serverOption is a ServerOption made of a function.
type serverOption func(*serverConfig)

func (o serverOption) applyServer(c *serverConfig) { o(c) }

// newServerConfig applies options to the defaults.
func newServerConfig(options []ServerOption) serverConfig {
	c := serverConfig{
		shared: shared{heartbeat: reactor.DefaultHeartbeat, log: slog.Default()},
		labels: map[string]string{}, concurrency: DefaultConcurrency, queue: DefaultQueue, drain: DefaultDrainTimeout,
	}
	for _, o := range options {
		o.applyServer(&c)
	}
	c.checks.Require(c.registry == "" || c.client == nil, "want a registry or a registry's client, got both")
	return c
}

// WithBind sets where the server listens: endpoints of tcp, ipc and inproc, all of
// which it serves. A port of "*" is a free one. The default is a free tcp port at
// the local address of the way to the registry; without a registry, on the loopback
// interface. A server that has a broker and no registry listens only where it is told to.
func WithBind(endpoints ...string) ServerOption {
	return serverOption(func(c *serverConfig) { c.bind = append(c.bind, endpoints...) })
}

// WithPorts sets from which ports a free one is chosen where the port is "*", both
// ends included. dīvidere's services use 5100 to 6000. The default is any.
func WithPorts(first, last int) ServerOption {
	return serverOption(func(c *serverConfig) {
		c.checks.Require(0 < first && first <= last && last <= 65535, "ports %d to %d: want two of 1 to 65535 in order", first, last)
		c.first, c.last = first, last
	})
}

// WithAdvertise sets the endpoints that the server is registered with, for when
// others reach it by another address than it has itself. The default is where it
// listens, with the local address of the way to the registry, or else to the broker,
// where that is all interfaces.
func WithAdvertise(endpoints ...string) ServerOption {
	return serverOption(func(c *serverConfig) {
		for _, endpoint := range endpoints {
			err := store.CheckEndpoint(endpoint)
			c.checks.Require(err == nil, "advertise: %w", err)
		}
		c.advertise = append(c.advertise, endpoints...)
	})
}

// WithRegistry sets the registry where the server registers. It may come later,
// and go and come back. The default is none.
func WithRegistry(endpoint string) ServerOption {
	return serverOption(func(c *serverConfig) { c.registry = endpoint })
}

// WithRegistryClient is [WithRegistry] with a client that several share. It stays
// the caller's.
func WithRegistryClient(client *registry.Client) ServerOption {
	return serverOption(func(c *serverConfig) {
		c.checks.Require(client != nil, "registry client: must not be nil")
		c.client = client
	})
}

// WithBroker sets the endpoint of the broker that the server works for, such as
// "tcp://127.0.0.1:5555"; see [Server]. The broker may come later, and go away and come
// back. The default is none.
func WithBroker(endpoint string) ServerOption {
	return serverOption(func(c *serverConfig) {
		err := store.CheckEndpoint(strings.TrimPrefix(endpoint, ">"))
		c.checks.Require(err == nil, "broker: %w", err)
		c.broker = endpoint
	})
}

// WithID sets what tells the instance from others of its name. The default is
// made of the host's name, the process id and something random. It has 1 to 255 bytes
// of UTF-8 without control characters.
func WithID(id string) ServerOption {
	return serverOption(func(c *serverConfig) {
		c.checks.Require(id != "", "id: must not be empty")
		c.id = id
	})
}

// WithRenaming has a server come back to its broker under another name, its id with a
// random ending, when the broker has given the id to another worker; this is logged. What
// the server tells of itself keeps the id. It is for workers that may stand beside any
// other; a worker that was replaced on purpose must not come back, so that by default Run
// ends with code ALREADY_EXISTS.
func WithRenaming() ServerOption {
	return serverOption(func(c *serverConfig) { c.renames = true })
}

// WithVersion sets the version of the program, as others see it.
func WithVersion(version string) ServerOption {
	return serverOption(func(c *serverConfig) { c.version = version })
}

// WithLabels adds labels that others see.
func WithLabels(labels map[string]string) ServerOption {
	return serverOption(func(c *serverConfig) { maps.Copy(c.labels, labels) })
}

// WithLease sets how long the registry keeps the server without hearing of it.
// The default is the registry's.
func WithLease(lease time.Duration) ServerOption {
	return serverOption(func(c *serverConfig) {
		c.checks.Require(lease > 0, "lease of %v: must be positive", lease)
		c.lease = lease
	})
}

// WithLimits sets how many calls run at once and how many wait when as many run.
// Further ones are refused at once with code RESOURCE_EXHAUSTED. A concurrency of
// 1 handles one call after the other. A broker gives a server no more calls than run at
// once. The defaults are [DefaultConcurrency] and [DefaultQueue].
func WithLimits(concurrency, queue int) ServerOption {
	return serverOption(func(c *serverConfig) {
		c.checks.Require(concurrency > 0, "concurrency of %d: must be positive", concurrency)
		c.checks.Require(queue >= 0, "queue of %d: must not be negative", queue)
		c.concurrency, c.queue = concurrency, queue
	})
}

// WithDrainTimeout sets how long calls may take when the server stops, before their
// contexts are cancelled. The default is [DefaultDrainTimeout].
func WithDrainTimeout(d time.Duration) ServerOption {
	return serverOption(func(c *serverConfig) {
		c.checks.Require(d >= 0, "drain timeout %v: must not be negative", d)
		c.drain = d
	})
}

// WithStreamsEnded ends streams when the server stops, and not when their handlers
// or callers do: their contexts end, and their callers get an error with code
// UNAVAILABLE. It is for streams without end, which would keep the server from
// stopping for the drain timeout. By default streams are drained as all calls are.
func WithStreamsEnded() ServerOption {
	return serverOption(func(c *serverConfig) { c.endStreams = true })
}

// WithInterceptors puts interceptors around every handler, the first outermost.
// Calls to its management do not go through them.
func WithInterceptors(interceptors ...reactor.Interceptor) ServerOption {
	return serverOption(func(c *serverConfig) {
		isNil := func(i reactor.Interceptor) bool { return i == nil }
		c.checks.Require(!slices.ContainsFunc(interceptors, isNil), "interceptor: must not be nil")
		c.interceptors = append(c.interceptors, interceptors...)
	})
}
