package messaging

import (
	"sync/atomic"

	"github.com/mittere/mittere/comm"
)

// Socket is what sockets of all kinds have in common. All methods may be called
// by any number of goroutines at once.
type Socket struct {
	s     *comm.Socket
	stats counters
}

// Stats counts what happened on a socket since it was made.
type Stats struct {
	comm.Stats
	// Malformed counts received frames that are no envelope, or stood where none
	// may.
	Malformed uint64
	// Missed counts messages that publishers sent and this subscriber did not
	// get.
	Missed uint64
	// Repeated counts retained messages that were dropped since the subscriber
	// had them.
	Repeated uint64
}

// counters is the part of Stats that messaging counts itself.
type counters struct{ malformed, missed, repeated atomic.Uint64 }

// Bind adds endpoints to listen on; see [comm.Socket.Bind].
func (s *Socket) Bind(endpoints string) error { return FromComm(s.s.Bind(endpoints)) }

// Connect adds endpoints to connect to; see [comm.Socket.Connect].
func (s *Socket) Connect(endpoints string) error { return FromComm(s.s.Connect(endpoints)) }

// Unbind stops listening on an endpoint; see [comm.Socket.Unbind].
func (s *Socket) Unbind(endpoint string) error { return FromComm(s.s.Unbind(endpoint)) }

// Disconnect ends the connection to an endpoint; see [comm.Socket.Disconnect].
func (s *Socket) Disconnect(endpoint string) error { return FromComm(s.s.Disconnect(endpoint)) }

// BindPort listens on a port that was acquired before; see
// [comm.Socket.BindPort].
func (s *Socket) BindPort(p *comm.Port) error { return FromComm(s.s.BindPort(p)) }

// Endpoints returns what the socket is bound to, with real ports.
func (s *Socket) Endpoints() []string { return s.s.Endpoints() }

// Kind returns the socket's kind.
func (s *Socket) Kind() comm.Kind { return s.s.Kind() }

// String returns the kind and the bound endpoints, for logs.
func (s *Socket) String() string { return s.s.String() }

// Close ends the socket; see [comm.Socket.Close].
func (s *Socket) Close() error { return FromComm(s.s.Close()) }

// Stats returns the socket's counters.
func (s *Socket) Stats() Stats {
	return Stats{
		Stats:     s.s.Stats(),
		Malformed: s.stats.malformed.Load(),
		Missed:    s.stats.missed.Load(),
		Repeated:  s.stats.repeated.Load(),
	}
}
