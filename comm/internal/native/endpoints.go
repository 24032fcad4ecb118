package native

import (
	"context"
	"net"
	"slices"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
)

// bind is an endpoint that is bound.
type bind struct {
	endpoint string
	listener *listener // nil over inproc
}

// attachAll attaches endpoints, all or none. Nobody is connected to a name before all are
// attached.
func (s *socket) attachAll(endpoints []engine.Endpoint) error {
	for _, e := range endpoints {
		if err := s.attach(e); err != nil {
			return err
		}
	}
	for _, e := range endpoints {
		s.openName(e)
	}
	return nil
}

func (s *socket) Attach(e engine.Endpoint) error { return s.attachAll([]engine.Endpoint{e}) }

// openName lets dialers of a name that was bound in.
func (s *socket) openName(e engine.Endpoint) {
	if e.Binds && e.Transport == engine.Inproc {
		s.ctx.names.open(s, e.String())
	}
}

func (s *socket) attach(e engine.Endpoint) error {
	switch {
	case !e.Binds:
		return s.connect(e)
	case e.Transport != engine.Inproc:
		return s.listen(e)
	}
	return s.withOpen("bind", func() error {
		if err := s.ctx.names.bind(s, e.String()); err != nil {
			return err
		}
		s.binds = append(s.binds, &bind{endpoint: e.String()})
		return nil
	})
}

// withOpen calls f with mu held if the socket is open.
func (s *socket) withOpen(op string, f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return closedError(op)
	}
	return f()
}

// listen binds an endpoint of tcp or ipc.
func (s *socket) listen(e engine.Endpoint) error {
	return s.withOpen("bind", func() error {
		l, err := listen(e, s.config.IPCMode)
		if err != nil {
			return bindError(e.String(), err)
		}
		s.serveListener(l)
		return nil
	})
}

func (s *socket) Adopt(l *net.TCPListener) error {
	return s.withOpen("bind", func() error {
		s.serveListener(&bound{Listener: l, endpoint: "tcp://" + l.Addr().String()})
		return nil
	})
}

// serveListener accepts connections from now on. mu is held.
func (s *socket) serveListener(b *bound) {
	l := newListener(s, b)
	s.binds = append(s.binds, &bind{endpoint: b.endpoint, listener: l})
	s.running.Go(l.run)
}

// connect connects to an endpoint. mu must not be held.
func (s *socket) connect(e engine.Endpoint) error {
	if e.Transport == engine.Inproc {
		return s.ctx.names.dial(s, e.String())
	}
	return s.withOpen("connect", func() error {
		d := newDialer(s, e)
		s.dialers = append(s.dialers, d)
		s.running.Go(d.run)
		return nil
	})
}

// notAttached is the error of an endpoint that is not bound or connected to.
func notAttached(op, endpoint string) error {
	return &engine.Error{Op: op, Reason: engine.AddressUnavailable, Detail: endpoint}
}

func (s *socket) Unbind(endpoint string) error {
	const op = "unbind"
	var b *bind
	err := s.withOpen(op, func() error {
		i := slices.IndexFunc(s.binds, func(b *bind) bool { return b.endpoint == endpoint })
		if i < 0 {
			return notAttached(op, endpoint)
		}
		b = s.binds[i]
		s.binds = slices.Delete(slices.Clone(s.binds), i, i+1)
		return nil
	})
	if err == nil {
		b.retire(s)
	}
	return err
}

// retire ends a bind, and the connections that were accepted there, but for those over
// inproc.
func (b *bind) retire(s *socket) {
	if b.listener == nil {
		s.ctx.names.release(s, b.endpoint)
		return
	}
	b.listener.retire()
}

func (s *socket) Disconnect(endpoint string) error {
	const op = "disconnect"
	var gone []*dialer
	err := s.withOpen(op, func() error {
		s.dialers = slices.DeleteFunc(slices.Clone(s.dialers), func(d *dialer) bool {
			if d.endpoint.String() != endpoint {
				return false
			}
			gone = append(gone, d)
			return true
		})
		return nil
	})
	if err != nil {
		return err
	}
	for _, d := range gone {
		d.retire()
	}
	waited, piped := s.ctx.names.undial(s, endpoint), s.dropPipes(endpoint)
	if len(gone) == 0 && !waited && piped == 0 {
		return notAttached(op, endpoint)
	}
	return nil
}

func (s *socket) Endpoints() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	endpoints := make([]string, len(s.binds))
	for i, b := range s.binds {
		endpoints[i] = b.endpoint
	}
	return endpoints
}

// origin is what connections come from: a listener or a dialer.
type origin struct {
	life  context.Context // of its connections
	end   context.CancelFunc
	young context.Context // of those that have not shaken hands
	stop  context.CancelFunc
}

func newOrigin(s *socket) origin {
	var o origin
	o.life, o.end = context.WithCancel(s.life)
	o.young, o.stop = context.WithCancel(o.life)
	return o
}

// linger ends the connections in a while: until then what is left is sent.
func (o *origin) linger(d time.Duration) {
	if d == 0 {
		o.end()
		return
	}
	time.AfterFunc(d, o.end)
}
