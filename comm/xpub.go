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
func NewXPub(zctx *Context, endpoints string, options ...PublisherOption) (*XPub, error) {
	s, err := newSocket(zctx, KindXPub, endpoints, options)
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
}

// NewXSub returns an XSub at these endpoints, to which it connects.
func NewXSub(zctx *Context, endpoints string, options ...Option) (*XSub, error) {
	s, err := newSocket(zctx, KindXSub, endpoints, options)
	if err != nil {
		return nil, err
	}
	return &XSub{Socket: s, Sender: Sender{s}, Receiver: Receiver{s}}, nil
}
