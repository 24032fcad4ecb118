package serving

import "time"

// The tests of reactor see what a road keeps and does; nothing else calls these.

// Kept returns how many messages the outboxes keep.
func (r *Road) Kept() (n int) {
	for _, s := range r.stations {
		n += s.outbox.Len()
	}
	return n
}

// KeptBytes returns how many bytes they take up.
func (r *Road) KeptBytes() (n int) {
	for _, s := range r.stations {
		n += s.outbox.Size()
	}
	return n
}

// Pause lets it look as if the process had been paused for so long.
func (r *Road) Pause(d time.Duration) {
	for _, s := range r.stations {
		s.calls.mu.Lock()
		s.calls.sessions.looked -= d
		s.calls.mu.Unlock()
	}
}

// Inlined returns how many handlers were run inline on sockets that may not be left unread.
func (r *Road) Inlined() (n uint64) {
	for _, s := range r.stations {
		n += s.reader.inline.inlined()
	}
	return n
}
