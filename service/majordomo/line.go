package majordomo

import (
	"crypto/rand"
	"slices"

	"github.com/mittere/mittere/comm"
)

// line is one connection of a client. It belongs to one request at a time.
type line struct {
	zctx     *comm.Context
	endpoint string
	options  []comm.Option
	id       string       // with which the routing ids of its sockets begin; empty if they have none
	dealer   *comm.Dealer // nil while it is not needed
}

// socket returns the socket, a new one if there is none.
func (l *line) socket() (*comm.Dealer, error) {
	if l.dealer != nil {
		return l.dealer, nil
	}
	options := l.options
	if l.id != "" {
		options = append(slices.Clip(options), comm.WithRoutingID(l.id+"-"+rand.Text()[:suffixSize]))
	}
	dealer, err := comm.NewDealer(l.zctx, l.endpoint, options...)
	if err != nil {
		return nil, err
	}
	l.dealer = dealer
	return dealer, nil
}

// close closes the socket, and with it the way of all that is still to come.
func (l *line) close() error {
	if l.dealer == nil {
		return nil
	}
	dealer := l.dealer
	l.dealer = nil
	return dealer.Close()
}
