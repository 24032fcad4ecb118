package majordomo

import (
	"log/slog"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/options"
	"github.com/mittere/mittere/messaging"
)

// The defaults; those of time are the ZeroMQ guide's where it has them.
const (
	// DefaultTimeout is how long a client waits for a reply before it tries again.
	DefaultTimeout = 2500 * time.Millisecond
	// DefaultRetries is how often a client tries again.
	DefaultRetries = 3
	// DefaultConnections is how many requests of a client are under way at once.
	DefaultConnections = 1
	// DefaultHeartbeat is how often a worker says that it lives.
	DefaultHeartbeat = 2500 * time.Millisecond
	// DefaultLiveness is how many heartbeats of the broker may be missing.
	DefaultLiveness = 3
	// DefaultReconnectMin is how long a worker waits before it connects again.
	DefaultReconnectMin = 100 * time.Millisecond
	// DefaultReconnectMax is how long it waits at most, after many failed tries.
	DefaultReconnectMax = 10 * time.Second
	// DefaultDrainTimeout is how long a request may take when the worker stops.
	DefaultDrainTimeout = 10 * time.Second
)

// common is what clients and workers both have.
type common struct {
	version Version
	socket  []comm.Option
	log     *slog.Logger
	checks  options.Checks
}

// newCommon returns the defaults.
func newCommon(v Version) common { return common{version: v, log: slog.Default()} }

// check returns all that is wrong as one error, nil if nothing is.
func (c *common) check(what string, more ...error) error {
	c.checks.Note(more...)
	if err := c.checks.Err(); err != nil {
		return messaging.Errorf(messaging.InvalidArgument, "%s: %w", what, err)
	}
	return nil
}

// clientConfig is what options set of a client.
type clientConfig struct {
	common
	timeout     time.Duration
	retries     int
	connections int
	routingID   string // of its sockets, the beginning; empty if they have none
}

// workerConfig is what options set of a worker.
type workerConfig struct {
	common
	heartbeat    time.Duration
	liveness     int
	reconnectMin time.Duration
	reconnectMax time.Duration
	drain        time.Duration
}

// ClientOption sets how a [Client] works. The set is sealed, so that a wrong mix does
// not compile.
type ClientOption interface{ applyClient(*clientConfig) }

// WorkerOption sets how a [Worker] works. The set is sealed like ClientOption.
type WorkerOption interface{ applyWorker(*workerConfig) }

// Option sets how either works. The set is sealed like ClientOption.
type Option interface {
	ClientOption
	WorkerOption
}

// option is an Option made of a function.
type option func(*common)

func (o option) applyClient(c *clientConfig) { o(&c.common) }
func (o option) applyWorker(c *workerConfig) { o(&c.common) }

// clientOption is a ClientOption made of a function.
type clientOption func(*clientConfig)

func (o clientOption) applyClient(c *clientConfig) { o(c) }

// workerOption is a WorkerOption made of a function.
type workerOption func(*workerConfig)

func (o workerOption) applyWorker(c *workerConfig) { o(c) }

// WithVersion sets which version of the protocol is spoken. The default is [V1], and
// [V2] for [NewPartsWorker].
func WithVersion(v Version) Option {
	return option(func(c *common) {
		c.checks.Require(v.valid(), "version %d: want V1 or V2", v)
		c.version = v
	})
}

// WithMaxFrameSize bounds the frames that are sent and received, in bytes. The default
// is [comm.DefaultMaxFrameSize].
func WithMaxFrameSize(bytes int) Option {
	return option(func(c *common) { c.socket = append(c.socket, comm.WithMaxFrameSize(bytes)) })
}

// WithLogger sets where the package logs what no caller is told. The default is slog.Default().
func WithLogger(log *slog.Logger) Option {
	return option(func(c *common) {
		c.checks.Require(log != nil, "logger: must not be nil")
		c.log = log
	})
}

// WithTimeout sets how long each try waits: for a connection and the reply, and after
// each PARTIAL again. The default is [DefaultTimeout].
func WithTimeout(d time.Duration) ClientOption {
	return clientOption(func(c *clientConfig) {
		c.checks.Require(d > 0, "timeout %v: must be positive", d)
		c.timeout = d
	})
}

// WithRetries sets how often a request is sent again; 0 is never. The default is
// [DefaultRetries].
func WithRetries(n int) ClientOption {
	return clientOption(func(c *clientConfig) {
		c.checks.Require(n >= 0, "%d retries: must not be negative", n)
		c.retries = n
	})
}

// WithConnections sets how many connections a client has at most, and so how many of
// its requests are under way at once; the others wait. The default is
// [DefaultConnections].
func WithConnections(n int) ClientOption {
	return clientOption(func(c *clientConfig) {
		c.checks.Require(n >= 1, "%d connections: must be 1 at least", n)
		c.connections = max(n, 1)
	})
}

// WithHeartbeat sets how often a worker says that it lives, and how many intervals the
// broker may be silent before it is taken for dead. The protocol does not agree upon
// them: the broker must have about the same. The defaults are [DefaultHeartbeat] and
// [DefaultLiveness].
func WithHeartbeat(every time.Duration, liveness int) WorkerOption {
	return workerOption(func(c *workerConfig) {
		c.checks.Require(every >= 10*time.Millisecond, "heartbeat every %v: must be 10 ms at least", every)
		c.checks.Require(liveness >= 2, "liveness of %d: must be 2 at least", liveness)
		c.heartbeat, c.liveness = every, liveness
	})
}

// WithReconnect sets how long a worker waits before it connects again. The time doubles
// up to longest with each time that the broker says nothing but DISCONNECT. The defaults
// are [DefaultReconnectMin] and [DefaultReconnectMax].
func WithReconnect(shortest, longest time.Duration) WorkerOption {
	return workerOption(func(c *workerConfig) {
		c.checks.Require(shortest > 0 && longest >= shortest, "reconnect after %v to %v: must be positive, and in order", shortest, longest)
		c.reconnectMin, c.reconnectMax = shortest, longest
	})
}

// WithDrainTimeout sets how long the request that a worker has may take when the worker
// stops. The default is [DefaultDrainTimeout].
func WithDrainTimeout(d time.Duration) WorkerOption {
	return workerOption(func(c *workerConfig) {
		c.checks.Require(d >= 0, "drain timeout %v: must not be negative", d)
		c.drain = d
	})
}

// WithRoutingID sets the name by which the broker knows a worker's socket, 1 to 255
// bytes. Two workers of a broker must not share it. For a client it is the beginning of
// the name, 1 to 246 bytes: "-" and eight letters or digits follow, others for each socket,
// for by the name of a socket that was closed a late reply would come to the next one.
//
// The default is a name that the broker makes up for each connection, of any bytes. Some
// brokers, as the guide's in C++, need one that is text, of clients as well.
func WithRoutingID(id string) Option { return routingID(id) }

// routingID is the Option of WithRoutingID.
type routingID string

func (id routingID) applyClient(c *clientConfig) {
	c.checks.Require(id != "" && len(id) <= longestPrefix, "routing id of %d bytes: must have 1 to %d", len(id), longestPrefix)
	c.routingID = string(id)
}

func (id routingID) applyWorker(c *workerConfig) {
	c.socket = append(c.socket, comm.WithRoutingID(string(id)))
}

const (
	// suffixSize is how many random characters end the routing id of a client's socket.
	suffixSize = 8
	// longestPrefix bounds what is in front of them, and of a dash.
	longestPrefix = 255 - 1 - suffixSize
)
