package broker

import (
	"log/slog"
	"slices"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// bounds is how much waits for slow consumers, beside what the engine keeps for each,
// which on libzmq is bounded in messages alone. Bytes count what each message takes up
// beside its frames.
type bounds struct {
	messages int // for a peer
	bytes    int // for a peer, but for its first message
	allBytes int // for all peers
}

// usualBounds are those that hold outside of tests: as many messages as there may be
// requests, so that all of them can be answered at once.
func usualBounds() bounds { return bounds{messages: 100_000, bytes: 64 << 20, allBytes: 256 << 20} }

// messageOverhead is about what a message takes up beside its frames.
const messageOverhead = 256

// cost returns about how many bytes a message takes up.
func (m outbound) cost() int { return m.message.Size() + messageOverhead }

// backlog is what waits for slow peers.
type backlog struct {
	bounds
	slow     map[*peer]struct{} // those for whom something waits
	freed    []*peer            // those for whom nothing does any more
	messages int
	bytes    int
}

func newBacklog(of bounds) backlog { return backlog{bounds: of, slow: map[*peer]struct{}{}} }

// fits reports whether a peer may have a message wait.
func (k *backlog) fits(m outbound) bool {
	p := m.to
	return len(p.waiting) == 0 || len(p.waiting) < k.bounds.messages && p.bytes+m.cost() <= k.bounds.bytes
}

// put has a message wait, behind those that do. What it was made of does not wait with
// it.
func (k *backlog) put(now time.Duration, m outbound) {
	p := m.to
	if len(p.waiting) == 0 {
		p.moved = now
	}
	m.action = bare(m.action)
	p.waiting = append(p.waiting, m)
	k.slow[p] = struct{}{}
	k.count(p, 1, m.cost())
}

// bare returns an action without what it carries.
func bare(action desk.Action) desk.Action {
	switch a := action.(type) {
	case desk.Accepted:
		return desk.Accepted{To: a.To, Call: a.Call, Tag: a.Tag}
	case desk.Waiting:
		return desk.Waiting{To: a.To, Call: a.Call, Tag: a.Tag}
	case desk.Reply:
		return desk.Reply{To: a.To, Call: a.Call, Tag: a.Tag, Worker: a.Worker, More: a.More}
	case desk.Item:
		return desk.Item{To: a.To, Call: a.Call, Tag: a.Tag}
	case desk.Event:
		return desk.Event{To: a.To, Call: a.Call, Tag: a.Tag}
	default:
		return nil
	}
}

// count notes that messages came or, with numbers below 0, left.
func (k *backlog) count(p *peer, messages, bytes int) {
	p.bytes += bytes
	k.messages += messages
	k.bytes += bytes
	if _, slow := k.slow[p]; slow && len(p.waiting) == 0 {
		p.waiting = nil
		delete(k.slow, p)
		k.freed = append(k.freed, p)
	}
}

// shift takes the first message out.
func (k *backlog) shift(now time.Duration, p *peer) {
	p.moved = now
	m := p.waiting[0]
	p.waiting[0] = outbound{} // or the array keeps it
	p.waiting = p.waiting[1:]
	k.count(p, -1, -m.cost())
}

// clear takes all messages of a peer out.
func (k *backlog) clear(p *peer) (messages []outbound) {
	messages, p.waiting = p.waiting, nil
	k.count(p, -len(messages), -p.bytes)
	return messages
}

// takeBack takes messages of a peer out.
func (k *backlog) takeBack(p *peer, which func(outbound) bool) {
	p.waiting = slices.DeleteFunc(p.waiting, func(m outbound) bool {
		if !which(m) {
			return false
		}
		k.messages--
		k.bytes -= m.cost()
		p.bytes -= m.cost()
		return true
	})
	k.count(p, 0, 0)
}

// mostCompared is how many slow peers are compared to find the slowest.
const mostCompared = 1000

// slowest returns the peer for which most bytes wait; where very many are slow, of some that
// are chosen by chance, for this is asked with each message.
func (k *backlog) slowest() (slowest *peer) {
	compared := 0
	for p := range k.slow {
		if compared++; compared > mostCompared {
			break
		}
		if slowest == nil || p.bytes > slowest.bytes {
			slowest = p
		}
	}
	return slowest
}

// keepWaiting keeps a message for a peer that has no room. A slow
// consumer, for which too much waits, is evicted; where too much waits for all, it is the
// one for which most does.
func (b *Broker) keepWaiting(m outbound) {
	fits := b.backlog.fits(m)
	b.backlog.put(b.now(), m)
	b.desk.Pause(m.to.at)
	switch {
	case !fits:
		b.evict(m.to)
	case b.backlog.bytes > b.backlog.allBytes:
		b.evict(b.backlog.slowest())
	}
}

// evict loses a slow consumer.
func (b *Broker) evict(p *peer) {
	b.journal.limited.Write(slog.LevelWarn, "a slow consumer is evicted", "dialect", p.dialect, "messages", len(p.waiting), "bytes", p.bytes, "peer", p.at.String())
	b.journal.left(p.at, "it takes nothing")
	b.losePeer(p)
}

// unreadPatience is how long a peer may take nothing of what waits for it while the broker
// stops, so that none that reads nothing holds that up. A slow one takes something.
const unreadPatience = 2 * time.Second

// retryPause is how long messages for slow peers are left alone.
const retryPause = 5 * time.Millisecond

// flush sends what waits for peers that have room now. It takes at most a tenth of
// the time, however many are slow.
func (b *Broker) flush(now time.Duration) {
	if b.backlog.messages == 0 || now < b.due.flush {
		return
	}
	for p := range b.backlog.slow {
		b.flushTo(p)
	}
	b.perform(nil)
	b.due.flush = b.now() + max(9*(b.now()-now), retryPause)
}

// evictUnread loses the peers that have taken nothing of what waits for them for too long
// since the broker began to stop.
func (b *Broker) evictUnread(now time.Duration) {
	if !b.shutting || b.backlog.messages == 0 {
		return
	}
	for p := range b.backlog.slow {
		if now-max(p.moved, b.shutAt) >= b.unread {
			b.evict(p)
		}
	}
	b.perform(nil)
}

// resume has streams go on to peers for whom nothing waits any more. A peer may have been
// forgotten meanwhile, and another one be there under its id.
func (b *Broker) resume(now time.Duration) {
	freed := b.backlog.freed
	b.backlog.freed = nil
	for _, p := range freed {
		if known := b.peers[p.at]; known == nil || len(known.waiting) == 0 {
			b.perform(b.desk.Resume(now, p.at))
		}
	}
}

// flushTo sends a peer what waits for it, as far as it has room.
func (b *Broker) flushTo(p *peer) {
	for len(p.waiting) > 0 {
		switch b.try(p.waiting[0]) {
		case full:
			return
		case unreachable:
			b.losePeer(p)
		case over:
			b.backlog.shift(b.now(), p)
		}
		if len(b.refused) > 0 {
			return // for the next ones may be of no use then
		}
	}
}
