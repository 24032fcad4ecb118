package broker

import (
	"slices"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// keepSessions has the sessions kept that peers have with the broker, four times and a little
// more in the shortest heartbeat.
func (b *Broker) keepSessions(now time.Duration) {
	if len(b.keepers) == 0 || now < b.due.beat {
		return
	}
	b.due.beat = now + min(b.session, b.heartbeat)/5
	for p := range b.keepers {
		b.keepSession(now, p, false)
	}
}

// keepSession does what is due in a session; with probe, it sends something in any case.
func (b *Broker) keepSession(now time.Duration, p *peer, probe bool) {
	actions, answers := p.keeper.Tick(now, probe)
	if p.speaker.Idle() {
		b.journal.left(p.at, "nothing was heard of it")
	}
	b.answer(p, answers)
	b.perform(actions)
}

// parting returns how many sessions have not ended, and how many peers are known.
func (b *Broker) parting() (sessions, peers int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range b.keepers {
		if !p.speaker.Idle() {
			sessions++
		}
	}
	return sessions, len(b.peers)
}

// probed is how many peers are looked at under one lock.
const probed = 500

// probe sends something to all at a socket who expect it at any time, and so finds
// peers that are gone: peers with a session, and workers. A peer for which messages wait is
// looked at when they are tried again.
func (b *Broker) probe(socket int) {
	for some := range slices.Chunk(b.peersAt(socket), probed) {
		b.probeSome(some)
	}
	b.wake()
}

// peersAt returns the peers at a socket.
func (b *Broker) peersAt(socket int) (all []*peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for at, p := range b.peers {
		if at.Socket == socket {
			all = append(all, p)
		}
	}
	return all
}

// probeSome sends something to peers.
func (b *Broker) probeSome(peers []*peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	for _, p := range peers {
		switch {
		case p.gone || len(p.waiting) > 0:
		case p.keeper != nil:
			b.keepSession(now, p, true)
		case b.desk.Registered(p.at):
			b.write([]desk.Action{desk.Heartbeat{To: p.at}})
		}
	}
	b.post()
}

// shut takes no further requests, and asks for none.
func (b *Broker) shut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shutting, b.shutAt = true, b.now()
	b.perform(b.desk.Shut(b.shutAt))
	for p := range b.keepers {
		b.answer(p, p.keeper.Drain())
	}
	b.post()
}

// bye ends everything. The broker's own worker needs no word, for it ends with the loop.
// Peers with a session are waited for after that.
func (b *Broker) bye() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.journal.closed = true
	if own, ok := b.desk.Worker(ServiceName); ok && b.peers[own.Peer] != nil {
		b.losePeer(b.peers[own.Peer])
	}
	b.perform(b.desk.End(b.now()))
	b.post()
	for p := range b.keepers {
		b.answer(p, p.keeper.Bye())
	}
	b.post()
}
