package native

import (
	"errors"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
)

// How peers come and go.

// newPeer returns a peer whose messages are received in a queue of that many.
func newPeer(most int) *peer {
	p := &peer{resumed: make(chan struct{}, 1)}
	p.in.most = most
	p.in.resume = func() {
		select {
		case p.resumed <- struct{}{}:
		default:
		}
	}
	return p
}

// newWirePeer returns a peer that will have a connection.
func (s *socket) newWirePeer() *peer {
	p := newPeer(s.config.HighWaterMark)
	p.link = newWire(s.config.HighWaterMark, func() { s.makeRoom(p) })
	return p
}

// errStopped is why a peer is not admitted to a socket that is closed.
var errStopped = errors.New("the socket is closed")

// expect enters a peer that messages are queued for before it is connected.
func (s *socket) expect(p *peer) error {
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	if s.stopped {
		return errStopped
	}
	_, err := s.pattern.join(p, "", time.Now())
	if err == nil {
		s.peers[p] = struct{}{}
		s.senders.wake()
	}
	return err
}

// admit enters a peer, which has shaken hands. begin is called when it can be sent to;
// no message is sent before.
func (s *socket) admit(p *peer, id string, begin func()) error {
	replaced, err := s.tryAdmit(p, id, begin)
	if replaced != nil {
		s.ctx.log.Write(levelInfo, "a peer takes over the routing id of another, which is disconnected", "socket", s.config.Kind, "id", id)
		replaced.link.cut()
	}
	return err
}

func (s *socket) tryAdmit(p *peer, id string, begin func()) (replaced *peer, err error) {
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	switch _, expected := s.peers[p]; {
	case p.leaving: // it gets what was sent before
		begin()
		return nil, nil
	case s.stopped:
		return nil, errStopped
	case !expected:
		if replaced, err = s.pattern.join(p, id, time.Now()); err != nil {
			return nil, err
		}
		s.peers[p] = struct{}{}
	}
	if replaced != nil {
		s.takeOut(replaced) // its end is told before the newcomer's messages
	}
	begin()
	p.counted = true
	s.counters.Connections.Add(1)
	s.senders.wake()
	return replaced, nil
}

// lose notes that the connection to a peer that is expected again ended.
func (s *socket) lose(p *peer) {
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	s.countEnd(p)
}

// dismiss takes a peer out. Nothing is sent to it after that, but for what it has.
func (s *socket) dismiss(p *peer) {
	s.sendMu.Lock()
	s.takeOut(p)
	s.sendMu.Unlock()
}

// retire dismisses a peer and ends the connection when what was sent to it is written.
func (s *socket) retire(p *peer) {
	s.sendMu.Lock()
	p.leaving = true
	s.takeOut(p)
	s.sendMu.Unlock()
	p.link.finish()
}

// takeOut is dismiss with sendMu held.
func (s *socket) takeOut(p *peer) {
	if _, known := s.peers[p]; !known {
		return
	}
	delete(s.peers, p)
	s.pattern.leave(p)
	s.countEnd(p)
	s.roomed = true
	s.rooms.wakeAll()
	s.wakeSenders() // of a publisher that waits for the peer
}

// wakeSenders wakes the calls that may send now. Those of a publisher wait for one peer or
// another, and none passes on what it was not woken for. sendMu is held.
func (s *socket) wakeSenders() {
	if s.publishes() {
		s.senders.wakeAll()
	} else {
		s.senders.wake()
	}
}

// countEnd counts the end of a connection, once. sendMu is held.
func (s *socket) countEnd(p *peer) {
	if !p.counted {
		return
	}
	p.counted = false
	s.counters.Connections.Add(-1)
	s.counters.Disconnects.Add(1)
	s.ends.fire()
}

// makeRoom notes that a peer has room again.
func (s *socket) makeRoom(p *peer) {
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	if _, known := s.peers[p]; !known {
		return
	}
	s.pattern.roomy(p)
	s.wakeSenders()
	if s.rooms.n == 0 {
		s.roomed = true
	}
	s.rooms.wakeAll()
}

// event puts a message of the engine's own into the queue of a peer. sendMu is held.
func (s *socket) event(p *peer, frames [][]byte) {
	s.in.push(&p.in, s.received(frames))
}

// subscribed notes what a peer asked for. Who does not publish locks nothing: it may be the
// caller itself, or another subscriber, which tells the caller.
func (s *socket) subscribed(p *peer, subscribes bool, prefix []byte) error {
	published, ok := s.pattern.(*published)
	if !ok {
		return nil
	}
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	return published.subscribed(p, subscribes, prefix)
}

// errTooManySubscriptions is why a peer is disconnected that asks for too much.
var errTooManySubscriptions = &engine.Error{Op: "receive", Reason: engine.TooLarge, Detail: "too many subscriptions of one peer"}
