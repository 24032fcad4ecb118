package comm

import (
	"sync/atomic"

	"github.com/mittere/mittere/comm/internal/engine"
)

// Stats counts what happened on a socket since it was made.
type Stats = engine.Stats

// counters is Stats while it changes.
type counters struct {
	sent, received, refused, unexpected       atomic.Uint64
	disconnects, badHandshakes, failedAccepts atomic.Uint64
	connections, handshakes                   atomic.Int64
}

// Stats returns the socket's counters. Connections are counted as their events
// are read, a moment after they happen.
func (s *Socket) Stats() Stats {
	c := &s.stats
	return Stats{
		Sent:          c.sent.Load(),
		Received:      c.received.Load(),
		Refused:       c.refused.Load(),
		Unexpected:    c.unexpected.Load(),
		Connections:   c.connections.Load(),
		Handshakes:    c.handshakes.Load(),
		Disconnects:   c.disconnects.Load(),
		BadHandshakes: c.badHandshakes.Load(),
		FailedAccepts: c.failedAccepts.Load(),
	}
}
