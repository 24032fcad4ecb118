package comm

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
)

// The defaults of a socket. Each is an option.
const (
	// DefaultLinger is how long unsent messages are kept when a socket closes.
	DefaultLinger = time.Second
	// DefaultKeepAliveInterval is how often a silent tcp connection is tested.
	DefaultKeepAliveInterval = 2 * time.Second
	// DefaultKeepAliveTimeout is how long the host of a tcp peer may be silent
	// before the connection is closed.
	DefaultKeepAliveTimeout = 6 * time.Second
	// DefaultMaxFrameSize is the longest frame sent or received, in bytes.
	DefaultMaxFrameSize = 64 << 20
	// DefaultMaxFrames is the most frames a received message may have.
	DefaultMaxFrames = 1024
	// DefaultHighWaterMark bounds the queue to and from each peer, in messages.
	DefaultHighWaterMark = 1000
	// DefaultMaxSockets bounds the sockets of a context. On libzmq each socket of comm
	// counts three times: its monitor has two ends.
	DefaultMaxSockets = 65536
	// DefaultIOThreads is how many threads of its own libzmq moves bytes with.
	DefaultIOThreads = 1
	// DefaultIPCMode is the mode of the files of ipc endpoints.
	DefaultIPCMode os.FileMode = 0o600
)

// checks collects what is wrong with options, so that all of it is reported at
// once.
type checks struct{ wrong []error }

// require notes that an option is wrong unless it is right.
func (c *checks) require(right bool, format string, args ...any) {
	if !right {
		c.wrong = append(c.wrong, invalid("option", fmt.Sprintf(format, args...)))
	}
}

// What every engine can hold: libzmq keeps it in an int, where more would wrap around,
// and mean no bound at all.
const (
	longest = math.MaxInt32 * time.Millisecond
	most    = math.MaxInt32
)

// config is what options set.
type config struct {
	checks
	engine.Config
}

// newConfig applies options to a kind's defaults and reports all that are wrong.
func newConfig[O PublisherOption](kind Kind, options []O) (config, error) {
	c := config{Config: engine.Config{
		Pattern:           kind.trait().pattern,
		Kind:              kind.String(),
		Linger:            DefaultLinger,
		KeepAliveInterval: DefaultKeepAliveInterval,
		KeepAliveTimeout:  DefaultKeepAliveTimeout,
		MaxFrameSize:      DefaultMaxFrameSize,
		MaxFrames:         DefaultMaxFrames,
		HighWaterMark:     DefaultHighWaterMark,
		Immediate:         kind.trait().immediate,
		IPCMode:           DefaultIPCMode,
	}}
	for _, option := range options {
		option.applyPublisher(&c)
	}
	return c, errors.Join(c.wrong...)
}

// Option sets how a socket of any kind works. The set is sealed: a value that
// comm does not know could break its rules.
type Option interface {
	PublisherOption
	applySocket(*config)
}

// PublisherOption sets how a [Publisher] or [XPub] works. Every Option is one.
// The set is sealed like Option.
type PublisherOption interface {
	applyPublisher(*config)
}

// option is an Option made of a function.
type option func(*config)

func (o option) applySocket(c *config)    { o(c) }
func (o option) applyPublisher(c *config) { o(c) }

// publisherOption is a PublisherOption made of a function.
type publisherOption func(*config)

func (o publisherOption) applyPublisher(c *config) { o(c) }

// WithLinger sets for how long the engine keeps trying to send what a closed socket
// left behind; closing the context waits for it. 0 drops it at once; the default
// is [DefaultLinger]. Negative values are refused: a context could never end.
func WithLinger(d time.Duration) Option {
	return option(func(c *config) {
		c.require(d >= 0 && d <= longest, "linger %v: want 0 to %v", d, longest)
		c.Linger = d
	})
}

// longestKeepAlive is the longest time that systems take.
const longestKeepAlive = 32767 * time.Second

// WithKeepAlive sets how often a silent tcp connection is tested, and after how
// much silence it is closed, in whole seconds. The system of the peer's host
// answers: this finds hosts that are gone, not processes that hang. An interval
// of 0 turns it off. The default is [DefaultKeepAliveInterval] and
// [DefaultKeepAliveTimeout].
func WithKeepAlive(interval, timeout time.Duration) Option {
	return option(func(c *config) {
		c.require(interval == 0 || interval >= time.Second && timeout >= interval && timeout <= longestKeepAlive,
			"keep-alive %v, %v: want 0 or at least 1s, and a timeout no shorter, up to %v", interval, timeout, longestKeepAlive)
		c.KeepAliveInterval, c.KeepAliveTimeout = interval, timeout
	})
}

// minFrameSize is the least maximum, in bytes: libzmq holds what a handshake consists of
// against it too, and with less no peer could connect.
const minFrameSize = 1024

// WithMaxFrameSize bounds the frames of a socket, in bytes; at least 1024.
// Longer ones are refused at send; a tcp or ipc peer that sends one is
// disconnected, an inproc message with one is dropped with an error.
// The default is [DefaultMaxFrameSize].
func WithMaxFrameSize(bytes int) Option {
	return option(func(c *config) {
		c.require(bytes >= minFrameSize, "maximum frame size %d: want at least %d", bytes, minFrameSize)
		c.MaxFrameSize = bytes
	})
}

// WithMaxFrames bounds the frames in a received message; one with more is
// dropped with an error. The default is [DefaultMaxFrames].
func WithMaxFrames(n int) Option {
	return option(func(c *config) {
		c.require(n > 0, "maximum number of frames %d: must be positive", n)
		c.MaxFrames = n
	})
}

// WithHighWaterMark bounds the queues to and from each peer, in messages. There
// is one at either end, and over inproc their sum is the bound. The default
// is [DefaultHighWaterMark].
func WithHighWaterMark(messages int) Option {
	return option(func(c *config) {
		c.require(messages > 0 && messages <= most, "high-water mark %d: want 1 to %d", messages, most)
		c.HighWaterMark = messages
	})
}

// WithImmediate sets whether messages are queued only for peers that are
// connected. The default is true for [Dealer] and [Req], where a message
// that waits for a dead peer would be executed by the next process at its address, and
// false for all others. The price: what has arrived and was not received yet is
// dropped when its connection ends, so that a peer should not send and
// close at once.
//
// Over inproc nothing is queued, either way, for a name that nobody has bound.
func WithImmediate(on bool) Option {
	return option(func(c *config) { c.Immediate = on })
}

// WithRoutingID sets the name by which a ROUTER addresses this socket: 1 to 255
// bytes, the first of them not zero. The default is a name that the ROUTER makes
// up for each connection. Two peers of one ROUTER must not share a name.
func WithRoutingID(id string) Option {
	return option(func(c *config) {
		c.require(len(id) > 0 && len(id) < 256 && id[0] != 0,
			"routing id %q: want 1 to 255 bytes, the first not zero", id)
		c.RoutingID = id
	})
}

// WithIPCMode sets the mode of the file that an ipc endpoint is, where the socket binds
// it: users who may write it may connect. 0660 lets the file's group, 0666 everyone who
// reaches its directory. The default, [DefaultIPCMode], lets the same user only, whatever
// the umask is.
func WithIPCMode(mode os.FileMode) Option {
	return option(func(c *config) {
		c.require(mode&^os.ModePerm == 0 && mode&0o200 != 0, "ipc mode %#o: want permissions, with writing for the owner", mode)
		c.IPCMode = mode
	})
}

// Overflow says what a publisher does when a subscriber's queue is full.
type Overflow = engine.Overflow

// What a publisher does when a subscriber's queue is full.
const (
	// Lossy drops the message for that subscriber, without a word here. The
	// subscriber of messaging sees a gap.
	Lossy = engine.Lossy
	// Block waits until there is room at all subscribers of the message.
	Block = engine.Block
	// Fail returns a [Full] error and sends the message to nobody.
	Fail = engine.Fail
)

// WithOverflow sets what a publisher does when a subscriber's queue is full. The
// default is [Lossy].
func WithOverflow(o Overflow) PublisherOption {
	return publisherOption(func(c *config) {
		c.require(o <= Fail, "overflow %d: want Lossy, Block or Fail", o)
		c.Overflow = o
	})
}

// contextConfig is what options of a context set.
type contextConfig struct {
	checks
	engine.ContextConfig
	engine Engine
}

// ContextOption sets how a [Context] works. The set is sealed like [Option].
type ContextOption interface{ applyContext(*contextConfig) }

// contextOption is a ContextOption made of a function.
type contextOption func(*contextConfig)

func (o contextOption) applyContext(c *contextConfig) { o(c) }

// maxIOThreads is more than any machine has use for. libzmq ends the process if
// it cannot start one.
const maxIOThreads = 1024

// WithIOThreads sets how many threads libzmq uses for tcp and ipc; other engines have
// none. The default, [DefaultIOThreads], is enough for about a gigabyte per second.
func WithIOThreads(n int) ContextOption {
	return contextOption(func(c *contextConfig) {
		c.require(n > 0 && n <= maxIOThreads, "I/O threads %d: want 1 to %d", n, maxIOThreads)
		c.IOThreads = n
	})
}

// mostSockets is more than any program has descriptors for. libzmq takes memory
// for all of them at once.
const mostSockets = 1 << 20

// WithMaxSockets bounds the sockets of a context. On libzmq each counts three times. The
// default is [DefaultMaxSockets].
func WithMaxSockets(n int) ContextOption {
	return contextOption(func(c *contextConfig) {
		c.require(n > 2 && n <= mostSockets, "maximum number of sockets %d: want 3 to %d", n, mostSockets)
		c.MaxSockets = n
	})
}

// WithEngine sets what carries the messages of the context's sockets, such as
// libzmq.Engine of package comm/libzmq. The default is [DefaultEngine].
func WithEngine(e Engine) ContextOption {
	return contextOption(func(c *contextConfig) {
		c.require(e != nil, "engine: must not be nil")
		c.engine = e
	})
}

// WithLogger sets where a context and its sockets report what no caller can be
// told. The default is slog.Default().
func WithLogger(log *slog.Logger) ContextOption {
	return contextOption(func(c *contextConfig) {
		c.require(log != nil, "logger: must not be nil")
		c.Log = log
	})
}

// WithResolver sets how the names of hosts are looked up that sockets connect to. The
// default is net.DefaultResolver.
func WithResolver(r *net.Resolver) ContextOption {
	return contextOption(func(c *contextConfig) {
		c.require(r != nil, "resolver: must not be nil")
		c.Resolver = r
	})
}

// WithPoison overwrites each received frame when its message is released, so
// that a test sees a use after that. It is off by default.
func WithPoison() ContextOption {
	return contextOption(func(c *contextConfig) { c.Poison = true })
}
