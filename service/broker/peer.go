package broker

import (
	"context"
	"slices"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/desk"
	"github.com/mittere/mittere/service/dialect"
)

// peer is a client or worker that has said something.
type peer struct {
	at      desk.Peer
	dialect string
	speaker dialect.Speaker
	heard   time.Duration
	waiting []letter // that it had no room for, in order
}

// letter is a message that waits for a slow peer.
type letter struct {
	message comm.Message
	leg     uint64 // that it gives to a worker; 0 if none
}

// loss is a peer that is gone, with the legs that it never got.
type loss struct {
	peer   desk.Peer
	unsent []uint64
}

const (
	// maxPeers is how many peers are known at once; the messages of others are
	// dropped.
	maxPeers = 100_000
	// maxWaiting is how many messages are kept for a slow peer.
	maxWaiting = 1000
	// forgetAfter is how long a peer is known that says nothing and waits for
	// nothing.
	forgetAfter = time.Minute
)

// peerOf returns the peer with a routing id, a new one if these frames are a good
// beginning; nil if they are not.
func (b *Broker) peerOf(id string, frames [][]byte) *peer {
	at := desk.Peer{ID: id}
	if p := b.peers[at]; p != nil {
		return p
	}
	i := slices.IndexFunc(b.dialects, func(d dialect.Dialect) bool { return d.Speaks(frames) })
	if i < 0 || len(b.peers) >= maxPeers {
		return nil
	}
	p := &peer{at: at, dialect: b.dialects[i].Name(), speaker: b.dialects[i].Open(b.desk, at)}
	b.peers[at] = p
	return p
}

// send sends a message to a peer, or keeps it if there is no room. A peer that is
// not there any more is lost.
func (b *Broker) send(p *peer, frames [][]byte, leg uint64) {
	m := comm.NewMessage(slices.Concat([][]byte{[]byte(p.at.ID)}, frames)...)
	l := letter{m, leg}
	if len(p.waiting) > 0 || !b.settle(p, l, b.router.Send(context.Background(), m)) { // which never waits
		b.keep(p, l)
	}
}

// settle takes the outcome of sending a letter; false means that the peer takes
// nothing now.
func (b *Broker) settle(p *peer, l letter, err error) bool {
	failed := messaging.FromComm(err)
	switch {
	case failed == nil:
		b.stats.Sent++
	case messaging.IsFull(failed):
		return false
	case messaging.IsUnreachable(failed):
		b.lose(p.at, l.leg)
	default:
		b.stats.Undeliverable++
		b.log.Warn("message not sent", "dialect", p.dialect, "error", failed)
	}
	return true
}

// keep keeps a letter for a peer that has no room. One that takes nothing for so
// long that too many wait is as good as gone.
func (b *Broker) keep(p *peer, l letter) {
	if len(p.waiting) >= maxWaiting {
		b.lose(p.at, l.leg)
		return
	}
	p.waiting = append(p.waiting, l)
	b.kept++
}

// lose notes that a peer is gone, and what it never got.
func (b *Broker) lose(at desk.Peer, leg uint64) {
	i := slices.IndexFunc(b.lost, func(l loss) bool { return l.peer == at })
	if i < 0 {
		i = len(b.lost)
		b.lost = append(b.lost, loss{peer: at})
	}
	gone := &b.lost[i]
	if leg > 0 {
		gone.unsent = append(gone.unsent, leg)
	}
	p := b.peers[at]
	if p == nil {
		return
	}
	for _, l := range p.waiting {
		if l.leg > 0 {
			gone.unsent = append(gone.unsent, l.leg)
		}
	}
	b.stats.Undeliverable += uint64(len(p.waiting))
	b.kept -= len(p.waiting)
	p.waiting = nil
	delete(b.peers, at)
}

// flush sends what waits for peers that have room now.
func (b *Broker) flush() {
	if b.kept == 0 {
		return
	}
	for _, p := range b.peers {
		for len(p.waiting) > 0 {
			l := p.waiting[0]
			if !b.settle(p, l, b.router.Send(context.Background(), l.message)) {
				break
			}
			if len(p.waiting) > 0 { // it was not lost
				p.waiting = p.waiting[1:]
				b.kept--
			}
		}
	}
	b.carryOut(nil)
}

// forget forgets peers that have said nothing for long and wait for nothing.
func (b *Broker) forget(now time.Duration) {
	if now-b.stats.swept < forgetAfter/4 {
		return
	}
	b.stats.swept = now
	for at, p := range b.peers {
		if now-p.heard > forgetAfter && p.speaker.Idle() && len(p.waiting) == 0 {
			delete(b.peers, at)
		}
	}
}
