package comm

// Dealer sends to its peers in turn and receives from all of them, without any
// order between the two. It follows dīvidere's connection.Dealer. Only
// connected peers are sent to (see [WithImmediate]); Send waits while there is
// none, or all are full.
type Dealer struct {
	*Socket
	Sender
	Receiver
}

// NewDealer returns a dealer at these endpoints, to which it connects.
func NewDealer(zctx *Context, endpoints string, options ...Option) (*Dealer, error) {
	s, err := newSocket(zctx, KindDealer, endpoints, options)
	if err != nil {
		return nil, err
	}
	return &Dealer{Socket: s, Sender: Sender{s}, Receiver: Receiver{s}}, nil
}
