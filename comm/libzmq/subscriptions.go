//go:build cgo

package libzmq

import (
	"context"

	"github.com/mittere/mittere/comm/internal/engine"
)

// Subscribe asks publishers for a prefix.
func (s *socket) Subscribe(prefix []byte) error {
	return s.withOpen("subscribe", func() error {
		if s.prefixes[string(prefix)] > 0 {
			return nil
		}
		defer s.settle()
		if err := s.z.SetSubscribe(string(prefix)); err != nil {
			return translate("subscribe", "", err)
		}
		s.prefixes[string(prefix)] = 1
		return nil
	})
}

// Unsubscribe takes that back.
func (s *socket) Unsubscribe(prefix []byte) error {
	return s.withOpen("unsubscribe", func() error {
		if s.prefixes[string(prefix)] == 0 {
			return nil
		}
		defer s.settle()
		delete(s.prefixes, string(prefix))
		return translate("unsubscribe", "", s.z.SetUnsubscribe(string(prefix)))
	})
}

// repeats notes a subscription that an XSUB's user sends, or the end of one, and
// reports whether the publishers need not know.
func (s *socket) repeats(m engine.Message) bool {
	subscribes, prefix, _ := engine.ReadSubscription(m.Frames)
	before := s.prefixes[string(prefix)]
	switch {
	case subscribes:
		s.prefixes[string(prefix)]++
		return before > 0
	case before > 1:
		s.prefixes[string(prefix)]--
		return true
	default:
		delete(s.prefixes, string(prefix))
		return before == 0
	}
}

// Subscribers returns how many subscriptions a topic matches.
func (s *socket) Subscribers(topic []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.settle()
	}
	return s.publishes.matching(topic)
}

// WaitSubscribers waits until a topic matches n subscriptions.
func (s *socket) WaitSubscribers(ctx context.Context, n int, topic []byte) error {
	const op = "wait for subscribers"
	for {
		s.mu.Lock()
		found, changed, closed := s.publishes.matching(topic), s.publishes.changed, s.closed
		s.mu.Unlock()
		switch {
		case closed:
			return &engine.Error{Op: op, Reason: engine.Closed}
		case found >= n:
			return nil
		}
		select {
		case <-changed:
		case <-s.done:
		case <-ctx.Done():
			return engine.ContextEnded(ctx, op)
		}
	}
}

// subscriptions is what the subscribers of a publisher asked for. The socket's
// lock guards it. libzmq does not say who subscribed: a foreign peer that asks
// twice for one prefix counts twice, and once still when it has left. Its size,
// like that of libzmq's own table, only authentication can bound.
type subscriptions struct {
	counts  map[string]int
	changed chan struct{} // closed and replaced at each change
}

// newSubscriptions returns an empty table.
func newSubscriptions() *subscriptions {
	return &subscriptions{counts: map[string]int{}, changed: make(chan struct{})}
}

// absorbSubscription takes one message that subscribers sent. What is no subscription
// is dropped; nobody would read it.
func (s *socket) absorbSubscription() (any bool) {
	m, err := s.receive()
	if err != nil {
		return !refused(err)
	}
	if subscribes, prefix, ok := engine.ReadSubscription(m.Frames); ok {
		s.publishes.note(subscribes, string(prefix))
	} else {
		s.stats.Unexpected.Add(1)
	}
	return true
}

// note adds a subscription or takes one away.
func (t *subscriptions) note(subscribes bool, prefix string) {
	switch {
	case subscribes:
		t.counts[prefix]++
	case t.counts[prefix] > 1:
		t.counts[prefix]--
	default:
		delete(t.counts, prefix)
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// matching counts the subscriptions that are prefixes of a topic.
func (t *subscriptions) matching(topic []byte) int {
	found := 0
	for end := 0; end <= len(topic); end++ {
		found += t.counts[string(topic[:end])]
	}
	return found
}
