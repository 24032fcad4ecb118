package native

import (
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/mittere/mittere/comm/internal/zmtp"
)

// conn is one connection. One goroutine shakes hands and reads; who writes, the wire
// above it says.
type conn struct {
	net.Conn
	raw  syscall.RawConn // nil where nothing can be tried without waiting
	once sync.Once
	gone chan struct{} // closed by close

	// What follows is set before the wire has the connection.
	peer   zmtp.Peer
	reads  *zmtp.Decoder
	sealer *zmtp.Sealer // nil if frames go in the clear

	trial attempt // of who writes
}

// newConn returns a connection that has not shaken hands.
func newConn(c net.Conn) *conn {
	made := &conn{Conn: c, raw: rawConn(c), gone: make(chan struct{})}
	made.trial.init()
	return made
}

// close ends the connection. Closing again does nothing.
func (c *conn) close() {
	c.once.Do(func() {
		close(c.gone)
		_ = c.Conn.Close()
	})
}

// shutDown ends this direction of the connection, on which all is written. The other end
// is read until it ends too, or the linger time is over: if the connection were closed and
// the peer still sent, the system would drop what it has not delivered yet.
func (c *conn) shutDown() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		c.close()
	}
}

// canTry says whether write can do without waiting.
func (c *conn) canTry() bool { return c.raw != nil }

// write writes b: all of it, or as much as can be written without waiting.
func (c *conn) write(b []byte, wait bool) (n int, err error) {
	if wait {
		return c.Conn.Write(b)
	}
	return c.trial.write(c.raw, b)
}

// shake shakes hands within a time, and returns the bytes behind the handshake.
func (c *conn) shake(config zmtp.Config, limits zmtp.Limits, within time.Duration) (rest []byte, err error) {
	h, err := zmtp.NewHandshake(config)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(within)); err != nil {
		return nil, err
	}
	if _, err := c.Conn.Write(h.Start(nil)); err != nil {
		return nil, err
	}
	rest, err = c.converse(h)
	if err != nil {
		return nil, err
	}
	c.peer, c.reads, c.sealer = h.Peer(), h.Decoder(limits, nil), h.Sealer()
	return rest, c.SetDeadline(time.Time{})
}

// converse answers what the peer says until the handshake is done.
func (c *conn) converse(h *zmtp.Handshake) (rest []byte, err error) {
	const first = 256
	buf := make([]byte, 0, first)
	for !h.Done() {
		if len(buf) == cap(buf) { // of a command that is incomplete: its size is bounded
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
		}
		n, err := c.Conn.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return nil, err
		}
		if buf, err = c.respond(h, buf[:len(buf)+n]); err != nil {
			return nil, err
		}
	}
	return buf, nil
}

// respond hands what was read to the handshake and sends its answers. It returns what is
// left of b, at the beginning of its memory.
func (c *conn) respond(h *zmtp.Handshake, b []byte) (rest []byte, err error) {
	n, answer, err := h.Feed(b, nil)
	if _, due := h.Credentials(); due && err == nil {
		answer, err = h.Decide(zmtp.Allow, answer)
	}
	if len(answer) > 0 {
		if _, failed := c.Conn.Write(answer); failed != nil && err == nil {
			err = failed
		}
	}
	return b[:copy(b, b[n:])], err
}
