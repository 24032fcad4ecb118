package native

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/mittere/mittere/comm/internal/engine"
	"github.com/mittere/mittere/internal/ratelog"
)

// Engine is the engine of this package, for comm.WithEngine.
var Engine engine.Engine = native{}

type native struct{}

// Name is how the engine is chosen.
func (native) Name() string { return "native" }

// Version counts the engine's own changes.
func (native) Version() string { return "0.1.0" }

func (native) Features() engine.Features {
	return engine.Features{
		InprocConnections: true,
		CountsPeers:       true,
		ReplacesPeers:     true,
		KeepsForeignPaths: true,
		IPv6Names:         true,
	}
}

func (native) NewContext(c engine.ContextConfig) (engine.Context, error) {
	return &engineContext{config: c, log: ratelog.New(c.Log), names: newNames(), sockets: map[*socket]struct{}{}}, nil
}

// The levels of what is logged: what a peer does not get is a warning.
const (
	levelWarn = slog.LevelWarn
	levelInfo = slog.LevelInfo
)

// engineContext implements engine.Context.
type engineContext struct {
	config engine.ContextConfig
	log    *ratelog.Log
	names  *names

	mu      sync.Mutex // guards what follows
	sockets map[*socket]struct{}
	closed  bool
}

// errTooManySockets is why a socket is not made.
var errTooManySockets = errors.New("too many open sockets")

func (c *engineContext) NewSocket(config engine.Config, endpoints []engine.Endpoint) (engine.Socket, error) {
	op := "new " + config.Kind
	s := newSocket(c, config)
	c.mu.Lock()
	closed, many := c.closed, len(c.sockets) >= c.config.MaxSockets
	if !closed && !many {
		c.sockets[s] = struct{}{}
	}
	c.mu.Unlock()
	switch {
	case closed:
		return nil, closedError(op)
	case many:
		return nil, &engine.Error{Op: op, Reason: engine.Internal, Detail: fmt.Sprintf("a context has %d sockets at most", c.config.MaxSockets), Cause: errTooManySockets}
	}
	if err := s.attachAll(endpoints); err != nil {
		_ = s.Close() // which cannot fail
		return nil, err
	}
	return s, nil
}

func (c *engineContext) Names() (bound, dialed int) { return c.names.count() }

// forget takes a socket out that is gone.
func (c *engineContext) forget(s *socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sockets, s)
}

// Close waits until the sockets, which are closed, are gone.
func (c *engineContext) Close() error {
	c.mu.Lock()
	c.closed = true
	var sockets []*socket
	for s := range c.sockets {
		sockets = append(sockets, s)
	}
	c.mu.Unlock()
	for _, s := range sockets {
		_ = s.Close() // comm did so, but for one that was being made
		<-s.gone
	}
	return nil
}
