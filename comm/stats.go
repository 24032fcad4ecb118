package comm

import "github.com/mittere/mittere/comm/internal/engine"

// Stats counts what happened on a socket since it was made: messages Sent, Received,
// Refused for their size and Unexpected; Connections and Handshakes that are open now;
// Disconnects, BadHandshakes and FailedAccepts.
type Stats = engine.Stats

// Stats returns the socket's counters. Connections are counted a moment after they
// begin and end.
func (s *Socket) Stats() Stats {
	stats := s.inner.Stats()
	stats.Refused += s.counters.Refused.Load()
	stats.Unexpected += s.counters.Unexpected.Load()
	return stats
}
