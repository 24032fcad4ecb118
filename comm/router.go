package comm

import "context"

// Router sends to the peer that the first frame names, and receives from all of
// them with that frame in front. Send never waits: the errors of one peer,
// [Full] and [Unreachable], come at once, so that none can hold up the others.
type Router struct {
	*Socket
	Sender
	Receiver
}

// NewRouter returns a router at these endpoints, which it binds.
func NewRouter(zctx *Context, endpoints string, options ...Option) (*Router, error) {
	s, err := newSocket(zctx, KindRouter, endpoints, options)
	if err != nil {
		return nil, err
	}
	return &Router{Socket: s, Sender: Sender{s}, Receiver: Receiver{s}}, nil
}

// WaitRoom waits until some peer may have room again: until something happened
// on the socket, a few milliseconds at most. A program that keeps messages that were
// refused with [Full] sends them again after it.
func (r *Router) WaitRoom(ctx context.Context) error { return r.inner.WaitRoom(ctx) }
