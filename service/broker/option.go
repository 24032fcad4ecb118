package broker

import (
	"log/slog"
	"strings"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/options"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/native"
)

// The defaults of a broker; the first three are those of the ZeroMQ guide's
// Majordomo.
const (
	// DefaultEndpoint is where a broker listens: this host alone. For others too it is
	// "tcp://*:5555".
	DefaultEndpoint = "tcp://127.0.0.1:5555"
	// DefaultHeartbeat is how often workers and broker say that they live.
	DefaultHeartbeat = 2500 * time.Millisecond
	// DefaultLiveness is how many heartbeats may be missing before a worker is dead.
	DefaultLiveness = 3
	// DefaultDrainTimeout is how long requests may take when the broker stops.
	DefaultDrainTimeout = 10 * time.Second
)

// config is what options set.
type config struct {
	name      string
	version   string // of the program
	heartbeat time.Duration
	liveness  int
	session   time.Duration // the shortest heartbeat of sessions
	limits    desk.Limits
	drain     time.Duration
	socket    []comm.Option
	pairs     []pair
	once      []string // services of which nothing is executed twice
	log       *slog.Logger
	checks    options.Checks

	// Only tests set these.
	maxPeers    int
	forgetAfter time.Duration
	kept        bounds
	unread      time.Duration
}

// Option sets how a [Broker] works. The set is sealed.
type Option interface{ apply(*config) }

// option is an Option made of a function.
type option func(*config)

func (o option) apply(c *config) { o(c) }

// newConfig applies options to the defaults.
func newConfig(zctx *comm.Context, endpoints string, options []Option) config {
	c := config{
		heartbeat: DefaultHeartbeat, liveness: DefaultLiveness, session: native.DefaultHeartbeat, drain: DefaultDrainTimeout,
		log: slog.Default(), maxPeers: maxPeers, forgetAfter: forgetAfter, kept: usualBounds(), unread: unreadPatience,
	}
	c.checks.Require(zctx != nil, "context: must not be nil")
	c.checks.Require(strings.TrimSpace(endpoints) != "", "endpoints: there must be one at least")
	for _, o := range options {
		o.apply(&c)
	}
	return c
}

// WithName sets the name of this broker, which peers that keep a session are told; 1
// to 64 bytes. The default is random.
func WithName(name string) Option {
	return option(func(c *config) {
		c.checks.Require(name != "" && len(name) <= maxName, "name %q: must have 1 to %d bytes", name, maxName)
		c.checks.Require(dialect.Printable(name), "name %q: must be printable", name)
		c.name = name
	})
}

// maxName bounds the broker's name, in bytes.
const maxName = 64

// WithHeartbeat sets how often workers whose protocol does not agree upon it say
// that they live, and how many may be missing before one is dead. The defaults are
// [DefaultHeartbeat] and [DefaultLiveness].
func WithHeartbeat(every time.Duration, liveness int) Option {
	return option(func(c *config) {
		c.checks.Require(every >= 10*time.Millisecond, "heartbeat every %v: must be 10 ms at least", every)
		c.checks.Require(liveness >= 2, "liveness of %d: must be 2 at least", liveness)
		c.heartbeat, c.liveness = every, liveness
	})
}

// WithShortestHeartbeat sets the shortest interval that is agreed upon with peers
// whose protocol has them ask for one; they are dead after three. The default is
// [native.DefaultHeartbeat].
func WithShortestHeartbeat(every time.Duration) Option {
	return option(func(c *config) {
		c.checks.Require(every >= 10*time.Millisecond, "shortest heartbeat %v: must be 10 ms at least", every)
		c.session = every
	})
}

// WithPirate adds two sockets for one service: clients of the Lazy Pirate's kind
// connect to the front, Paranoid Pirate workers to the back (RFC 6), as to both layers
// of dīvidere's load balancing. These have no name of a service on the wire. Both are
// endpoints to bind, as with [New]. The heartbeats are those of [WithHeartbeat]. It
// may be given several times.
func WithPirate(front, back, service string) Option {
	return option(func(c *config) {
		c.checks.Require(strings.TrimSpace(front) != "" && strings.TrimSpace(back) != "", "pirates of the service %q: must have a front and a back", service)
		c.checks.Require(service != "" && !desk.Reserved(service), "pirates: the service name %q is empty or reserved", service)
		c.pairs = append(c.pairs, pair{front, back, service})
	})
}

// WithoutRepeat has requests for these services go to no second worker when the first is
// lost with them, or was silent for too long: the call ends with UNAVAILABLE. It is for
// workers of Majordomo and the pirates, whose protocols take every request to bear
// repetition; those of Mittere say it of each method. Clients that send a request again
// have sent two. It may be given several times.
func WithoutRepeat(services ...string) Option {
	return option(func(c *config) {
		for _, name := range services {
			c.checks.Require(name != "" && len(name) <= dialect.LongestName, "no repeat: the service name %q must have 1 to %d bytes", name, dialect.LongestName)
		}
		c.once = append(c.once, services...)
	})
}

// Limits bounds what a broker holds and how long; a zero field is its default.
type Limits = desk.Limits

// WithLimits bounds what the broker holds and how long; see [Limits].
func WithLimits(limits Limits) Option {
	return option(func(c *config) { c.limits = limits })
}

// WithDrainTimeout sets how long requests may take when the broker stops. The
// default is [DefaultDrainTimeout].
func WithDrainTimeout(d time.Duration) Option {
	return option(func(c *config) {
		c.checks.Require(d >= 0, "drain timeout %v: must not be negative", d)
		c.drain = d
	})
}

// WithSocket passes options on to all sockets of comm.
func WithSocket(options ...comm.Option) Option {
	return option(func(c *config) { c.socket = append(c.socket, options...) })
}

// WithLogger sets where the broker logs. The default is slog.Default().
func WithLogger(log *slog.Logger) Option {
	return option(func(c *config) {
		c.checks.Require(log != nil, "logger: must not be nil")
		c.log = log
	})
}
