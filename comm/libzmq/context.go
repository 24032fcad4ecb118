//go:build cgo

package libzmq

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync/atomic"

	zmq "github.com/pebbe/zmq4"

	"github.com/mittere/mittere/comm/internal/engine"
)

// zmqContext is a context of libzmq, with its threads.
type zmqContext struct {
	z        *zmq.Context
	log      *slog.Logger
	resolver *net.Resolver
	owner    engine.Owner  // of received messages; nil for the garbage collector
	monitors atomic.Uint64 // names monitors
	names    *names        // of inproc; has a lock of its own
}

// Version returns the version of the libzmq in use, such as "4.3.4".
func (implementation) Version() string {
	major, minor, patch := zmq.Version()
	return fmt.Sprintf("%d.%d.%d", major, minor, patch)
}

// NewContext returns a context without sockets.
func (implementation) NewContext(c engine.ContextConfig) (engine.Context, error) {
	z, err := newZMQContext(c)
	if err != nil {
		return nil, translate("new context", "", err)
	}
	ctx := &zmqContext{z: z, log: c.Log, resolver: c.Resolver, names: newNames()}
	if c.Poison {
		ctx.owner = poisoner{}
	}
	return ctx, nil
}

// newZMQContext makes and configures a context of libzmq.
func newZMQContext(c engine.ContextConfig) (*zmq.Context, error) {
	z, err := zmq.NewContext()
	if err != nil {
		return nil, err
	}
	// A context that is lost shall leak. pebbe's finalizer would end it on the
	// runtime's only finalizer goroutine, which would then wait for ever for
	// the context's sockets.
	runtime.SetFinalizer(z, nil)
	if err := errors.Join(z.SetIoThreads(c.IOThreads), z.SetMaxSockets(c.MaxSockets)); err != nil {
		return nil, errors.Join(err, z.Term())
	}
	return z, nil
}

// NewSocket returns a socket at its endpoints.
func (c *zmqContext) NewSocket(config engine.Config, endpoints []engine.Endpoint) (engine.Socket, error) {
	s, err := c.newSocket(config, nil, endpoints)
	if err != nil {
		return nil, err
	}
	for _, e := range endpoints {
		c.redial(e)
	}
	return s, nil
}

// Names returns how many names of inproc are bound, and how many only dialed.
func (c *zmqContext) Names() (bound, dialed int) {
	c.names.mu.Lock()
	defer c.names.mu.Unlock()
	return len(c.names.bound), len(c.names.dials)
}

// Close ends the context, when libzmq has sent what the sockets left behind.
func (c *zmqContext) Close() error { return translate("close context", "", c.z.Term()) }

// poisoner overwrites what is released.
type poisoner struct{}

// Release overwrites the frames.
func (poisoner) Release(_ uint64, frames [][]byte) { engine.Poison(frames) }
