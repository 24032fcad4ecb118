package messaging

import (
	"errors"

	"github.com/mittere/mittere/comm"
)

// Subscriber receives the published messages that its topics select, and says
// what it missed. It follows dīvidere's messaging.Subscriber.
type Subscriber struct {
	Socket
	Receiver
	sub        *comm.Subscriber
	shortNames bool
}

// NewSubscriber returns a subscriber at these endpoints, to which it connects.
func NewSubscriber(ctx *comm.Context, endpoints string, options ...SubscriberOption) (*Subscriber, error) {
	c := newConfig()
	for _, o := range options {
		o.applySubscriber(&c)
	}
	if len(c.topics) == 0 {
		c.topics = []Topic{Everything()}
	}
	sub, err := comm.NewSubscriber(ctx, endpoints, c.socket...)
	if err != nil {
		return nil, fromComm(err)
	}
	s := &Subscriber{Socket: Socket{s: sub.Socket}, sub: sub, shortNames: c.shortNames}
	in := newInbox(&s.Socket, sub.Receiver, c)
	in.gaps = &gaps{}
	s.Receiver = Receiver{in}
	if err := s.Subscribe(c.topics...); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Subscribe adds topics. They take effect when they have reached the publisher,
// which can wait for that.
func (s *Subscriber) Subscribe(topics ...Topic) error { return s.each(topics, s.sub.Subscribe) }

// Unsubscribe takes topics away. One that was not added does nothing.
func (s *Subscriber) Unsubscribe(topics ...Topic) error { return s.each(topics, s.sub.Unsubscribe) }

// each calls do with each prefix of each topic.
func (s *Subscriber) each(topics []Topic, do func([]byte) error) error {
	for _, t := range topics {
		if err := do(t.Prefix()); err != nil {
			return fromComm(err)
		}
		if !s.shortNames {
			continue
		}
		if err := do(t.shortPrefix()); err != nil {
			return fromComm(err)
		}
	}
	return nil
}
