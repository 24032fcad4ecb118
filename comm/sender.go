package comm

import (
	"context"

	"github.com/mittere/mittere/comm/internal/engine"
)

// Sender is the sending half of a socket. All methods may be called by any
// number of goroutines at once; messages of one goroutine stay in order.
type Sender struct{ s *Socket }

// Send sends one message. While the queue is full, or nobody is connected, it
// waits until ctx ends, unless the socket's own doc says otherwise. The frames
// are copied: after Send, whatever it returned, they are the caller's. An error
// means that nothing was sent.
func (h Sender) Send(ctx context.Context, m Message) error {
	if err := h.s.checkOutgoing(m); err != nil {
		return err
	}
	return h.s.inner.Send(ctx, m)
}

// SendBatch sends messages in order, which costs less than one call for each. It
// returns how many were sent: all of them, or as many as stand in front of the one
// that the error is about. It waits like Send.
func (h Sender) SendBatch(ctx context.Context, batch []Message) (sent int, err error) {
	for _, m := range batch {
		if err := h.s.checkOutgoing(m); err != nil {
			return 0, err
		}
	}
	return h.s.inner.SendBatch(ctx, batch)
}

// checkOutgoing refuses what an engine would accept here and the peer would punish
// by closing the connection.
func (s *Socket) checkOutgoing(m Message) error {
	switch {
	case len(m.Frames) == 0:
		return invalid("send", "a message without frames")
	case len(m.Frames) == 1 && s.kind.trait().pattern == engine.Router:
		return invalid("send", "a message without a frame after the routing id")
	case s.kind == KindXSub && !isSubscription(m):
		// Its queue has no bound, so that no subscription is lost.
		return invalid("send", "a message that is no subscription")
	}
	for _, frame := range m.Frames {
		if len(frame) > s.maxFrameSize {
			s.counters.Refused.Add(1)
			return engine.FrameTooLarge("send", len(frame), s.maxFrameSize)
		}
	}
	return nil
}

// isSubscription reports whether a message subscribes to a prefix or ends that.
func isSubscription(m Message) bool {
	_, _, ok := engine.ReadSubscription(m.Frames)
	return ok
}
