//go:build cgo

package libzmq

import (
	"errors"
	"time"

	zmq "github.com/pebbe/zmq4"

	"github.com/mittere/mittere/comm/internal/engine"
)

// configure sets the options of libzmq that hold for all endpoints.
func (s *socket) configure() error {
	c, z := s.config, s.z
	wrong := []error{
		z.SetLinger(c.Linger),
		z.SetSndhwm(c.HighWaterMark),
		z.SetRcvhwm(c.HighWaterMark),
		z.SetMaxmsgsize(int64(c.MaxFrameSize)),
		z.SetImmediate(c.Immediate),
		s.setKeepAlive(),
	}
	if c.RoutingID != "" {
		wrong = append(wrong, z.SetIdentity(c.RoutingID))
	}
	switch s.trait().zmq {
	case zmq.SUB, zmq.XSUB:
		// What these send is subscriptions. libzmq drops those that find the
		// queue full, without a word; those to a publisher that has gone are
		// nothing to wait for.
		wrong = append(wrong, z.SetSndhwm(0), z.SetLinger(0))
	case zmq.ROUTER:
		wrong = append(wrong, z.SetRouterMandatory(1))
	case zmq.XPUB:
		// libzmq itself moves what subscribers send to a queue without a bound,
		// as fast as they send it, unless it gets little at a time.
		wrong = append(wrong, z.SetXpubVerboser(1), z.SetXpubNodrop(c.Overflow != engine.Lossy), z.SetRcvhwm(1))
	}
	return errors.Join(wrong...)
}

// setKeepAlive has the system test tcp connections, of which a peer can vanish
// without a word.
//
// libzmq's own heartbeats are not used. They take a peer for dead whose messages
// nobody receives for a while, and lose them; and libzmq 4.3.4 ends the process
// when one is due on a connection that broke while its queue was full.
func (s *socket) setKeepAlive() error {
	interval, timeout := s.config.KeepAliveInterval, s.config.KeepAliveTimeout
	if interval == 0 {
		return s.z.SetTcpKeepalive(0)
	}
	const mostTests = 127
	seconds := int(interval / time.Second)
	tests := min(max(int(timeout/interval)-1, 1), mostTests) // after the first silent interval
	return errors.Join(s.z.SetTcpKeepalive(1), s.z.SetTcpKeepaliveIdle(seconds),
		s.z.SetTcpKeepaliveIntvl(seconds), s.z.SetTcpKeepaliveCnt(tests))
}
