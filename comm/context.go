package comm

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"runtime/pprof"
	"slices"
	"sync"

	"github.com/mittere/mittere/comm/internal/engine"
)

// contexts lists the open contexts, each with the stack that made it, under
// /debug/pprof/ of programs that serve that: a leak shows where it began.
var contexts = pprof.NewProfile("mittere.comm.contexts")

// Context owns sockets and what an [Engine] has behind them. inproc endpoints
// are names within one Context. A program needs one.
type Context struct {
	log      *slog.Logger
	id       string
	engine   Engine
	inner    engine.Context
	warnOnce sync.Once
	making   sync.WaitGroup // sockets that are being made

	mu      sync.Mutex // guards what follows
	sockets map[*Socket]struct{}
	closed  bool
}

// NewContext returns a context without sockets. It must be closed.
func NewContext(options ...ContextOption) (*Context, error) {
	c := contextConfig{ContextConfig: engine.ContextConfig{
		IOThreads: DefaultIOThreads, MaxSockets: DefaultMaxSockets, Log: slog.Default(), Resolver: net.DefaultResolver,
	}}
	for _, option := range options {
		option.applyContext(&c)
	}
	if c.engine == nil {
		var err error
		c.engine, err = defaultEngine()
		c.wrong = append(c.wrong, err)
	}
	if err := errors.Join(c.wrong...); err != nil {
		return nil, err
	}
	inner, err := c.engine.NewContext(c.ContextConfig)
	if err != nil {
		return nil, err
	}
	ctx := &Context{engine: c.engine, inner: inner, id: rand.Text(), log: c.Log, sockets: map[*Socket]struct{}{}}
	contexts.Add(ctx, 1)
	return ctx, nil
}

// Close closes every socket that is still open and ends the context. It waits
// until what the sockets left behind is sent, for their linger time at most.
// Closing again does nothing.
func (c *Context) Close() error {
	if !c.shut() {
		return nil
	}
	c.making.Wait() // or it would not be among those that are open
	var wrong []error
	for _, socket := range c.open() {
		wrong = append(wrong, socket.Close())
	}
	wrong = append(wrong, c.inner.Close())
	contexts.Remove(c)
	return errors.Join(wrong...)
}

// shut marks the context closed; first is false if somebody else did.
func (c *Context) shut() (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first = !c.closed
	c.closed = true
	return first
}

// open returns the sockets that are open.
func (c *Context) open() (sockets []*Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for socket := range c.sockets {
		sockets = append(sockets, socket)
	}
	return sockets
}

// newSocket makes the engine's socket for s and enters s into the context.
func (c *Context) newSocket(s *Socket, config engine.Config, endpoints []engine.Endpoint) error {
	if err := c.begin(s); err != nil {
		return err
	}
	defer c.making.Done()
	inner, err := c.inner.NewSocket(config, endpoints)
	if err != nil {
		return err
	}
	s.inner = inner
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sockets[s] = struct{}{}
	return nil
}

// begin notes that a socket is being made, unless the context is closed.
func (c *Context) begin(s *Socket) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return &Error{Op: "new " + s.kind.String(), Reason: Closed}
	}
	c.making.Add(1)
	return nil
}

// forget takes a closed socket out of the context.
func (c *Context) forget(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sockets, s)
}

// warnOpen says once that everyone who reaches this host may connect, if one of
// the endpoints, as the engine resolved them, lets them. The handler is the user's
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

// Engine returns what carries the messages of the context's sockets.
func (c *Context) Engine() Engine { return c.engine }
