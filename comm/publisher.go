package comm

import "context"

// Publisher sends each message to all subscribers whose prefix it begins with.
// It follows dīvidere's connection.Publisher. Send never waits for a subscriber
// unless [WithOverflow] says so.
type Publisher struct {
	*Socket
	Sender
}

// NewPublisher returns a publisher at these endpoints, which it binds.
func NewPublisher(zctx *Context, endpoints string, options ...PublisherOption) (*Publisher, error) {
	s, err := newSocket(zctx, KindPublisher, endpoints, options)
	if err != nil {
		return nil, err
	}
	return &Publisher{Socket: s, Sender: Sender{s}}, nil
}

// Subscribers returns how many subscriptions a message that begins with topic
// matches. A subscriber counts once for each of its prefixes that match, a proxy
// once for all that are behind it.
func (p *Publisher) Subscribers(topic []byte) int { return p.inner.Subscribers(topic) }

// WaitForSubscribers waits until Subscribers(topic) is at least n. Messages sent
// after that reach them: no first message is lost.
func (p *Publisher) WaitForSubscribers(ctx context.Context, n int, topic []byte) error {
	return p.inner.WaitSubscribers(ctx, n, topic)
}
