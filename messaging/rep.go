package messaging

import (
	"context"

	"github.com/mittere/mittere/comm"
)

// Rep receives requests and answers them in any order, with
// [Delivery.Reply]. It serves [Req]s, dīvidere's Requests and plain Dealers,
// and follows dīvidere's messaging.Response.
type Rep struct {
	Socket
	Receiver
	rep *comm.Rep
}

// NewRep returns a response socket at these endpoints, which it binds; to
// serve behind a proxy, connect with ">".
func NewRep(ctx *comm.Context, endpoints string, options ...Option) (*Rep, error) {
	c := configOf(options)
	rep, err := comm.NewRep(ctx, endpoints, c.socket...)
	if err != nil {
		return nil, FromComm(err)
	}
	r := &Rep{Socket: Socket{s: rep.Socket}, rep: rep}
	back := newSender(func(ctx context.Context, m comm.Message) error { return rep.Reply(ctx, nil, m.Frames...) })
	in := newRoutedInbox(&r.Socket, rep.Receiver, c, back)
	in.tells = true
	r.Receiver = Receiver{in}
	return r, nil
}

// newRoutedInbox returns an inbox of a socket that can reply.
func newRoutedInbox(s *Socket, recv comm.Receiver, c config, back Sender) *inbox {
	in := newInbox(s, recv, c)
	in.back, in.routes = &back, true
	return in
}

// WaitRoom waits until a reply that was refused because its peer is full may be
// tried again; see [comm.Router.WaitRoom].
func (r *Rep) WaitRoom(ctx context.Context) error { return FromComm(r.rep.WaitRoom(ctx)) }
