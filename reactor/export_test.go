package reactor

import "time"

// WithGrace sets how long handlers have, and replies may take, once the handlers'
// contexts are cancelled: on a slow machine a second may be too short to be sure.
func WithGrace(d time.Duration) Option {
	return option(func(c *config) { c.LastWords, c.Grace = d, d })
}

// WithOutboxBytes sets how many bytes the outbox of a socket keeps.
func WithOutboxBytes(n int) Option { return option(func(c *config) { c.OutboxBytes = n }) }

// WithCallQueueBytes sets how many bytes the calls have that wait.
func WithCallQueueBytes(n int) Option { return option(func(c *config) { c.QueueBytes = n }) }

// Waiting returns how many replies the outboxes of a reactor keep.
func (r *Reactor) Waiting() int { return r.road.Kept() }

// WaitingBytes returns how much they are said to take up.
func (r *Reactor) WaitingBytes() int { return r.road.KeptBytes() }

// Pause lets it look as if this process had been paused for so long.
func (r *Reactor) Pause(d time.Duration) { r.road.Pause(d) }

// Inlined returns how many handlers were run inline.
func (r *Reactor) Inlined() uint64 { return r.road.Inlined() }
