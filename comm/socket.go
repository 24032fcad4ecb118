package comm

import (
	"context"
	"fmt"

	"github.com/mittere/mittere/comm/internal/engine"
)

// Socket is what sockets of all kinds have in common. All methods may be called
// by any number of goroutines at once.
type Socket struct {
	zctx         *Context
	kind         Kind
	maxFrameSize int
	inner        engine.Socket
	counters     engine.Counters // of what comm itself refuses or drops
}

// newSocket returns a socket at its endpoints.
func newSocket[O PublisherOption](zctx *Context, kind Kind, endpoints string, options []O) (*Socket, error) {
	c, err := newConfig(kind, options)
	if err != nil {
		return nil, err
	}
	addresses, err := parseEndpoints(kind.Binds(), endpoints)
	if err != nil {
		return nil, err
	}
	s := &Socket{zctx: zctx, kind: kind, maxFrameSize: c.MaxFrameSize}
	if err := zctx.newSocket(s, c.Config, addresses); err != nil {
		return nil, err
	}
	zctx.warnOpen(s.Endpoints())
	return s, nil
}

// Bind adds endpoints to listen on, separated by commas; "tcp://host:*" takes a
// free port. It returns at the first one that fails.
func (s *Socket) Bind(endpoints string) error { return s.attach("bind", endpoints, true) }

// Connect adds endpoints to connect to, separated by commas. It does not wait
// for a connection: the engine makes it, and makes it again when it breaks. Over
// inproc it is made when a socket of the same context binds the endpoint, if none
// has yet, and not again when that is closed. Until then there is no queue for
// the peer, whatever [WithImmediate] says.
func (s *Socket) Connect(endpoints string) error { return s.attach("connect", endpoints, false) }

// attach binds or connects to each endpoint of a list.
func (s *Socket) attach(op, endpoints string, binds bool) error {
	addresses, err := parseEndpoints(binds, endpoints)
	if err != nil {
		return err
	}
	for _, e := range addresses {
		if e.Binds != binds {
			return invalid(op, fmt.Sprintf("%v: says the opposite", e))
		}
	}
	for _, e := range addresses {
		if err := s.inner.Attach(e); err != nil {
			return err
		}
		s.zctx.warnOpen(s.Endpoints())
	}
	return nil
}

// Unbind stops listening on an endpoint, written as [Socket.Endpoints] returns
// it. Connections that were accepted there end, but for those over inproc.
func (s *Socket) Unbind(endpoint string) error { return s.inner.Unbind(endpoint) }

// Disconnect ends the connection to an endpoint, written as it was connected.
func (s *Socket) Disconnect(endpoint string) error { return s.inner.Disconnect(endpoint) }

// BindPort listens on a port that was acquired before. On success the port is
// the socket's; on failure it is still the caller's.
func (s *Socket) BindPort(p *Port) error {
	if err := p.give(s.inner); err != nil {
		return err
	}
	s.zctx.warnOpen(s.Endpoints())
	return nil
}

// Endpoints returns what the socket is bound to, in order, with real ports in
// place of "*". Peers can connect to these.
func (s *Socket) Endpoints() []string { return s.inner.Endpoints() }

// Kind returns the socket's kind.
func (s *Socket) Kind() Kind { return s.kind }

// String returns the kind and the bound endpoints, for logs.
func (s *Socket) String() string { return fmt.Sprintf("%v%v", s.kind, s.Endpoints()) }

// MaxFrameSize returns how many bytes a frame may have; see [WithMaxFrameSize].
func (s *Socket) MaxFrameSize() int { return s.maxFrameSize }

// WaitDisconnect waits until more connections have ended than the caller has
// seen, and returns how many that are: the Disconnects of [Stats]. It is how a
// caller learns at once that a peer is gone. Over inproc connections may end
// without a word: see [Features].
func (s *Socket) WaitDisconnect(ctx context.Context, seen uint64) (uint64, error) {
	return s.inner.WaitDisconnect(ctx, seen)
}

// WaitFailure waits until a connection that the socket tries to make fails, and returns
// why as far as is known: [ConnectionRefused], [HostUnknown], [Unroutable],
// [PermissionDenied] or [Foreign]. It returns at once if one failed before that no call
// has told, and was not made since. The socket goes on trying. Other errors are that ctx
// ended, and [Closed].
func (s *Socket) WaitFailure(ctx context.Context) error { return s.inner.WaitFailure(ctx) }

// Close ends the socket. Waiting calls return an error that is net.ErrClosed.
// Messages that were sent are still delivered for the linger time, while the context is
// open or closing. Closing again does nothing.
func (s *Socket) Close() error {
	err := s.inner.Close()
	s.zctx.forget(s)
	return err
}
