package native

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/mittere/mittere/comm/internal/zmtp"
)

// serve is the life of one connection. expected is the peer whose messages wait for it,
// nil if there is none. It returns whether the peer was admitted, and why the connection
// ended.
func (s *socket) serve(nc net.Conn, o *origin, expected *peer, admitted func(*peer)) (ready bool, err error) {
	c := newConn(nc)
	defer c.close()
	defer context.AfterFunc(o.life, c.close)()
	rest, err := s.shake(c, o)
	if err == nil {
		var p *peer
		if p, err = s.welcome(c, expected, admitted); err == nil {
			if o.young.Err() != nil { // it ended meanwhile, and did not see the peer
				s.retire(p)
			}
			return true, s.receiveFrom(c, p, rest, p == expected)
		}
	}
	if o.young.Err() == nil { // else it is not the peer's fault
		s.counters.BadHandshakes.Add(1)
		s.report(c, "a peer is refused", err)
	}
	return false, err
}

// shake shakes hands.
func (s *socket) shake(c *conn, o *origin) ([]byte, error) {
	s.counters.Handshakes.Add(1)
	defer s.counters.Handshakes.Add(-1)
	stop := context.AfterFunc(o.young, c.close)
	rest, err := c.shake(s.handshake, s.limits, s.bounds.handshake)
	if !stop() && err == nil {
		err = net.ErrClosed
	}
	return rest, err
}

// welcome admits the peer of a connection.
func (s *socket) welcome(c *conn, expected *peer, admitted func(*peer)) (*peer, error) {
	p := expected
	if p == nil {
		p = s.newWirePeer()
	}
	link := p.link.(*wire)
	err := s.admit(p, string(c.peer.Identity), func() {
		admitted(p)
		link.connect(c, s.pattern.greet(nil, c.peer.Minor))
	})
	if err != nil {
		return nil, err
	}
	link.flush()
	return p, nil
}

// receiveFrom receives until the connection ends. keep says that the peer is expected
// again.
func (s *socket) receiveFrom(c *conn, p *peer, rest []byte, keep bool) error {
	err := newReader(s, p, c, rest).run()
	c.close()
	if keep {
		s.lose(p)
	} else {
		s.dismiss(p)
	}
	p.link.(*wire).disconnect(keep)
	s.report(c, "a peer is disconnected", err)
	return err
}

// report logs the end of a connection if it is not the peer's own.
func (s *socket) report(c *conn, what string, err error) {
	level := levelWarn
	switch {
	case isEnd(err):
		return
	case errors.As(err, new(*zmtp.Error)) && what == "a peer is refused":
		level = levelInfo // anybody may connect and say anything
	}
	s.ctx.log.Write(level, what, "socket", s.config.Kind, "peer", c.RemoteAddr().String(), "error", err)
}

// isEnd says whether an error is how connections end without a fault.
func isEnd(err error) bool {
	for _, end := range []error{io.EOF, net.ErrClosed, errStopped, os.ErrDeadlineExceeded} {
		if errors.Is(err, end) {
			return true
		}
	}
	number := errno(err)
	return number == syscall.ECONNRESET || number == syscall.EPIPE
}
