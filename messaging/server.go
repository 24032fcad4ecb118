package messaging

import (
	"context"

	"github.com/mittere/mittere/comm"
)

// Server receives commands and plain envelopes from any number of clients, and
// answers them in any order. A delivery of a command has its Command set and no
// Envelope. It follows RFC 7's broker socket: a ROUTER that tells what its peers
// speak by the first byte.
type Server struct {
	Socket
	Receiver
	router *comm.Router
}

// NewServer returns a server socket at these endpoints, which it binds.
func NewServer(ctx *comm.Context, endpoints string, options ...Option) (*Server, error) {
	c := configOf(options)
	router, err := comm.NewRouter(ctx, endpoints, c.socket...)
	if err != nil {
		return nil, FromComm(err)
	}
	s := &Server{Socket: Socket{s: router.Socket}, router: router}
	in := newRoutedInbox(&s.Socket, router.Receiver, c, newSender(router.Send))
	in.tells, in.commands = true, true
	s.Receiver = Receiver{in}
	return s, nil
}

// WaitRoom waits until a message that was refused because its peer is full may
// be tried again; see [comm.Router.WaitRoom].
func (s *Server) WaitRoom(ctx context.Context) error { return FromComm(s.router.WaitRoom(ctx)) }

// WaitDisconnect waits until more connections have ended than the caller has
// seen, and returns how many; see [comm.Socket.WaitDisconnect].
func (s *Server) WaitDisconnect(ctx context.Context, seen uint64) (uint64, error) {
	ended, err := s.router.WaitDisconnect(ctx, seen)
	return ended, FromComm(err)
}

// MaxFrameSize returns how many bytes a frame may have.
func (s *Server) MaxFrameSize() int { return s.router.MaxFrameSize() }

// SendCommand sends a command back. It never waits, as [Delivery.Reply] on a
// [Router].
func (p ReturnPath) SendCommand(ctx context.Context, c *Command) error {
	if p.back == nil {
		return Errorf(FailedPrecondition, "the message arrived on a socket that cannot reply")
	}
	return FromComm(c.WithFrames(p.route, func(frames [][]byte) error { return p.put(ctx, comm.NewMessage(frames...)) }))
}

// Check returns why a command cannot be sent to the peer, whether or not that has room:
// a text that is no UTF-8, or a frame that is too long.
func (p ReturnPath) Check(c *Command) error {
	frames, err := c.Frames()
	if err != nil {
		return err
	}
	return p.limit.Check(frames, "the peer")
}

// put sends the frames of a command behind the route.
func (p ReturnPath) put(ctx context.Context, m comm.Message) error {
	if err := p.limit.Check(m.Frames[len(p.route):], "the peer"); err != nil {
		return err
	}
	return p.back.send(ctx, m)
}

// Peer returns what names the sender on its socket, as long as its connection
// lasts; empty on a socket that cannot reply to one of several.
func (p ReturnPath) Peer() string {
	if len(p.route) == 0 {
		return ""
	}
	return string(p.route[0])
}
