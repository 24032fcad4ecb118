//go:build cgo

package libzmq

import (
	"context"

	zmq "github.com/pebbe/zmq4"

	"github.com/mittere/mittere/comm/internal/engine"
)

// Recv waits for a message.
func (s *socket) Recv(ctx context.Context) (engine.Message, error) {
	var m engine.Message
	err := s.operate(ctx, "receive", &s.receivers, func() (err error) {
		m, err = s.receive()
		return err
	})
	return m, err
}

// RecvBatch waits for a message, then takes as many as have arrived and fit, under one
// lock.
func (s *socket) RecvBatch(ctx context.Context, batch []engine.Message) (taken int, err error) {
	err = s.operate(ctx, "receive", &s.receivers, func() (err error) {
		taken, err = s.receiveBatch(batch)
		return err
	})
	return taken, err
}

// receiveBatch takes what has arrived. It is refused only if that is nothing.
func (s *socket) receiveBatch(batch []engine.Message) (taken int, err error) {
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
func (s *socket) receive() (engine.Message, error) {
	var frames [][]byte
	var wrong error
	for more := true; more; {
		frame, err := s.z.RecvBytes(zmq.DONTWAIT)
		if err != nil {
			return engine.Message{}, s.receiveError(err)
		}
		if more, err = s.z.GetRcvmore(); err != nil {
			return engine.Message{}, translate("receive", "", err)
		}
		if wrong == nil {
			wrong = s.checkIncoming(len(frame), len(frames)+1)
		}
		if more && frames == nil {
			frames = make([][]byte, 0, usualFrames)
		}
		if wrong == nil {
			frames = append(frames, frame)
		}
	}
	if wrong != nil {
		return engine.Message{}, wrong
	}
	s.stats.Received.Add(1)
	return engine.Received(frames, s.ctx.owner, 0), nil
}

// receiveError leaves a refusal as it is, for operate to see.
func (s *socket) receiveError(err error) error {
	if refused(err) {
		return err
	}
	return translate("receive", "", err)
}

// checkIncoming holds a frame against the limits. libzmq has held tcp and ipc
// peers to the size, but not inproc ones, and nobody to the number.
func (s *socket) checkIncoming(size, frames int) error {
	switch {
	case size > s.config.MaxFrameSize:
		s.stats.Refused.Add(1)
		return engine.FrameTooLarge("receive", size, s.config.MaxFrameSize)
	case frames > s.config.MaxFrames:
		s.stats.Refused.Add(1)
		return engine.TooManyFrames("receive", s.config.MaxFrames)
	default:
		return nil
	}
}
