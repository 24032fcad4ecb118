package native

import (
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
)

// pattern says which peers a message goes to. Its methods are called with the socket's
// sendMu held.
type pattern interface {
	// join enters a peer. replaced is one that has to go for it.
	join(p *peer, id string, now time.Time) (replaced *peer, err error)
	// leave takes a peer out.
	leave(p *peer)
	// roomy notes that a peer has room that had none.
	roomy(p *peer)
	// send sends a message, or says why not.
	send(frames [][]byte) verdict
	// greet appends the commands that a new connection begins with.
	greet(dst []byte, minor byte) []byte
}

// verdict says what became of a message.
type verdict uint8

const (
	sent        verdict = iota
	mustWait            // for room, or for a peer
	full                // the peer is
	unreachable         // there is no such peer
)

// newPattern returns the pattern of a socket.
func newPattern(s *socket) pattern {
	switch s.config.Pattern {
	case engine.Pub, engine.XPub:
		return &published{socket: s, table: newSubscriptions[*peer](mostSubscriptions)}
	case engine.Sub, engine.XSub:
		return newSubscribing(s)
	case engine.Router:
		return &routed{socket: s, routes: newRoutes[*peer](rand.Uint32())}
	default:
		return &balanced{socket: s}
	}
}

// touch notes that a peer has something to flush. sendMu is held.
func (s *socket) touch(p *peer) {
	if !p.touched {
		p.touched = true
		s.touched = append(s.touched, p)
	}
}

// balanced is the pattern of the kinds that send to their peers in turn: DEALER, PUSH and
// PAIR, and PULL, which sends nothing.
type balanced struct {
	socket *socket
	turns  roundRobin[*peer]
	count  int // of peers
}

// errSecondPeer is why a PAIR does not admit a peer.
var errSecondPeer = errors.New("a pair has one peer, and this is a second")

func (b *balanced) join(p *peer, _ string, _ time.Time) (*peer, error) {
	if b.socket.config.Pattern == engine.Pair && b.count > 0 {
		return nil, errSecondPeer
	}
	b.count++
	b.turns.add(p)
	return nil, nil
}

func (b *balanced) leave(p *peer) {
	b.count--
	b.turns.remove(p)
}

func (b *balanced) roomy(p *peer) { b.turns.add(p) }

func (b *balanced) send(frames [][]byte) verdict {
	for {
		p, any := b.turns.take()
		if !any {
			return mustWait
		}
		ok, more := p.link.put(frames)
		if !more {
			b.turns.remove(p) // makeRoom brings it back
		}
		if ok {
			b.socket.touch(p)
			return sent
		}
	}
}

func (*balanced) greet(dst []byte, _ byte) []byte { return dst }

// routed is the pattern of ROUTER, which sends to the peer that the first frame names.
type routed struct {
	socket *socket
	routes *routes[*peer]
}

// errContested is why a ROUTER does not admit a peer.
var errContested = errors.New("its routing id is taken, and changed hands too often")

func (r *routed) join(p *peer, id string, now time.Time) (*peer, error) {
	h, replaced, had, ok := r.routes.join(p, id, now)
	if !ok {
		return nil, errContested
	}
	p.handle = h
	if !had {
		return nil, nil
	}
	return replaced, nil
}

func (r *routed) leave(p *peer) { r.routes.leave(p.handle) }

func (*routed) roomy(*peer) {}

func (r *routed) send(frames [][]byte) verdict {
	p, ok := r.routes.find(frames[0])
	if !ok {
		return unreachable
	}
	if ok, _ := p.link.put(frames[1:]); !ok {
		return full
	}
	r.socket.touch(p)
	return sent
}

func (*routed) greet(dst []byte, _ byte) []byte { return dst }

// published is the pattern of PUB and XPUB, which send to all who subscribed.
type published struct {
	socket  *socket
	table   *subscriptions[*peer]
	changed broadcast

	number  uint64  // of the latest message
	matched []*peer // those that it goes to
	encoded []byte  // room for its form on the wire
}

func (*published) join(*peer, string, time.Time) (*peer, error) { return nil, nil }

func (p *published) leave(gone *peer) {
	prefixes := p.table.leave(gone)
	if len(prefixes) == 0 {
		return
	}
	p.changed.fire()
	for _, prefix := range prefixes {
		p.tellUser(gone, false, prefix)
	}
}

func (*published) roomy(*peer) {}

// subscribed notes what a peer asked for.
func (p *published) subscribed(from *peer, subscribes bool, prefix []byte) error {
	changed, ok := false, true
	if subscribes {
		changed, ok = p.table.add(from, prefix)
	} else {
		changed = p.table.remove(from, prefix)
	}
	if !ok {
		return errTooManySubscriptions
	}
	if changed {
		p.changed.fire()
		p.tellUser(from, subscribes, string(prefix))
	}
	return nil
}

// tellUser has the user of an XPUB receive a change.
func (p *published) tellUser(from *peer, subscribes bool, prefix string) {
	if p.socket.config.Pattern == engine.XPub {
		p.socket.event(from, subscriptionFrames(subscribes, prefix))
	}
}

func (p *published) send(frames [][]byte) verdict {
	p.match(frames[0])
	if v := p.mayPublish(); v != sent {
		return v
	}
	encoded := p.encode(frames)
	for _, to := range p.matched {
		if ok, _ := to.link.putEncoded(frames, encoded); ok { // else it is dropped
			p.socket.touch(to)
		}
	}
	clear(p.matched) // peers that leave shall not be kept
	return sent
}

// match collects the peers that a topic goes to, each once.
func (p *published) match(topic []byte) {
	p.number++
	p.matched = p.matched[:0]
	p.table.match(topic, func(to *peer) {
		if to.mark != p.number {
			to.mark = p.number
			p.matched = append(p.matched, to)
		}
	})
}

// mayPublish says what is to be done if a peer has no room.
func (p *published) mayPublish() verdict {
	if p.socket.config.Overflow == engine.Lossy || !slices.ContainsFunc(p.matched, func(to *peer) bool { return !to.link.room() }) {
		return sent
	}
	if p.socket.config.Overflow == engine.Fail {
		return full
	}
	return mustWait
}

// encode returns the form of a message on the wire. Large messages are shared by the
// queues of peers, and so have memory of their own.
func (p *published) encode(frames [][]byte) []byte {
	if len(p.matched) == 0 {
		return nil
	}
	if size := encodedSize(frames); size >= ownChunk {
		return appendMessage(make([]byte, 0, size), frames)
	}
	p.encoded = appendMessage(p.encoded[:0], frames)
	return p.encoded
}

func (*published) greet(dst []byte, _ byte) []byte { return dst }

// count returns how many subscriptions a topic matches.
func (p *published) count(topic []byte) (n int) {
	p.table.match(topic, func(*peer) { n++ })
	return n
}
