package serving

import (
	"context"
	"sync"
	"time"

	"github.com/mittere/mittere/messaging"
)

// unreadPatience is how long a peer may take nothing of what is kept for it while the reactor
// drains. A slow one takes something.
const unreadPatience = 2 * time.Second

// Drain admits no further requests of sessions, tells peers so, and waits until those that were
// admitted are answered, or ctx has ended.
func (r *Road) Drain(ctx context.Context) error {
	r.draining.Store(true)
	if !r.running.Load() {
		return nil
	}
	defer r.evictUnread()()
	for _, s := range r.stations {
		s.drain()
	}
	for _, m := range r.members {
		m.state.awaitRelease(ctx)
	}
	if !r.pending.wait(ctx) {
		return messaging.AsError(ctx.Err())
	}
	for _, s := range r.stations {
		if s.refuses && !s.outbox.Wait(ctx) {
			return messaging.Errorf(messaging.DeadlineExceeded, "%d answers wait for callers who do not read", s.outbox.Len())
		}
	}
	return nil
}

// evictUnread has nothing kept any more for peers that take nothing, so that none of them holds
// up a reactor that drains, until the function that it returns is called.
func (r *Road) evictUnread() (stop func()) {
	ctx, cancel := context.WithCancel(r.working)
	var looking sync.WaitGroup
	looking.Go(func() {
		tick := time.NewTicker(unreadPatience / 4)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r.evictIdle(time.Now().Add(-unreadPatience))
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); looking.Wait() }
}

// evictIdle evicts the peers that have taken nothing since then.
func (r *Road) evictIdle(then time.Time) {
	for _, s := range r.stations {
		if lost := s.outbox.EvictIdle(then); lost > 0 {
			r.stats.Undeliverable.Add(uint64(lost))
			r.warn("answers dropped for peers that take nothing", "socket", s, "answers", lost)
		}
	}
}

// WaitJoined waits until the brokers of all stations have accepted what is offered.
func (r *Road) WaitJoined(ctx context.Context) error {
	for _, m := range r.members {
		if err := m.state.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// joinNoMore ends the wait for a session, since Run has ended.
func (r *Road) joinNoMore() {
	for _, m := range r.members {
		m.state.finish(ErrStopped)
	}
}

// Withhold takes back from all brokers what is offered, or offers it again.
func (r *Road) Withhold(on bool) {
	if r.withheld.Swap(on) != on {
		r.Reoffer()
	}
}

// Reoffer tells all brokers anew what is offered.
func (r *Road) Reoffer() {
	if !r.running.Load() {
		return
	}
	for _, m := range r.members {
		for _, s := range m.calls.all() {
			_ = m.tell(s.path, s.ID) // or it is lost, and told when it is back
		}
	}
}
