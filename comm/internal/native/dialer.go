package native

import (
	"net"
	"sync"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
)

// dialer connects to an endpoint, and again whenever the connection ends.
type dialer struct {
	origin
	socket   *socket
	endpoint engine.Endpoint
	expected *peer // whose messages wait for a connection; nil if none do

	mu      sync.Mutex // guards what follows
	peer    *peer      // that is connected; nil if none is
	retired bool       // when all is sent there is no need to connect again
}

// newDialer returns a dialer. Where messages are queued for a peer that is not there its
// queue begins now.
func newDialer(s *socket, e engine.Endpoint) *dialer {
	d := &dialer{origin: newOrigin(s), socket: s, endpoint: e}
	if _, queues := s.pattern.(*balanced); queues && s.sends() && !s.config.Immediate {
		p := s.newWirePeer()
		if s.expect(p) == nil {
			d.expected = p
		}
	}
	return d
}

// run connects until the dialer is retired and all is sent.
func (d *dialer) run() {
	defer d.forget()
	var pause backoff
	for d.life.Err() == nil {
		ready, refused := d.once()
		switch {
		case ready:
			pause.reset()
		case refused:
			pause.refused()
		}
		if d.isDone() || !d.rest(pause.next()) {
			return
		}
	}
}

// once makes a connection and serves it.
func (d *dialer) once() (ready, refused bool) {
	nc, err := d.dial()
	if err != nil {
		if d.life.Err() == nil {
			d.socket.failures.add(dialError(d.endpoint.String(), err))
		}
		return false, false
	}
	d.socket.keepAlive(nc)
	ready, err = d.socket.serve(nc, &d.origin, d.expected, d.admitted)
	d.connected(nil)
	if ready || d.life.Err() != nil || d.isDone() {
		return ready, false
	}
	d.socket.failures.add(&engine.Error{Op: "connect", Reason: engine.Foreign, Detail: d.endpoint.String(), Cause: foreignCause(err)})
	return false, !isEnd(err)
}

// foreignCause returns what a handshake failed for, nil if the peer just left.
func foreignCause(err error) error {
	if isEnd(err) {
		return nil
	}
	return err
}

// dial makes a connection. Names are looked up each time.
func (d *dialer) dial() (net.Conn, error) {
	network := "tcp"
	if d.endpoint.Transport == engine.IPC {
		network = "unix"
	}
	dialer := net.Dialer{Timeout: dialTime, KeepAlive: -1, Resolver: d.socket.ctx.config.Resolver}
	return dialer.DialContext(d.life, network, d.endpoint.Address)
}

// admitted notes the peer of the connection.
func (d *dialer) admitted(p *peer) {
	d.socket.failures.recovered(d.endpoint.String())
	d.connected(p)
}

func (d *dialer) connected(p *peer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.peer = p
}

// isDone says whether there is nothing to connect for.
func (d *dialer) isDone() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.retired && (d.expected == nil || d.expected.link.(*wire).empty())
}

// rest waits, and says whether the dialer is to go on.
func (d *dialer) rest(pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-d.young.Done():
		return !d.isDone() && d.life.Err() == nil
	}
}

// forget takes the peer out whose messages waited.
func (d *dialer) forget() {
	if d.expected != nil {
		d.socket.dismiss(d.expected)
		d.expected.link.(*wire).disconnect(false)
	}
}

// retire ends the dialer when all that was sent there is written, or the linger time is
// over.
func (d *dialer) retire() {
	d.mu.Lock()
	d.retired = true
	p := d.peer
	d.mu.Unlock()
	if d.expected != nil {
		p = d.expected
	}
	if p != nil {
		d.socket.retire(p)
	}
	if d.isDone() {
		d.stop()
	}
	d.linger(d.socket.config.Linger)
}
