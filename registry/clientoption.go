package registry

import (
	"log/slog"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/options"
	"github.com/mittere/mittere/messaging"
)

// clientConfig is what options of a client set.
type clientConfig struct {
	log    *slog.Logger
	socket []comm.Option
	checks options.Checks
}

// ClientOption sets how a [Client] works. The set is sealed.
type ClientOption interface{ applyClient(*clientConfig) }

// clientOption is a ClientOption made of a function.
type clientOption func(*clientConfig)

func (o clientOption) applyClient(c *clientConfig) { o(c) }

// newClientConfig applies options to the defaults.
func newClientConfig(options []ClientOption) (clientConfig, error) {
	c := clientConfig{log: slog.Default()}
	for _, o := range options {
		o.applyClient(&c)
	}
	if err := c.checks.Err(); err != nil {
		return c, messaging.Errorf(messaging.InvalidArgument, "registry client: %w", err)
	}
	return c, nil
}

// WithClientLogger sets where the client says that the registry is away, and that it is
// back. The default is slog.Default().
func WithClientLogger(log *slog.Logger) ClientOption {
	return clientOption(func(c *clientConfig) {
		c.checks.Require(log != nil, "logger: must not be nil")
		c.log = log
	})
}

// WithClientSocket passes options on to the sockets of comm.
func WithClientSocket(options ...comm.Option) ClientOption {
	return clientOption(func(c *clientConfig) { c.socket = append(c.socket, options...) })
}
