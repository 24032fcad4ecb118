package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/service/desk"
)

// The defaults of a broker; the first three are those of the ZeroMQ guide's
// Majordomo.
const (
	// DefaultEndpoint is where a broker listens.
	DefaultEndpoint = "tcp://*:5555"
	// DefaultHeartbeat is how often workers and broker say that they live.
	DefaultHeartbeat = 2500 * time.Millisecond
	// DefaultLiveness is how many heartbeats may be missing before a worker is dead.
	DefaultLiveness = 3
	// DefaultDrainTimeout is how long requests may take when the broker stops.
	DefaultDrainTimeout = 10 * time.Second
)

// config is what options set.
type config struct {
	heartbeat time.Duration
	liveness  int
	limits    desk.Limits
	drain     time.Duration
	socket    []comm.Option
	log       *slog.Logger
	wrong     []error
}

// Option sets how a [Broker] works. The set is sealed.
type Option interface{ apply(*config) }

// option is an Option made of a function.
type option func(*config)

func (o option) apply(c *config) { o(c) }

// newConfig applies options to the defaults.
func newConfig(options []Option) (config, error) {
	c := config{heartbeat: DefaultHeartbeat, liveness: DefaultLiveness, drain: DefaultDrainTimeout, log: slog.Default()}
	for _, o := range options {
		o.apply(&c)
	}
	return c, errors.Join(c.wrong...)
}

// require notes that an option is wrong unless it is right.
func (c *config) require(right bool, format string, args ...any) {
	if !right {
		c.wrong = append(c.wrong, fmt.Errorf(format, args...))
	}
}

// WithHeartbeat sets how often workers whose protocol does not agree upon it say
// that they live, and how many may be missing before one is dead. The defaults are
// [DefaultHeartbeat] and [DefaultLiveness].
func WithHeartbeat(every time.Duration, liveness int) Option {
	return option(func(c *config) {
		c.require(every >= 10*time.Millisecond, "heartbeat every %v: must be 10 ms at least", every)
		c.require(liveness >= 2, "liveness of %d: must be 2 at least", liveness)
		c.heartbeat, c.liveness = every, liveness
	})
}

// WithLimits bounds what the broker holds and how long; see [desk.Limits].
func WithLimits(limits desk.Limits) Option {
	return option(func(c *config) { c.limits = limits })
}

// WithDrainTimeout sets how long requests may take when the broker stops. The
// default is [DefaultDrainTimeout].
func WithDrainTimeout(d time.Duration) Option {
	return option(func(c *config) {
		c.require(d >= 0, "drain timeout %v: must not be negative", d)
		c.drain = d
	})
}

// WithSocket passes options on to the socket of comm.
func WithSocket(options ...comm.Option) Option {
	return option(func(c *config) { c.socket = append(c.socket, options...) })
}

// WithLogger sets where the broker logs. The default is slog.Default().
func WithLogger(log *slog.Logger) Option {
	return option(func(c *config) {
		c.require(log != nil, "logger: must not be nil")
		c.log = log
	})
}
