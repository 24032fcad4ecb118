//go:build cgo

package libzmq

import (
	zmq "github.com/pebbe/zmq4"

	"github.com/mittere/mittere/comm/internal/engine"
)

// trait is what a pattern is in libzmq.
type trait struct {
	zmq zmq.Type
	// addresses says that each message has its own peers, so that libzmq always
	// reports POLLOUT and the event tells nothing about room.
	addresses bool
}

// traits is the one table of patterns.
var traits = [...]trait{
	engine.Pub:    {zmq: zmq.XPUB, addresses: true},
	engine.Sub:    {zmq: zmq.SUB},
	engine.XPub:   {zmq: zmq.XPUB, addresses: true},
	engine.XSub:   {zmq: zmq.XSUB},
	engine.Dealer: {zmq: zmq.DEALER},
	engine.Router: {zmq: zmq.ROUTER, addresses: true},
	engine.Push:   {zmq: zmq.PUSH},
	engine.Pull:   {zmq: zmq.PULL},
	engine.Pair:   {zmq: zmq.PAIR},
}

// trait returns the socket's row of the table.
func (s *socket) trait() trait { return traits[s.config.Pattern] }
