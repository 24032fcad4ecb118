package reactor

import "time"

// WithGrace sets how long handlers have, and replies may take, once the handlers'
// contexts are cancelled: on a slow machine a second may be too short to be sure.
func WithGrace(d time.Duration) Option {
	return option(func(c *config) { c.lastWords, c.lastGrace = d, d })
}

// WithOutboxBytes sets how many bytes the outbox of a socket keeps.
func WithOutboxBytes(n int) Option { return option(func(c *config) { c.outboxBytes = n }) }

// WithCallQueueBytes sets how many bytes the calls have that wait.
func WithCallQueueBytes(n int) Option { return option(func(c *config) { c.queueBytes = n }) }

// Waiting returns how many replies the outboxes of a reactor keep.
func (r *Reactor) Waiting() (n int) {
	for _, s := range r.stations {
		if s.outbox != nil {
			n += s.outbox.size()
		}
	}
	return n
}

// WaitingBytes returns how much they are said to take up.
func (r *Reactor) WaitingBytes() (n int) {
	for _, s := range r.stations {
		if s.outbox != nil {
			s.outbox.mu.Lock()
			n += s.outbox.bytes
			s.outbox.mu.Unlock()
		}
	}
	return n
}

// StandStill lets it look as if this process had stood still for so long.
func (r *Reactor) StandStill(d time.Duration) {
	for _, s := range r.running.Load().stations {
		if s.host != nil {
			s.host.mu.Lock()
			s.host.sessions.looked -= d
			s.host.mu.Unlock()
		}
	}
}

// Lent returns how many handlers were run by who receives.
func (r *Reactor) Lent() (n uint64) {
	for _, s := range r.stations {
		s.relay.mu.Lock()
		n += s.relay.lent
		s.relay.mu.Unlock()
	}
	return n
}
