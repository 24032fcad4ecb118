package registry

import (
	"log/slog"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/options"
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

// serverConfig is what options of a server set.
type serverConfig struct {
	events string
	store  store.Store
	limits Limits
	log    *slog.Logger
	socket []comm.Option
	checks options.Checks
}

// ServerOption sets how a [Server] works. The set is sealed.
type ServerOption interface{ applyServer(*serverConfig) }

// serverOption is a ServerOption made of a function.
type serverOption func(*serverConfig)

func (o serverOption) applyServer(c *serverConfig) { o(c) }

// newServerConfig applies options to the defaults.
func newServerConfig(options []ServerOption) (serverConfig, error) {
	c := serverConfig{log: slog.Default()}
	for _, o := range options {
		o.applyServer(&c)
	}
	return c, c.checks.Err()
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

// WithLogger sets where the registry logs. The default is slog.Default().
func WithLogger(log *slog.Logger) ServerOption {
	return serverOption(func(c *serverConfig) {
		c.checks.Require(log != nil, "logger: must not be nil")
		c.log = log
	})
}

// WithSocket passes options on to the sockets of comm.
func WithSocket(options ...comm.Option) ServerOption {
	return serverOption(func(c *serverConfig) { c.socket = append(c.socket, options...) })
}
