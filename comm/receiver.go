package comm

import "context"

// Receiver is the receiving half of a socket. All methods may be called by any
// number of goroutines at once; each message goes to one of them.
type Receiver struct{ s *Socket }

// Recv waits for a message until ctx ends. The frames are the caller's until it
// calls Release on the message. A [TooLarge] error means that a message was dropped;
// the socket works on.
func (h Receiver) Recv(ctx context.Context) (Message, error) { return h.s.inner.Recv(ctx) }

// RecvBatch waits for a message until ctx ends, then takes as many as have
// arrived and fit into batch, at once. It returns how many it took; they
// are valid also if there is an error, which is about the message after them.
func (h Receiver) RecvBatch(ctx context.Context, batch []Message) (taken int, err error) {
	if len(batch) == 0 {
		return 0, nil
	}
	return h.s.inner.RecvBatch(ctx, batch)
}
