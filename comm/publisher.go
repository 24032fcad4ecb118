package comm

import (
	"context"
)

// Publisher sends each message to all subscribers whose prefix it begins with.
// It follows dīvidere's connection.Publisher. Send never waits for a subscriber
// unless [WithOverflow] says so.
type Publisher struct {
	*Socket
	Sender
	subscriptions *subscriptions
}

// NewPublisher returns a publisher at these endpoints, which it binds.
func NewPublisher(ctx *Context, endpoints string, options ...PublisherOption) (*Publisher, error) {
	c, err := newConfig(KindPublisher, options)
	if err != nil {
		return nil, err
	}
	subs := newSubscriptions()
	s, err := newSocket(ctx, KindPublisher, endpoints, c, subs.absorb)
	if err != nil {
		return nil, err
	}
	return &Publisher{Socket: s, Sender: Sender{s}, subscriptions: subs}, nil
}

// Subscribers returns how many subscriptions a message that begins with topic
// matches. A subscriber counts once for each of its prefixes that match, a proxy
// once for all that are behind it.
func (p *Publisher) Subscribers(topic []byte) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.settle()
	}
	return p.subscriptions.matching(topic)
}

// WaitForSubscribers waits until Subscribers(topic) is at least n. What is sent
// after that reaches them: no first message is lost.
func (p *Publisher) WaitForSubscribers(ctx context.Context, n int, topic []byte) error {
	for {
		p.mu.Lock()
		found, changed, closed := p.subscriptions.matching(topic), p.subscriptions.changed, p.closed
		p.mu.Unlock()
		switch {
		case closed:
			return &Error{Op: "wait for subscribers", Reason: Closed}
		case found >= n:
			return nil
		}
		select {
		case <-changed:
		case <-p.done:
		case <-ctx.Done():
			return ended(ctx, "wait for subscribers")
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

// absorb takes one message that subscribers sent: 1 and a prefix to subscribe,
// 0 and a prefix to unsubscribe. Anything else is dropped; nobody would read it.
func (t *subscriptions) absorb(s *Socket) (any bool) {
	m, err := s.receive()
	switch {
	case err != nil:
		return !refused(err)
	case isSubscription(m):
		t.note(readSubscription(m))
	default:
		s.stats.unexpected.Add(1)
	}
	return true
}

// isSubscription reports whether a message subscribes to a prefix or ends that.
func isSubscription(m Message) bool {
	return len(m.Frames) == 1 && len(m.Frames[0]) > 0 && m.Frames[0][0] <= 1
}

// readSubscription reads such a message.
func readSubscription(m Message) (subscribes bool, prefix string) {
	return m.Frames[0][0] == 1, string(m.Frames[0][1:])
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
