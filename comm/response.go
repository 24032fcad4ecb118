package comm

import "context"

// Response receives requests, each with the way back to its sender, and answers
// them in any order. It is a ROUTER: it serves REQ sockets, [Request]s and plain
// DEALERs, also through proxies. It follows dīvidere's connection.Response.
type Response struct{ *Socket }

// Incoming is a request with the way back to its sender.
type Incoming struct {
	// Message is the body. Releasing it ends Route too.
	Message
	// Route is the frames that lead back; see [SplitRoute].
	Route [][]byte
}

// NewResponse returns a response socket at these endpoints, which it binds; to
// serve behind a proxy, connect with ">".
func NewResponse(ctx *Context, endpoints string, options ...Option) (*Response, error) {
	s, err := newPlain(ctx, KindResponse, endpoints, options)
	if err != nil {
		return nil, err
	}
	return &Response{s}, nil
}

// Recv waits for a request until ctx ends. A [TooLarge] error means that one was
// dropped; the socket works on.
func (r *Response) Recv(ctx context.Context) (Incoming, error) {
	m, err := Receiver{r.Socket}.Recv(ctx)
	if err != nil {
		return Incoming{}, err
	}
	return incoming(m), nil
}

// incoming splits a message. Poisoning reaches the whole of it through the body.
func incoming(m Message) Incoming {
	route, body := SplitRoute(m.Frames)
	return Incoming{Message: Message{Frames: body, poison: m.poison}, Route: route}
}

// Reply sends an answer the way that a request came. Like [Router] it never
// waits: [Full] and [Unreachable] come at once. The frames are copied.
func (r *Response) Reply(ctx context.Context, route [][]byte, body ...[]byte) error {
	frames := make([][]byte, 0, len(route)+len(body))
	frames = append(append(frames, route...), body...)
	return Sender{r.Socket}.Send(ctx, NewMessage(frames...))
}

// WaitRoom is [Router.WaitRoom].
func (r *Response) WaitRoom(ctx context.Context) error { return r.waitRoom(ctx) }
