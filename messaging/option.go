package messaging

import (
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/mittere/mittere/comm"
)

// config is what options of sockets set.
type config struct {
	types      Resolver
	socket     []comm.Option
	overflow   comm.Overflow
	unnumbered bool
	topics     []Topic
	shortNames bool
}

// PublisherOption sets how a [Publisher] works. Every Option is one.
type PublisherOption interface{ applyPublisher(*config) }

// SubscriberOption sets how a [Subscriber] works. Every Option is one.
type SubscriberOption interface{ applySubscriber(*config) }

// Option sets how a socket of any kind works. The set is sealed, so that a wrong
// mix does not compile.
type Option interface {
	PublisherOption
	SubscriberOption
	applySocket(*config)
}

// option is an Option made of a function.
type option func(*config)

func (o option) applySocket(c *config)     { o(c) }
func (o option) applyPublisher(c *config)  { o(c) }
func (o option) applySubscriber(c *config) { o(c) }

// publisherOption is a PublisherOption made of a function.
type publisherOption func(*config)

func (o publisherOption) applyPublisher(c *config) { o(c) }

// subscriberOption is a SubscriberOption made of a function.
type subscriberOption func(*config)

func (o subscriberOption) applySubscriber(c *config) { o(c) }

// newConfig returns the defaults.
func newConfig() config { return config{types: protoregistry.GlobalTypes} }

// configOf applies options of any socket.
func configOf(options []Option) config {
	c := newConfig()
	for _, o := range options {
		o.applySocket(&c)
	}
	return c
}

// WithTypes sets where the types of received messages are found. The default is
// protoregistry.GlobalTypes: all generated messages that the program links.
func WithTypes(types Resolver) Option { return option(func(c *config) { c.types = types }) }

// WithSocket passes options on to the socket of comm.
func WithSocket(options ...comm.Option) Option {
	return option(func(c *config) { c.socket = append(c.socket, options...) })
}

// WithOverflow sets what a publisher does when a subscriber's queue is full. The
// default is [comm.Lossy].
func WithOverflow(o comm.Overflow) PublisherOption {
	return publisherOption(func(c *config) { c.overflow = o })
}

// WithoutMeta makes a publisher send no [Meta] of its own: no publisher, no
// sequence, no time. The frames are then dīvidere's, byte for byte, as long as
// messages have no subject and no package, and subscribers cannot see gaps. By
// default all three are sent.
func WithoutMeta() PublisherOption {
	return publisherOption(func(c *config) { c.unnumbered = true })
}

// WithTopics subscribes from the start. The default is [Everything].
func WithTopics(topics ...Topic) SubscriberOption {
	return subscriberOption(func(c *config) { c.topics = append(c.topics, topics...) })
}

// WithShortNames lets each subscription also select messages whose field 1 has
// only the last segment of the type's name, as dīvidere writes it. It does not
// by default, since types of other packages may share that segment.
func WithShortNames() SubscriberOption {
	return subscriberOption(func(c *config) { c.shortNames = true })
}
