package broker

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// peer is a client or worker that has said something.
type peer struct {
	at      desk.Peer
	dialect string                       // its name
	kindOf  func(frames [][]byte) string // what a message is in it
	speaker dialect.Speaker
	keeper  dialect.Keeper // the speaker, if it keeps a session; else nil
	heard   time.Duration
	gone    bool          // it is not known any more
	waiting []outbound    // that it had no room for, in order
	bytes   int           // of those
	moved   time.Duration // when the first of those became the first
	queued  int           // messages for it in the outbox that have not left

	received, sent uint64 // messages
}

// loss is a peer that is gone, with the deliveries that it never got.
type loss struct {
	peer   desk.Peer
	unsent []uint64
}

const (
	// maxPeers is how many peers are known at once; the messages of others are
	// dropped.
	maxPeers = 100_000
	// forgetAfter is how long a peer is known that says nothing and waits for
	// nothing.
	forgetAfter = time.Minute
	// sweepPause is how long the peers are not looked through for such again, where
	// there is no room for more.
	sweepPause = time.Second
)

// Why a message has no peer.
var (
	errNoDialect = errors.New("a first message of no protocol")
	errNoRoom    = errors.New("there are too many peers")
)

// peerOf returns a peer, a new one if these frames are a good beginning. It is an error
// if they are not, or if there are too many.
func (b *Broker) peerOf(now time.Duration, at desk.Peer, frames [][]byte) (*peer, error) {
	if p := b.peers[at]; p != nil {
		return p, nil
	}
	dialects := b.sockets[at.Socket].dialects
	i := slices.IndexFunc(dialects, func(d dialect.Dialect) bool { return d.Speaks(frames) })
	switch {
	case i < 0:
		return nil, errNoDialect
	case !b.admits(now):
		b.journal.limited.Write(slog.LevelWarn, "there is no room for another peer", "peers", len(b.peers), "peer", at.String())
		return nil, errNoRoom
	}
	d := dialects[i]
	p := &peer{at: at, dialect: d.Name(), kindOf: d.Kind, speaker: d.Open(b.desk, at)}
	b.peers[at] = p
	if keeper, ok := p.speaker.(dialect.Keeper); ok {
		p.keeper = keeper
		b.keepers[p] = struct{}{}
	}
	return p, nil
}

// admits reports whether there is room for another peer. Where there is none, those
// that wait for nothing make it, so that a peer that connects again and again cannot keep
// others out.
func (b *Broker) admits(now time.Duration) bool {
	if len(b.peers) < b.maxPeers {
		return true
	}
	if now >= b.due.admit {
		b.due.admit = now + sweepPause
		b.forgetPeers(now, 0)
	}
	return len(b.peers) < b.maxPeers
}

// sweep forgets peers that have said nothing for long and wait for nothing.
func (b *Broker) sweep(now time.Duration) {
	if now >= b.due.sweep {
		b.due.sweep = now + b.forgetAfter/4
		b.forgetPeers(now, b.forgetAfter)
	}
}

// forgetPeers forgets peers that have said nothing for some time and wait for nothing,
// not even for what is about to be sent to them.
func (b *Broker) forgetPeers(now, silence time.Duration) {
	b.post()
	for _, p := range b.peers {
		if now-p.heard >= silence && len(p.waiting) == 0 && p.speaker.Idle() {
			b.dropPeer(p)
		}
	}
}

// dropPeer takes a peer out.
func (b *Broker) dropPeer(p *peer) {
	p.gone = true
	delete(b.peers, p.at)
	delete(b.keepers, p)
}

// losePeer notes that a peer is gone, and what it never got: these messages, what waits for
// it, and what was about to be sent.
func (b *Broker) losePeer(p *peer, messages ...outbound) {
	b.journal.left(p.at, "its connection ended")
	unsent := append(messages, b.backlog.clear(p)...)
	if p.queued > 0 {
		for _, m := range b.unposted() {
			if m.to == p {
				unsent = append(unsent, m)
			}
		}
	}
	b.stats.Undeliverable += uint64(len(unsent))
	gone := loss{peer: p.at}
	for _, m := range unsent {
		if m.delivery > 0 {
			gone.unsent = append(gone.unsent, m.delivery)
		}
	}
	b.lost = append(b.lost, gone)
	b.dropPeer(p)
}
