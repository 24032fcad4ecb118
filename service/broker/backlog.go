package broker

import (
	"log/slog"
	"slices"
	"time"

	"github.com/mittere/mittere/service/desk"
)

// bounds is how much waits for peers that take it more slowly than it comes, beside
// what libzmq keeps for each, which is bounded in messages alone.
type bounds struct {
	letters  int // for a peer
	bytes    int // for a peer, but for its first letter
	allBytes int // for all peers
}

// usualBounds are those that hold outside of tests.
func usualBounds() bounds { return bounds{letters: 1000, bytes: 64 << 20, allBytes: 256 << 20} }

// backlog is what waits for slow peers.
type backlog struct {
	bounds
	slow    map[*peer]struct{} // those for whom something waits
	letters int
	bytes   int
}

func newBacklog(of bounds) backlog { return backlog{bounds: of, slow: map[*peer]struct{}{}} }

// fits reports whether a peer may have a letter wait.
func (k *backlog) fits(l letter) bool {
	p := l.to
	return len(p.waiting) == 0 || len(p.waiting) < k.bounds.letters && p.bytes+l.message.Size() <= k.bounds.bytes
}

// put has a letter wait, behind those that do. What it was made of does not wait with
// it.
func (k *backlog) put(l letter) {
	p := l.to
	l.action = bare(l.action)
	p.waiting = append(p.waiting, l)
	k.slow[p] = struct{}{}
	k.count(p, 1, l.message.Size())
}

// bare returns an action without what it carries.
func bare(action desk.Action) desk.Action {
	switch a := action.(type) {
	case desk.Accepted:
		return desk.Accepted{To: a.To, Call: a.Call, Tag: a.Tag}
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

// count notes that letters came or, with numbers below 0, left.
func (k *backlog) count(p *peer, letters, bytes int) {
	p.bytes += bytes
	k.letters += letters
	k.bytes += bytes
	if len(p.waiting) == 0 {
		p.waiting = nil
		delete(k.slow, p)
	}
}

// shift takes the first letter out.
func (k *backlog) shift(p *peer) {
	l := p.waiting[0]
	p.waiting[0] = letter{} // or the array keeps it
	p.waiting = p.waiting[1:]
	k.count(p, -1, -l.message.Size())
}

// clear takes all letters of a peer out.
func (k *backlog) clear(p *peer) (letters []letter) {
	letters, p.waiting = p.waiting, nil
	k.count(p, -len(letters), -p.bytes)
	return letters
}

// takeBack takes letters of a peer out.
func (k *backlog) takeBack(p *peer, which func(letter) bool) {
	p.waiting = slices.DeleteFunc(p.waiting, func(l letter) bool {
		if !which(l) {
			return false
		}
		k.letters--
		k.bytes -= l.message.Size()
		p.bytes -= l.message.Size()
		return true
	})
	k.count(p, 0, 0)
}

// slowest returns the peer for which most bytes wait.
func (k *backlog) slowest() (slowest *peer) {
	for p := range k.slow {
		if slowest == nil || p.bytes > slowest.bytes {
			slowest = p
		}
	}
	return slowest
}

// keep keeps a letter for a peer that has no room. One that takes nothing for so
// long that too much waits is as good as gone; where too much waits for all, it is
// the one for which most does.
func (b *Broker) keep(l letter) {
	fits := b.backlog.fits(l)
	b.backlog.put(l)
	switch {
	case !fits:
		b.giveUp(l.to)
	case b.backlog.bytes > b.backlog.allBytes:
		b.giveUp(b.backlog.slowest())
	}
}

// giveUp loses a peer that is too slow.
func (b *Broker) giveUp(p *peer) {
	b.journal.noise.Write(slog.LevelWarn, "a peer that takes nothing is given up", "dialect", p.dialect, "messages", len(p.waiting), "bytes", p.bytes)
	b.journal.left(p.at, "it takes nothing")
	b.lose(p)
}

// retryPause is how long letters for slow peers are left alone.
const retryPause = 5 * time.Millisecond

// flush sends what waits for peers that have room now. It takes at most a tenth of
// the time, however many are slow.
func (b *Broker) flush(now time.Duration) {
	if b.backlog.letters == 0 || now < b.due.flush {
		return
	}
	for p := range b.backlog.slow {
		b.flushTo(p)
	}
	b.perform(nil)
	b.due.flush = b.now() + max(9*(b.now()-now), retryPause)
}

// flushTo sends a peer what waits for it, as far as it has room.
func (b *Broker) flushTo(p *peer) {
	for len(p.waiting) > 0 {
		switch b.try(p.waiting[0]) {
		case full:
			return
		case unreachable:
			b.lose(p)
		case over:
			b.backlog.shift(p)
		}
		if len(b.refused) > 0 {
			return // for what comes behind may be nothing then
		}
	}
}
