package native

import (
	"context"
	"fmt"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
)

func (s *socket) Send(ctx context.Context, m engine.Message) error {
	one := [1]engine.Message{m}
	_, err := s.SendBatch(ctx, one[:])
	return err
}

func (s *socket) SendBatch(ctx context.Context, batch []engine.Message) (n int, err error) {
	const op = "send"
	if ctx.Err() != nil {
		return 0, engine.ContextEnded(ctx, op)
	}
	for again := false; ; again = true {
		more, w, err := s.trySend(batch[n:], again)
		n += more
		if w == nil {
			return n, err
		}
		if !s.senders.await(ctx, &s.sendMu, w) {
			return n, engine.ContextEnded(ctx, op)
		}
	}
}

// trySend sends as many messages as it can without waiting, and flushes them. If the call
// is to wait it gets a place in the line of waiting calls: the first one if it was woken before.
func (s *socket) trySend(batch []engine.Message, again bool) (n int, w *waiter, err error) {
	s.sendMu.Lock()
	if s.stopped {
		s.sendMu.Unlock()
		return 0, nil, closedError("send")
	}
	v := sent
	for n < len(batch) && v == sent && err == nil {
		if err = s.tooLarge(batch[n]); err != nil {
			break
		}
		if v = s.pattern.send(batch[n].Frames); v == sent {
			n++
		}
	}
	switch {
	case v == mustWait && again && n == 0:
		w = s.senders.enterAgain()
	case v == mustWait:
		w = s.senders.enter()
	default:
		s.senders.wake()
	}
	s.unlockAndFlush()
	s.counters.Sent.Add(uint64(n))
	if err == nil {
		err = v.err()
	}
	return n, w, err
}

// tooLarge refuses a message that is too long in all, and a subscription that is, for which
// a peer with the same limits would end the connection. Frames comm has checked.
func (s *socket) tooLarge(m engine.Message) error {
	if s.config.Pattern == engine.XSub && len(m.Frames[0]) > 1+maxPrefix {
		s.counters.Refused.Add(1)
		return &engine.Error{Op: "send", Reason: engine.TooLarge, Detail: "a prefix of more than 64 KiB"}
	}
	if len(m.Frames) <= 2 {
		return nil
	}
	if size := m.Size(); size > s.limits.Message {
		s.counters.Refused.Add(1)
		return &engine.Error{Op: "send", Reason: engine.TooLarge, Detail: fmt.Sprintf("a message of %d bytes, maximum %d", size, s.limits.Message)}
	}
	return nil
}

// err returns the error of a message that was not sent.
func (v verdict) err() error {
	switch v {
	case full:
		return &engine.Error{Op: "send", Reason: engine.Full}
	case unreachable:
		return &engine.Error{Op: "send", Reason: engine.Unreachable}
	default:
		return nil
	}
}

// ownFlushes is to how many peers a sender writes itself.
const ownFlushes = 4

// unlockAndFlush lets go of sendMu and has all be written that was put.
func (s *socket) unlockAndFlush() {
	var few [ownFlushes]*peer
	peers := append(few[:0], s.touched...)
	clear(s.touched)
	s.touched = s.touched[:0]
	for _, p := range peers {
		p.touched = false
	}
	s.sendMu.Unlock()
	for _, p := range peers {
		if len(peers) <= ownFlushes {
			p.link.flush()
		} else {
			p.link.soon()
		}
	}
}

// retryRoom is when a call of WaitRoom returns although it heard of no room: another may
// have been told of that which it waits for.
const retryRoom = 10 * time.Millisecond

func (s *socket) WaitRoom(ctx context.Context) error {
	const op = "wait for room"
	if ctx.Err() != nil {
		return engine.ContextEnded(ctx, op)
	}
	s.sendMu.Lock()
	switch {
	case s.stopped:
		s.sendMu.Unlock()
		return closedError(op)
	case s.roomed:
		s.roomed = false
		s.sendMu.Unlock()
		return nil
	}
	w := s.rooms.enter()
	s.sendMu.Unlock()
	short, cancel := context.WithTimeout(ctx, retryRoom)
	defer cancel()
	if !s.rooms.await(short, &s.sendMu, w) && ctx.Err() != nil {
		return engine.ContextEnded(ctx, op)
	}
	select {
	case <-s.done:
		return closedError(op)
	default:
		return nil
	}
}

func (s *socket) Subscribe(prefix []byte) error   { return s.ask("subscribe", true, prefix) }
func (s *socket) Unsubscribe(prefix []byte) error { return s.ask("unsubscribe", false, prefix) }

func (s *socket) ask(op string, subscribes bool, prefix []byte) error {
	sub, ok := s.pattern.(*subscribing)
	if !ok || len(prefix) > maxPrefix {
		return engine.InvalidArgument(op, "a prefix of more than 64 KiB")
	}
	s.sendMu.Lock()
	if s.stopped {
		s.sendMu.Unlock()
		return closedError(op)
	}
	sub.ask(subscribes, prefix)
	s.unlockAndFlush()
	return nil
}

func (s *socket) Subscribers(topic []byte) int {
	n, _ := s.countSubscribers(topic)
	return n
}

// countSubscribers also returns a channel that is closed when the number may change.
func (s *socket) countSubscribers(topic []byte) (n int, changed <-chan struct{}) {
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	p, ok := s.pattern.(*published)
	if !ok {
		return 0, nil
	}
	return p.count(topic), p.changed.next()
}

func (s *socket) WaitSubscribers(ctx context.Context, n int, topic []byte) error {
	const op = "wait for subscribers"
	for {
		found, changed := s.countSubscribers(topic)
		select {
		case <-s.done:
			return closedError(op)
		default:
		}
		if found >= n {
			return nil
		}
		select {
		case <-changed:
		case <-s.done:
			return closedError(op)
		case <-ctx.Done():
			return engine.ContextEnded(ctx, op)
		}
	}
}
