package registry

import (
	"log/slog"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/options"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry/store"
)

// The endpoints of a registry where none are given: those of dīvidere's.
const (
	// DefaultEndpoint is where a registry serves: this host alone. For others too it is
	// "tcp://*:5000".
	DefaultEndpoint = "tcp://127.0.0.1:5000"
	// DefaultEvents is where it asks dīvidere's services to register again.
	DefaultEvents = "tcp://127.0.0.1:5001"
)

// ServerOption sets how a [Server] works. The set is sealed.
type ServerOption interface{ applyServer(*serverConfig) }

// ClientOption sets how a [Client] works. The set is sealed.
type ClientOption interface{ applyClient(*shared) }

// Option sets how a [Server] or a [Client] works: it is an option of both. The set is
// sealed.
type Option interface {
	ServerOption
	ClientOption
}

// shared is what options of both set, and what is wrong with any option.
type shared struct {
	log    *slog.Logger
	socket []comm.Option
	checks options.Checks
}

// serverConfig is what options of a server set.
type serverConfig struct {
	shared
	events string
	store  store.Store
	limits Limits
}

// serverOption is a ServerOption made of a function, option an Option.
type (
	serverOption func(*serverConfig)
	option       func(*shared)
)

func (o serverOption) applyServer(c *serverConfig) { o(c) }

func (o option) applyServer(c *serverConfig) { o(&c.shared) }

func (o option) applyClient(c *shared) { o(c) }

// newServerConfig applies options to the defaults.
func newServerConfig(options []ServerOption) (serverConfig, error) {
	c := serverConfig{shared: shared{log: slog.Default()}}
	for _, o := range options {
		o.applyServer(&c)
	}
	return c, c.checks.Err()
}

// newClientConfig applies options to the defaults.
func newClientConfig(options []ClientOption) (shared, error) {
	c := shared{log: slog.Default()}
	for _, o := range options {
		o.applyClient(&c)
	}
	if err := c.checks.Err(); err != nil {
		return c, messaging.Errorf(messaging.InvalidArgument, "registry client: %w", err)
	}
	return c, nil
}

// WithEvents sets where dīvidere's services are asked to register again, by a
// RediscoverReq: when one of them subscribes, and every third of
// [Limits].PlainLease. Nothing else is published there. The default is nowhere.
func WithEvents(endpoints string) ServerOption {
	return serverOption(func(c *serverConfig) { c.events = endpoints })
}

// WithStore sets what keeps the table beyond the process; the caller closes it
// when Run has returned. The default keeps nothing.
func WithStore(store store.Store) ServerOption {
	return serverOption(func(c *serverConfig) {
		c.checks.Require(store != nil, "store: must not be nil")
		c.store = store
	})
}

// WithLimits sets the bounds of the table, and of its leases.
func WithLimits(limits Limits) ServerOption {
	return serverOption(func(c *serverConfig) { c.limits = limits })
}

// WithLogger sets where a server logs, and where a client logs that its registry is away,
// and back. The default is slog.Default().
func WithLogger(log *slog.Logger) Option {
	return option(func(c *shared) {
		c.checks.Require(log != nil, "logger: must not be nil")
		c.log = log
	})
}

// WithSocket passes options on to the sockets of comm.
func WithSocket(options ...comm.Option) Option {
	return option(func(c *shared) { c.socket = append(c.socket, options...) })
}
