package engine

import "sync/atomic"

// Stats counts what happened on a socket since it was made.
type Stats struct {
	// Sent and Received count whole messages.
	Sent, Received uint64
	// Refused counts messages that were not sent or were dropped at receipt
	// because of their size or their number of frames.
	Refused uint64
	// Unexpected counts received messages that nobody waited for and that were
	// dropped: late replies on a Req, what is no subscription on a
	// Publisher.
	Unexpected uint64
	// Connections is how many peers are connected now. Over inproc they count where the
	// engine's Features say so.
	Connections int64
	// Handshakes is how many connections there are now that are not ready: peers that
	// have not proved yet that they speak ZeroMQ.
	Handshakes int64
	// Disconnects counts connections that ended.
	Disconnects uint64
	// BadHandshakes counts peers that did not speak ZeroMQ, or not this kind's
	// part of it, or did not prove who they are.
	BadHandshakes uint64
	// FailedAccepts counts connections that could not be accepted, as when the
	// process has no descriptors left.
	FailedAccepts uint64
}

// Counters is [Stats] while it changes. Its zero value is all zeros.
type Counters struct {
	Sent, Received, Refused, Unexpected       atomic.Uint64 // of messages
	Disconnects, BadHandshakes, FailedAccepts atomic.Uint64 // of connections
	Connections, Handshakes                   atomic.Int64  // that are open now
}

// Stats returns the counters as they are now.
func (c *Counters) Stats() Stats {
	return Stats{
		Sent:          c.Sent.Load(),
		Received:      c.Received.Load(),
		Refused:       c.Refused.Load(),
		Unexpected:    c.Unexpected.Load(),
		Connections:   c.Connections.Load(),
		Handshakes:    c.Handshakes.Load(),
		Disconnects:   c.Disconnects.Load(),
		BadHandshakes: c.BadHandshakes.Load(),
		FailedAccepts: c.FailedAccepts.Load(),
	}
}
