package comm

// Push sends each message to one of its peers, in turn. Send waits while all are
// full, or there is none.
type Push struct {
	*Socket
	Sender
}

// NewPush returns a push socket at these endpoints, to which it connects.
func NewPush(zctx *Context, endpoints string, options ...Option) (*Push, error) {
	s, err := newSocket(zctx, KindPush, endpoints, options)
	if err != nil {
		return nil, err
	}
	return &Push{Socket: s, Sender: Sender{s}}, nil
}

// Pull receives what its peers push, from each in turn.
type Pull struct {
	*Socket
	Receiver
}

// NewPull returns a pull socket at these endpoints, which it binds.
func NewPull(zctx *Context, endpoints string, options ...Option) (*Pull, error) {
	s, err := newSocket(zctx, KindPull, endpoints, options)
	if err != nil {
		return nil, err
	}
	return &Pull{Socket: s, Receiver: Receiver{s}}, nil
}
