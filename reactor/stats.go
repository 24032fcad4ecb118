package reactor

// Stats counts what happened in a reactor since it was made.
type Stats struct {
	// Handled counts messages that reached a handler and came back from it,
	// whether with an error or not.
	Handled uint64
	// Failed counts those that came back with an error.
	Failed uint64
	// Panicked counts panics of handlers, interceptors and key functions, and of
	// replies and errors when they are read.
	Panicked uint64
	// Unknown counts messages for whose type there is no handler.
	Unknown uint64
	// Malformed counts messages that could not be read.
	Malformed uint64
	// Refused counts messages that were received and not begun, since the reactor
	// drains, or has stopped.
	Refused uint64
	// Undeliverable counts replies that could not be sent, that were dropped
	// because too many were waiting for their peer, or that still waited when the
	// reactor had to end.
	Undeliverable uint64
	// Overloaded counts requests that were refused since too many were there.
	Overloaded uint64
	// Expired counts requests whose time was over before they were begun.
	Expired uint64
	// Repeated counts requests that were recognised as sent again and not executed
	// again.
	Repeated uint64
	// Sessions is how many sessions are open now, InFlight how many calls run, and
	// Queued how many wait.
	Sessions, InFlight, Queued int
	// FailedHooks counts hooks that returned an error or panicked.
	FailedHooks uint64
}

// Stats returns the reactor's counters.
func (r *Reactor) Stats() Stats {
	c := r.road.Stats()
	s := Stats{
		Handled:       c.Handled.Load(),
		Failed:        c.Failed.Load(),
		Panicked:      c.Panicked.Load(),
		Unknown:       c.Unknown.Load(),
		Malformed:     c.Malformed.Load(),
		Refused:       c.Refused.Load(),
		Undeliverable: c.Undeliverable.Load(),
		FailedHooks:   c.FailedHooks.Load(),
		Overloaded:    c.Overloaded.Load(),
		Expired:       c.Expired.Load(),
		Repeated:      c.Repeated.Load(),
	}
	s.Sessions, s.InFlight, s.Queued = r.road.Counts()
	return s
}
