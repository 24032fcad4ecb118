package native

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// listener accepts connections at an endpoint.
type listener struct {
	*bound
	origin
	socket *socket
	open   atomic.Int64 // connections

	mu    sync.Mutex // guards what follows
	peers map[*peer]struct{}
}

func newListener(s *socket, b *bound) *listener {
	return &listener{bound: b, origin: newOrigin(s), socket: s, peers: map[*peer]struct{}{}}
}

// Accepting pauses when it fails, as it does when the process has no descriptor left: to
// try again at once would keep a processor busy.
const (
	firstAcceptPause   = 5 * time.Millisecond
	longestAcceptPause = time.Second
)

// run accepts until the listener is closed.
func (l *listener) run() {
	pause := firstAcceptPause
	for {
		nc, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			l.failed(err)
			if !l.rest(pause) {
				return
			}
			pause = min(2*pause, longestAcceptPause)
		case l.open.Load() >= l.socket.bounds.connections:
			_ = nc.Close()
			l.failed(errTooManyConnections)
		default:
			pause = firstAcceptPause
			l.open.Add(1)
			l.socket.running.Go(func() { l.serve(nc) })
		}
	}
}

// errTooManyConnections is why a connection is closed at once.
var errTooManyConnections = errors.New("the listener has too many connections")

// failed counts and logs that no connection was accepted.
func (l *listener) failed(err error) {
	l.socket.counters.FailedAccepts.Add(1)
	l.socket.ctx.log.Write(levelWarn, "a connection could not be accepted", "endpoint", l.endpoint, "error", err)
}

// rest waits, and says whether the listener is still open.
func (l *listener) rest(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-l.young.Done():
		return false
	}
}

// serve serves a connection that was accepted.
func (l *listener) serve(nc net.Conn) {
	defer l.open.Add(-1)
	l.socket.keepAlive(nc)
	var p *peer
	_, _ = l.socket.serve(nc, &l.origin, nil, func(admitted *peer) {
		p = admitted
		l.note(p)
	})
	if p != nil {
		l.mu.Lock()
		delete(l.peers, p)
		l.mu.Unlock()
	}
}

// note notes a peer that was admitted.
func (l *listener) note(p *peer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.peers[p] = struct{}{}
}

// retire ends the listener and its connections, those of peers when they have what was
// sent to them.
func (l *listener) retire() {
	l.stop()
	l.close()
	l.mu.Lock()
	var peers []*peer
	for p := range l.peers {
		peers = append(peers, p)
	}
	l.mu.Unlock()
	for _, p := range peers {
		l.socket.retire(p)
	}
	l.linger(l.socket.config.Linger)
}
