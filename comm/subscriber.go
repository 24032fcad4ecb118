package comm

// Subscriber receives the messages that begin with one of its prefixes. It
// follows dīvidere's connection.Subscriber. It has none at first and so
// receives nothing.
type Subscriber struct {
	*Socket
	Receiver
	prefixes map[string]struct{} // guarded by the socket's lock
}

// NewSubscriber returns a subscriber at these endpoints, to which it connects.
func NewSubscriber(ctx *Context, endpoints string, options ...Option) (*Subscriber, error) {
	s, err := newPlain(ctx, KindSubscriber, endpoints, options)
	if err != nil {
		return nil, err
	}
	return &Subscriber{Socket: s, Receiver: Receiver{s}, prefixes: map[string]struct{}{}}, nil
}

// Subscribe asks for messages that begin with prefix; an empty one is a prefix
// of all. It takes effect when it has reached the publisher, which can wait for
// that. Subscribing to a prefix again does nothing.
func (s *Subscriber) Subscribe(prefix []byte) error {
	return s.withOpen("subscribe", func() error {
		if _, known := s.prefixes[string(prefix)]; known {
			return nil
		}
		defer s.settle()
		if err := s.z.SetSubscribe(string(prefix)); err != nil {
			return translate("subscribe", "", err)
		}
		s.prefixes[string(prefix)] = struct{}{}
		return nil
	})
}

// Unsubscribe withdraws what Subscribe asked for. A prefix that was not asked
// for does nothing.
func (s *Subscriber) Unsubscribe(prefix []byte) error {
	return s.withOpen("unsubscribe", func() error {
		if _, known := s.prefixes[string(prefix)]; !known {
			return nil
		}
		defer s.settle()
		delete(s.prefixes, string(prefix))
		return translate("unsubscribe", "", s.z.SetUnsubscribe(string(prefix)))
	})
}
