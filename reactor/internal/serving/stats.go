package serving

import "sync/atomic"

// Counters count what happened on a road; reactor.Stats says what each means.
type Counters struct {
	// Of messages that reached a handler, and of hooks.
	Handled, Failed, Panicked, FailedHooks atomic.Uint64
	// Of messages that reached none.
	Unknown, Malformed, Refused, Overloaded, Expired, Repeated atomic.Uint64
	// Of answers that were not sent.
	Undeliverable atomic.Uint64
}

// Counts returns how many sessions are open, handlers run and messages wait; all of them 0
// before Run.
func (r *Road) Counts() (sessions, running, waiting int) {
	if !r.running.Load() {
		return 0, 0, 0
	}
	running, waiting = r.policy.counts()
	for _, s := range r.stations {
		sessions += len(s.calls.all())
	}
	return sessions, running, waiting
}
