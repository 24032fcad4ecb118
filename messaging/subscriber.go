package messaging

import (
	"errors"
	"sync"

	"github.com/mittere/mittere/comm"
)

// Subscriber receives the published messages that its topics select, and says
// what it missed. It follows dīvidere's messaging.Subscriber.
type Subscriber struct {
	Socket
	Receiver
	sub        *comm.Subscriber
	shortNames bool
	gaps       *gaps

	mu       sync.Mutex // guards what follows
	topics   map[string]struct{}
	prefixes map[string]int // how many topics need each
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
		return nil, FromComm(err)
	}
	s := &Subscriber{
		Socket: Socket{s: sub.Socket}, sub: sub, shortNames: c.shortNames, gaps: &gaps{},
		topics: map[string]struct{}{}, prefixes: map[string]int{},
	}
	in := newInbox(&s.Socket, sub.Receiver, c)
	in.gaps = s.gaps
	s.Receiver = Receiver{in}
	if err := s.Subscribe(c.topics...); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Subscribe adds topics. They take effect when they have reached the publisher,
// which can wait for that. One that is there does nothing. A message that was
// published while no topic selected it does not count as missed, unless older messages of
// its kind, from before an Unsubscribe, are still to be received.
func (s *Subscriber) Subscribe(topics ...Topic) error { return s.each(topics, s.add) }

// Unsubscribe takes topics away. One that was not added does nothing.
func (s *Subscriber) Unsubscribe(topics ...Topic) error { return s.each(topics, s.remove) }

// each calls do with each topic, under the lock.
func (s *Subscriber) each(topics []Topic, do func(Topic) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range topics {
		if err := do(t); err != nil {
			return FromComm(err)
		}
	}
	return nil
}

// add subscribes to what a topic selects.
func (s *Subscriber) add(t Topic) error {
	if err := t.Check(); err != nil {
		return err
	}
	if _, there := s.topics[string(t.Prefix())]; there {
		return nil
	}
	s.topics[string(t.Prefix())] = struct{}{}
	for _, prefix := range t.Prefixes(s.shortNames) {
		if s.prefixes[string(prefix)] == 0 {
			s.gaps.forget(prefix, s.selects)
		}
		s.prefixes[string(prefix)]++
		if err := s.sub.Subscribe(prefix); err != nil {
			return err
		}
	}
	return nil
}

// remove takes back what add did. A prefix that another topic needs too stays.
func (s *Subscriber) remove(t Topic) error {
	if _, there := s.topics[string(t.Prefix())]; !there {
		return nil
	}
	delete(s.topics, string(t.Prefix()))
	for _, prefix := range t.Prefixes(s.shortNames) {
		s.prefixes[string(prefix)]--
		if s.prefixes[string(prefix)] > 0 {
			continue
		}
		delete(s.prefixes, string(prefix))
		if err := s.sub.Unsubscribe(prefix); err != nil {
			return err
		}
	}
	return nil
}

// selects reports whether a topic selects frames that begin so.
func (s *Subscriber) selects(head []byte) bool {
	for end := 0; end <= len(head); end++ {
		if s.prefixes[string(head[:end])] > 0 {
			return true
		}
	}
	return false
}
