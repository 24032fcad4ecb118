package service

import (
	"log/slog"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/options"
)

// ServerOption sets how a [Server] works. The set is sealed.
type ServerOption interface{ applyServer(*serverConfig) }

// ClientOption sets how a [Client] works. The set is sealed.
type ClientOption interface{ applyClient(*clientConfig) }

// Option sets how a [Server] or a [Client] works: it is an option of both. The set is
// sealed.
type Option interface {
	ServerOption
	ClientOption
}

// shared is what options of both set, and what is wrong with any option.
type shared struct {
	heartbeat time.Duration
	socket    []comm.Option
	log       *slog.Logger
	checks    options.Checks
}

// option is an Option made of a function.
type option func(*shared)

func (o option) applyServer(c *serverConfig) { o(&c.shared) }

func (o option) applyClient(c *clientConfig) { o(&c.shared) }

// WithHeartbeat sets how often both ends of a session send something: a client asks for
// it, a server grants it but for less than its own; see [call.WithHeartbeat] and
// [reactor.WithHeartbeat]. The default is a second.
func WithHeartbeat(every time.Duration) Option {
	return option(func(c *shared) {
		c.checks.Require(every >= time.Millisecond, "heartbeat of %v: must be a millisecond at least", every)
		c.heartbeat = every
	})
}

// WithSocket passes options on to the sockets of comm.
func WithSocket(options ...comm.Option) Option {
	return option(func(c *shared) { c.socket = append(c.socket, options...) })
}

// WithLogger sets where a server logs, and where a client logs that its registry is away,
// and back. The default is slog.Default().
func WithLogger(log *slog.Logger) Option {
	return option(func(c *shared) {
		c.checks.Require(log != nil, "logger: must not be nil")
		c.log = log
	})
}
