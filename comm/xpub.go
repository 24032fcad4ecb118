package comm

// XPub is a publisher that gives its user the subscriptions: Recv returns
// messages of one frame, 1 and the prefix for each subscription, 0 and the
// prefix for each that ends, duplicates too. They must be received, for nobody
// bounds them otherwise. It is one end of a forwarder; see [XSub].
type XPub struct {
	*Socket
	Sender
	Receiver
}

// NewXPub returns an XPub at these endpoints, which it binds.
func NewXPub(ctx *Context, endpoints string, options ...PublisherOption) (*XPub, error) {
	s, err := newPlain(ctx, KindXPub, endpoints, options)
	if err != nil {
		return nil, err
	}
	return &XPub{Socket: s, Sender: Sender{s}, Receiver: Receiver{s}}, nil
}

// XSub is a subscriber whose subscriptions are messages that its user sends, as
// [XPub] receives them. Of those to one prefix only the first goes to the
// publishers, and only the last end: they count a forwarder once. Nothing else
// can be sent.
type XSub struct {
	*Socket
	Sender
	Receiver
	subscribed map[string]int // how often to each prefix; guarded by the socket's lock
}

// NewXSub returns an XSub at these endpoints, to which it connects.
func NewXSub(ctx *Context, endpoints string, options ...Option) (*XSub, error) {
	s, err := newPlain(ctx, KindXSub, endpoints, options)
	if err != nil {
		return nil, err
	}
	x := &XSub{Socket: s, Sender: Sender{s}, Receiver: Receiver{s}, subscribed: map[string]int{}}
	s.withhold = x.repeats
	return x, nil
}

// repeats notes a subscription or the end of one, and reports whether the
// publishers need not know.
func (x *XSub) repeats(m Message) bool {
	subscribes, prefix := readSubscription(m)
	before := x.subscribed[prefix]
	switch {
	case subscribes:
		x.subscribed[prefix]++
		return before > 0
	case before > 1:
		x.subscribed[prefix]--
		return true
	default:
		delete(x.subscribed, prefix)
		return before == 0
	}
}
