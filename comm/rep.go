package comm

import "context"

// Rep receives requests and answers them in any order. It is a ROUTER: it
// serves REQ sockets, [Req]s and plain DEALERs, also through proxies, and
// each message it receives begins with the way back to its sender: all frames up
// to and with the first empty one or, from a plain DEALER, the first alone. It
// follows dīvidere's connection.Response.
type Rep struct {
	*Socket
	Receiver
}

// NewRep returns a response socket at these endpoints, which it binds; to
// serve behind a proxy, connect with ">".
func NewRep(zctx *Context, endpoints string, options ...Option) (*Rep, error) {
	s, err := newSocket(zctx, KindRep, endpoints, options)
	if err != nil {
		return nil, err
	}
	return &Rep{Socket: s, Receiver: Receiver{s}}, nil
}

// Reply sends an answer the way that a request came. Like [Router] it never
// waits: [Full] and [Unreachable] come at once. The frames are copied.
func (r *Rep) Reply(ctx context.Context, route [][]byte, body ...[]byte) error {
	frames := make([][]byte, 0, len(route)+len(body))
	frames = append(append(frames, route...), body...)
	return Sender{r.Socket}.Send(ctx, NewMessage(frames...))
}

// WaitRoom is [Router.WaitRoom].
func (r *Rep) WaitRoom(ctx context.Context) error { return r.inner.WaitRoom(ctx) }
