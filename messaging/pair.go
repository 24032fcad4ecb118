package messaging

import "github.com/mittere/mittere/comm"

// Pair talks with exactly one peer.
type Pair struct {
	Socket
	Sender
	Receiver
}

// NewPair returns a pair socket at these endpoints, to which it connects.
func NewPair(ctx *comm.Context, endpoints string, options ...Option) (*Pair, error) {
	c := configOf(options)
	pair, err := comm.NewPair(ctx, endpoints, c.socket...)
	if err != nil {
		return nil, FromComm(err)
	}
	p := &Pair{Socket: Socket{s: pair.Socket}, Sender: newSender(pair.Send)}
	in := newInbox(&p.Socket, pair.Receiver, c)
	in.back = &p.Sender
	p.Receiver = Receiver{in}
	return p, nil
}
