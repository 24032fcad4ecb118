//go:build cgo

package libzmq

import (
	"context"

	zmq "github.com/pebbe/zmq4"

	"github.com/mittere/mittere/comm/internal/engine"
)

// Send sends one message.
func (s *socket) Send(ctx context.Context, m engine.Message) error {
	return s.operate(ctx, "send", &s.senders, func() error { return s.send(m) })
}

// SendBatch sends messages in order under one lock.
func (s *socket) SendBatch(ctx context.Context, batch []engine.Message) (sent int, err error) {
	err = s.operate(ctx, "send", &s.senders, func() error {
		for sent < len(batch) {
			if err := s.send(batch[sent]); err != nil {
				return err
			}
			sent++
		}
		return nil
	})
	return sent, err
}

// send sends one message without waiting. A message that is refused was not
// sent at all and starts again at its first frame: libzmq takes back what it had
// of it.
func (s *socket) send(m engine.Message) error {
	if s.config.Pattern == engine.XSub && s.repeats(m) {
		return nil
	}
	err := s.sendFrames(m)
	if err != nil && s.trait().addresses && (refused(err) || reasonOf(err) == engine.Unreachable) {
		// The refusal may be old news: a send that does not wait leaves commands
		// in the mailbox for a while, also the one that tells of room or of a
		// new peer.
		s.events()
		err = s.sendFrames(m)
	}
	switch {
	case err == nil:
		s.stats.Sent.Add(1)
		return nil
	case refused(err) && !s.fails():
		return err
	default:
		return translate("send", "", err)
	}
}

// fails reports whether a full queue is an error here, and not waited for.
func (s *socket) fails() bool {
	return s.trait().zmq == zmq.ROUTER || s.config.Overflow == engine.Fail
}

// sendFrames hands all frames to libzmq.
func (s *socket) sendFrames(m engine.Message) error {
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
func (s *socket) abandon(failed int, frames [][]byte) {
	if kind := s.trait().zmq; failed == 0 || kind != zmq.DEALER && kind != zmq.PUSH {
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

// WaitRoom waits in the line of the senders that cannot know whether there is room.
func (s *socket) WaitRoom(ctx context.Context) error {
	const op = "wait for room"
	var place waiting
	err := s.withOpen(op, func() error {
		place = s.senders.enter()
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.wait(ctx, op, &s.senders, place); err != nil {
		return err
	}
	return s.withOpen(op, func() error { return nil })
}
