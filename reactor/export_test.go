package reactor

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
