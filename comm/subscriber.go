package comm

// Subscriber receives the messages that begin with one of its prefixes. It
// follows dīvidere's connection.Subscriber. It has none at first and so
// receives nothing.
type Subscriber struct {
	*Socket
	Receiver
}

// NewSubscriber returns a subscriber at these endpoints, to which it connects.
func NewSubscriber(zctx *Context, endpoints string, options ...Option) (*Subscriber, error) {
	s, err := newSocket(zctx, KindSubscriber, endpoints, options)
	if err != nil {
		return nil, err
	}
	return &Subscriber{Socket: s, Receiver: Receiver{s}}, nil
}

// Subscribe asks for messages that begin with prefix; an empty one is a prefix
// of all. It takes effect when it has reached the publisher, which can wait for
// that. Subscribing to a prefix again does nothing.
func (s *Subscriber) Subscribe(prefix []byte) error { return s.inner.Subscribe(prefix) }

// Unsubscribe withdraws what Subscribe asked for. A prefix that was not asked
// for does nothing.
func (s *Subscriber) Unsubscribe(prefix []byte) error { return s.inner.Unsubscribe(prefix) }
