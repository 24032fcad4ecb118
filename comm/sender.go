package comm

import (
	"context"
	"fmt"

	zmq "github.com/pebbe/zmq4"
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
	return h.s.operate(ctx, "send", &h.s.senders, func() error { return h.s.send(m) })
}

// SendBatch sends messages in order under one lock, which costs less than one
// call for each. It returns how many were sent: all of them, or as many as stand
// in front of the one that the error is about. It waits like Send.
func (h Sender) SendBatch(ctx context.Context, batch []Message) (sent int, err error) {
	for _, m := range batch {
		if err := h.s.checkOutgoing(m); err != nil {
			return 0, err
		}
	}
	err = h.s.operate(ctx, "send", &h.s.senders, func() error {
		for sent < len(batch) {
			if err := h.s.send(batch[sent]); err != nil {
				return err
			}
			sent++
		}
		return nil
	})
	return sent, err
}

// checkOutgoing refuses what libzmq would accept here and the peer would punish
// by closing the connection.
func (s *Socket) checkOutgoing(m Message) error {
	switch {
	case len(m.Frames) == 0:
		return invalid("send", "a message without frames")
	case len(m.Frames) == 1 && s.kind.trait().zmq == zmq.ROUTER:
		// libzmq would drop it without a word.
		return invalid("send", "a message without a frame after the routing id")
	case s.kind == KindXSub && !isSubscription(m):
		// Its queue has no bound, so that no subscription is lost.
		return invalid("send", "a message that is no subscription")
	}
	for _, frame := range m.Frames {
		if len(frame) > s.config.maxFrameSize {
			return s.tooLarge("send", len(frame))
		}
	}
	return nil
}

// tooLarge counts and returns the error of a frame that is too long.
func (s *Socket) tooLarge(op string, size int) error {
	s.stats.refused.Add(1)
	return &Error{Op: op, Reason: TooLarge,
		Detail: fmt.Sprintf("a frame of %d bytes, maximum %d", size, s.config.maxFrameSize)}
}

// send sends one message without waiting. A message that is refused was not
// sent at all and starts again at its first frame: libzmq takes back what it had
// of it.
func (s *Socket) send(m Message) error {
	if s.withhold != nil && s.withhold(m) {
		return nil
	}
	err := s.sendFrames(m)
	if err != nil && s.kind.trait().addresses && (refused(err) || reasonOf(err) == Unreachable) {
		// The refusal may be old news: a send that does not wait leaves commands
		// in the mailbox for a while, also the one that tells of room or of a
		// new peer.
		s.events()
		err = s.sendFrames(m)
	}
	switch {
	case err == nil:
		s.stats.sent.Add(1)
		return nil
	case refused(err) && !s.fails():
		return err
	default:
		return translate("send", "", err)
	}
}

// fails reports whether a full queue is an error here, and not waited for.
func (s *Socket) fails() bool {
	return s.kind.trait().zmq == zmq.ROUTER || s.config.overflow == Fail
}

// sendFrames hands all frames to libzmq.
func (s *Socket) sendFrames(m Message) error {
	flags := zmq.DONTWAIT | zmq.SNDMORE
	for i, frame := range m.Frames {
		if i == len(m.Frames)-1 {
			flags = zmq.DONTWAIT
		}
		if _, err := s.z.SendBytes(frame, flags); err != nil {
			s.abandon(i, m.Frames)
			return err
		}
	}
	return nil
}

// abandon ends a message of which a frame was refused after others were taken:
// the peer went away in between. Sockets that send to their peers in turn then
// drop all that follows, up to a last frame, as the rest of that message. They
// get that rest, or else they would drop the next message.
func (s *Socket) abandon(failed int, frames [][]byte) {
	if kind := s.kind.trait().zmq; failed == 0 || kind != zmq.DEALER && kind != zmq.PUSH {
		return
	}
	for i := failed + 1; i < len(frames); i++ {
		flags := zmq.DONTWAIT | zmq.SNDMORE
		if i == len(frames)-1 {
			flags = zmq.DONTWAIT
		}
		_, _ = s.z.SendBytes(nil, flags)
	}
}
