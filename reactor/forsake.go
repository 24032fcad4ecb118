package reactor

import (
	"context"
	"sync"
	"time"

	"github.com/mittere/mittere/messaging"
)

// unreadPatience is how long a peer may take nothing of what is kept for it while the
// reactor drains. A slow one takes something.
const unreadPatience = 2 * time.Second

// errForsaken is why nothing is kept for a peer.
var errForsaken = messaging.Errorf(messaging.Unavailable, "the peer takes nothing, and the reactor stops")

// forsakeUnread has nothing kept any more for peers that take nothing, so that none of
// them holds up a reactor that drains, until the function that it returns is called.
func (u *run) forsakeUnread() (stop func()) {
	ctx, cancel := context.WithCancel(u.working)
	var looking sync.WaitGroup
	looking.Go(func() {
		tick := time.NewTicker(unreadPatience / 4)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				u.forsakeOnce(time.Now().Add(-unreadPatience))
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); looking.Wait() }
}

// forsakeOnce forsakes the peers that have taken nothing since then.
func (u *run) forsakeOnce(then time.Time) {
	for _, s := range u.stations {
		if s.outbox == nil {
			continue
		}
		if lost := s.outbox.forsake(then); lost > 0 {
			u.stats.undeliverable.Add(uint64(lost))
			u.noise.warn("answers dropped for peers that take nothing", "socket", s, "answers", lost)
		}
	}
}

// forsake drops what is kept for peers that have taken nothing since then, and keeps
// nothing for them any more. It returns how many letters that were.
func (o *outbox) forsake(then time.Time) (lost int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for peer, q := range o.peers {
		if !q.since.After(then) {
			o.forsaken[peer] = true
			lost += o.dropLocked(peer)
		}
	}
	return lost
}

// giveUp counts what was kept for a peer that made place for others, and ends its session:
// its calls would wait for answers that never come.
func (u *run) giveUp(s *station, peer string, letters int) {
	u.stats.undeliverable.Add(uint64(letters))
	u.noise.warn("a peer that takes nothing is given up", "socket", s, "answers", letters)
	if s.host != nil && s.member == nil {
		s.host.endOf(peer)
	}
}

// endOf ends the session of a peer, if it has one.
func (h *host) endOf(peer string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.sessions.byPeer[peer]; s != nil {
		h.sessions.close(s)
		h.drop(s, errGone)
	}
}
