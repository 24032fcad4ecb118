package comm

// Pair talks with exactly one peer. Send waits while there is none, or it is
// full. A second peer is turned away.
type Pair struct {
	*Socket
	Sender
	Receiver
}

// NewPair returns a pair socket at these endpoints, to which it connects.
func NewPair(zctx *Context, endpoints string, options ...Option) (*Pair, error) {
	s, err := newSocket(zctx, KindPair, endpoints, options)
	if err != nil {
		return nil, err
	}
	return &Pair{Socket: s, Sender: Sender{s}, Receiver: Receiver{s}}, nil
}
