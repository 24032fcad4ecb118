package comm

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"

	zmq "github.com/pebbe/zmq4"
)

// contexts lists the open contexts, each with the stack that made it, under
// /debug/pprof/ of programs that serve that: a leak shows where it began.
var contexts = pprof.NewProfile("mittere.comm.contexts")

// Context owns sockets and the threads of libzmq behind them. inproc endpoints
// are names within one Context. A program needs one.
type Context struct {
	log      *slog.Logger
	id       string
	poison   bool
	monitors atomic.Uint64 // names monitors
	warnOnce sync.Once
	names    *names // of inproc; has a lock of its own
	resolver *net.Resolver

	mu      sync.Mutex // guards what follows, and making sockets
	z       *zmq.Context
	sockets map[*Socket]struct{}
	closed  bool
}

// NewContext returns a context without sockets. It must be closed.
func NewContext(options ...ContextOption) (*Context, error) {
	c := contextConfig{ioThreads: zmq.IoThreadsDflt, maxSockets: DefaultMaxSockets, log: slog.Default(), resolver: net.DefaultResolver}
	for _, option := range options {
		option.applyContext(&c)
	}
	if err := errors.Join(c.wrong...); err != nil {
		return nil, err
	}
	z, err := newZMQContext(c)
	if err != nil {
		return nil, translate("new context", "", err)
	}
	ctx := &Context{z: z, id: rand.Text(), log: c.log, poison: c.poison, resolver: c.resolver, names: newNames(), sockets: map[*Socket]struct{}{}}
	contexts.Add(ctx, 1)
	return ctx, nil
}

// newZMQContext makes and configures a context of libzmq.
func newZMQContext(c contextConfig) (*zmq.Context, error) {
	z, err := zmq.NewContext()
	if err != nil {
		return nil, err
	}
	// A context that is lost shall leak. pebbe's finalizer would end it on the
	// runtime's only finalizer goroutine, which would then wait for ever for
	// the context's sockets.
	runtime.SetFinalizer(z, nil)
	if err := errors.Join(z.SetIoThreads(c.ioThreads), z.SetMaxSockets(c.maxSockets)); err != nil {
		return nil, errors.Join(err, z.Term())
	}
	return z, nil
}

// Close closes every socket that is still open and ends the context. It waits
// until libzmq has sent what the sockets left behind, for their linger time at
// most. Closing again does nothing.
func (c *Context) Close() error {
	open, first := c.shut()
	if !first {
		return nil
	}
	var wrong []error
	for _, socket := range open {
		wrong = append(wrong, socket.Close())
	}
	wrong = append(wrong, translate("close context", "", c.z.Term()))
	contexts.Remove(c)
	return errors.Join(wrong...)
}

// shut marks the context closed and returns its open sockets; first is false if
// somebody else did.
func (c *Context) shut() (open []*Socket, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, false
	}
	c.closed = true
	for socket := range c.sockets {
		open = append(open, socket)
	}
	return open, true
}

// newSocket makes the socket of libzmq for s and enters s into the context.
func (c *Context) newSocket(s *Socket) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return &Error{Op: "new " + s.kind.String(), Reason: Closed}
	}
	z, err := c.z.NewSocket(s.kind.trait().zmq)
	if err != nil {
		return translate("new "+s.kind.String(), "", err)
	}
	// The context keeps the socket until Close: pebbe's finalizer would close it
	// on a foreign thread, outside every lock.
	runtime.SetFinalizer(z, nil)
	s.z = z
	if s.kind != kindMonitor { // a monitor ends with its socket, not before
		c.sockets[s] = struct{}{}
	}
	return nil
}

// forget takes a closed socket out of the context.
func (c *Context) forget(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sockets, s)
}

// warnOpen says once that everyone who reaches this host may connect, if one of
// the endpoints, as libzmq resolved them, lets them. The handler is the user's
// code: no lock may be held.
func (c *Context) warnOpen(bound []string) {
	i := slices.IndexFunc(bound, everywhere)
	if i < 0 {
		return
	}
	c.warnOnce.Do(func() {
		c.log.Warn("bound on all interfaces without security: anyone who reaches this host may connect",
			"endpoint", bound[i])
	})
}

// ID returns a random text that tells the context, within which inproc names
// hold, from all others in the world.
func (c *Context) ID() string { return c.id }

// Version returns the version of the libzmq in use, such as "4.3.4".
func Version() string {
	major, minor, patch := zmq.Version()
	return fmt.Sprintf("%d.%d.%d", major, minor, patch)
}
