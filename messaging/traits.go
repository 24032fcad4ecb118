package messaging

import "context"

// Traits says what a receiving socket can do beside receiving, to what serves on it. A type
// that embeds a socket has the socket's. The zero value is a socket that only receives.
type Traits struct {
	// CanSend reports whether something can be sent back.
	CanSend bool
	// WaitRoom waits until a message that was refused because its peer is full may be
	// tried again. It is nil where sending itself waits, or nothing can be sent.
	WaitRoom func(context.Context) error
	// Server is the socket where commands of clients arrive; nil if none do.
	Server *Server
	// Worker is the socket where commands of a broker arrive; nil if none do.
	Worker *Worker
}

// Traits returns those of a socket that only receives.
func (h Receiver) Traits() Traits { return Traits{} }

// Traits tells that sending waits.
func (d *Dealer) Traits() Traits { return Traits{CanSend: true} }

// Traits tells that sending waits.
func (p *Pair) Traits() Traits { return Traits{CanSend: true} }

// Traits tells that a reply never waits.
func (r *Rep) Traits() Traits { return Traits{CanSend: true, WaitRoom: r.WaitRoom} }

// Traits tells that sending never waits.
func (r *Router) Traits() Traits { return Traits{CanSend: true, WaitRoom: r.WaitRoom} }

// Traits tells that sending never waits, and that commands of clients arrive.
func (s *Server) Traits() Traits { return Traits{CanSend: true, WaitRoom: s.WaitRoom, Server: s} }

// Traits tells that sending waits, and that commands of a broker arrive.
func (w *Worker) Traits() Traits { return Traits{CanSend: true, Worker: w} }
