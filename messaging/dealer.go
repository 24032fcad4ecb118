package messaging

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
)

// Dealer sends to its peers in turn and receives from all of them, without any
// order between the two. It follows dīvidere's messaging.Dealer.
type Dealer struct {
	Socket
	Sender
	Receiver
}

// NewDealer returns a dealer at these endpoints, to which it connects.
func NewDealer(ctx *comm.Context, endpoints string, options ...Option) (*Dealer, error) {
	c := configOf(options)
	deal, err := comm.NewDealer(ctx, endpoints, c.socket...)
	if err != nil {
		return nil, FromComm(err)
	}
	d := &Dealer{Socket: Socket{s: deal.Socket}, Sender: newSender(deal.Send)}
	d.Receiver = Receiver{newRoutedInbox(&d.Socket, deal.Receiver, c, d.Sender)}
	return d, nil
}

// SendTo sends a message with a route in front: [Delimiter] to a REP, or the
// Route of a delivery to whom that came from. It waits like Send.
func (d *Dealer) SendTo(ctx context.Context, route Route, m proto.Message, options ...SendOption) error {
	return d.sendTo(ctx, route, m, options)
}
