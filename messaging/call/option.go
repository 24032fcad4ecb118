package call

import (
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/options"
)

// The defaults of a connection.
const (
	// DefaultHeartbeat is how often both ends of a session send something. Three
	// times that without a word ends it.
	DefaultHeartbeat = time.Second
	// DefaultHandshake is how long a handshake may take before it is tried again
	// with a new connection.
	DefaultHandshake = 3 * time.Second
)

const (
	// pause stands between two handshakes that failed at once.
	pause = 100 * time.Millisecond
)

// config is what options of a connection set.
type config struct {
	heartbeat time.Duration
	handshake time.Duration
	service   string
	keys      *Keys
	notify    func()
	socket    []comm.Option
	checks    options.Checks
}

// DialOption sets how a [Conn] works. The set is sealed.
type DialOption interface{ applyDial(*config) }

// dialOption is a DialOption made of a function.
type dialOption func(*config)

func (o dialOption) applyDial(c *config) { o(c) }

// newConfig applies options to the defaults.
func newConfig(options []DialOption) (config, error) {
	c := config{heartbeat: DefaultHeartbeat, handshake: DefaultHandshake, notify: func() {}}
	for _, o := range options {
		o.applyDial(&c)
	}
	if c.keys == nil {
		c.keys = NewKeys()
	}
	return c, c.checks.Err()
}

// WithHeartbeat sets how often both ends of the session send something, if the
// server agrees, who may want it less often. Three times that without a word ends
// the session. The default is [DefaultHeartbeat].
func WithHeartbeat(every time.Duration) DialOption {
	return dialOption(func(c *config) {
		c.checks.Require(every >= time.Millisecond, "heartbeat every %v: must be a millisecond at least", every)
		c.heartbeat = every
	})
}

// WithHandshake sets how long a handshake may take before it is tried again with a
// new connection. The default is [DefaultHandshake].
func WithHandshake(d time.Duration) DialOption {
	return dialOption(func(c *config) {
		c.checks.Require(d > 0, "handshake of %v: must be positive", d)
		c.handshake = d
	})
}

// WithService sets the name of the service that requests are for. A server of
// another name refuses them, and a broker needs it. The default is none.
func WithService(name string) DialOption { return dialOption(func(c *config) { c.service = name }) }

// WithKeys sets where requests get their keys; connections of one client share
// theirs. The default is [NewKeys].
func WithKeys(keys *Keys) DialOption {
	return dialOption(func(c *config) {
		c.checks.Require(keys != nil, "keys: must not be nil")
		c.keys = keys
	})
}

// WithNotify sets a function that is called when [Conn.Ready], or why it is not,
// may have changed: by a goroutine of the connection or of a call, so that it must
// not wait.
func WithNotify(f func()) DialOption {
	return dialOption(func(c *config) {
		c.checks.Require(f != nil, "notify: must not be nil")
		c.notify = f
	})
}

// WithSocket passes options on to the socket of comm.
func WithSocket(options ...comm.Option) DialOption {
	return dialOption(func(c *config) { c.socket = append(c.socket, options...) })
}
