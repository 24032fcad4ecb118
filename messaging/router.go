package messaging

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
)

// Router sends to the peer that a route names, and receives from all of them.
// Sending never waits: a peer that is full is [ResourceExhausted] and comm.Full
// at once, one that is not there [Unavailable] and comm.Unreachable.
type Router struct {
	Socket
	Receiver
	router *comm.Router
	sender Sender
}

// NewRouter returns a router at these endpoints, which it binds.
func NewRouter(ctx *comm.Context, endpoints string, options ...Option) (*Router, error) {
	c := configOf(options)
	router, err := comm.NewRouter(ctx, endpoints, c.socket...)
	if err != nil {
		return nil, FromComm(err)
	}
	r := &Router{Socket: Socket{s: router.Socket}, router: router, sender: newSender(router.Send)}
	in := newRoutedInbox(&r.Socket, router.Receiver, c, r.sender)
	in.tells = true
	r.Receiver = Receiver{in}
	return r, nil
}

// SendTo sends a message to the peer that the route names first; the Route of a
// delivery leads to whom that came from.
func (r *Router) SendTo(ctx context.Context, route Route, m proto.Message, options ...SendOption) error {
	return r.sender.sendTo(ctx, route, m, options)
}

// WaitRoom waits until a message that was refused because its peer is full may
// be tried again; see [comm.Router.WaitRoom].
func (r *Router) WaitRoom(ctx context.Context) error { return FromComm(r.router.WaitRoom(ctx)) }
