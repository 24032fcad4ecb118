package comm

import (
	"context"
	"fmt"

	zmq "github.com/pebbe/zmq4"
)

// Receiver is the receiving half of a socket. All methods may be called by any
// number of goroutines at once; each message goes to one of them.
type Receiver struct{ s *Socket }

// Recv waits for a message until ctx ends. The frames are the caller's until it
// calls [Message.Release]. A [TooLarge] error means that a message was dropped;
// the socket works on.
func (h Receiver) Recv(ctx context.Context) (Message, error) {
	var m Message
	err := h.s.operate(ctx, "receive", &h.s.receivers, func() (err error) {
		m, err = h.s.receive()
		return err
	})
	return m, err
}

// RecvBatch waits for a message until ctx ends, then takes as many as have
// arrived and fit into batch, under one lock. It returns how many it took; they
// are valid also if there is an error, which is about the message after them.
func (h Receiver) RecvBatch(ctx context.Context, batch []Message) (taken int, err error) {
	if len(batch) == 0 {
		return 0, nil
	}
	err = h.s.operate(ctx, "receive", &h.s.receivers, func() (err error) {
		taken, err = h.s.receiveBatch(batch)
		return err
	})
	return taken, err
}

// receiveBatch takes what has arrived. It is refused only if that is nothing.
func (s *Socket) receiveBatch(batch []Message) (taken int, err error) {
	for taken < len(batch) {
		m, err := s.receive()
		if refused(err) && taken > 0 {
			return taken, nil
		}
		if err != nil {
			return taken, err
		}
		batch[taken] = m
		taken++
	}
	return taken, nil
}

// usualFrames is room for a message of several frames: two routing ids, the
// delimiter and the body.
const usualFrames = 4

// receive takes one message without waiting. Whatever is wrong with it, all of
// its frames are taken, so that the next call begins with the next message.
func (s *Socket) receive() (Message, error) {
	var m Message
	var wrong error
	for more := true; more; {
		frame, err := s.z.RecvBytes(zmq.DONTWAIT)
		if err != nil {
			return Message{}, s.receiveError(err)
		}
		if more, err = s.z.GetRcvmore(); err != nil {
			return Message{}, translate("receive", "", err)
		}
		if wrong == nil {
			wrong = s.checkIncoming(len(frame), len(m.Frames)+1)
		}
		if more && m.Frames == nil {
			m.Frames = make([][]byte, 0, usualFrames)
		}
		if wrong == nil {
			m.Frames = append(m.Frames, frame)
		}
	}
	if wrong != nil {
		return Message{}, wrong
	}
	m.poison = s.ctx.poison
	s.stats.received.Add(1)
	return m, nil
}

// receiveError leaves a refusal as it is, for operate to see.
func (s *Socket) receiveError(err error) error {
	if refused(err) {
		return err
	}
	return translate("receive", "", err)
}

// checkIncoming holds a frame against the limits. libzmq has held tcp and ipc
// peers to the size, but not inproc ones, and nobody to the number.
func (s *Socket) checkIncoming(size, frames int) error {
	switch {
	case size > s.config.maxFrameSize:
		return s.tooLarge("receive", size)
	case frames > s.config.maxFrames:
		s.stats.refused.Add(1)
		return &Error{Op: "receive", Reason: TooLarge,
			Detail: fmt.Sprintf("a message of more than %d frames", s.config.maxFrames)}
	default:
		return nil
	}
}
