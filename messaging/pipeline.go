package messaging

import "github.com/mittere/mittere/comm"

// Push sends each message to one of its peers, in turn.
type Push struct {
	Socket
	Sender
}

// NewPush returns a push socket at these endpoints, to which it connects.
func NewPush(ctx *comm.Context, endpoints string, options ...Option) (*Push, error) {
	push, err := comm.NewPush(ctx, endpoints, configOf(options).socket...)
	if err != nil {
		return nil, FromComm(err)
	}
	return &Push{Socket: Socket{s: push.Socket}, Sender: newSender(push.Send)}, nil
}

// Pull receives what its peers push, from each in turn.
type Pull struct {
	Socket
	Receiver
}

// NewPull returns a pull socket at these endpoints, which it binds.
func NewPull(ctx *comm.Context, endpoints string, options ...Option) (*Pull, error) {
	c := configOf(options)
	pull, err := comm.NewPull(ctx, endpoints, c.socket...)
	if err != nil {
		return nil, FromComm(err)
	}
	p := &Pull{Socket: Socket{s: pull.Socket}}
	p.Receiver = Receiver{newInbox(&p.Socket, pull.Receiver, c)}
	return p, nil
}
