package service

import (
	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/reactor"
)

// Server serves handlers under a name: it listens, registers, answers what every
// service answers about itself, and drains when it stops. Run may be called once;
// all other methods may be called by any number of goroutines at once. It follows
// dīvidere's service.Service.
type Server struct{ core }

// NewServer returns a server of handlers under a name, which listens; it serves
// when it runs, and must be closed. An empty name is that of [WithName], or else the
// full name of the first service among the handlers' methods. A name has 1 to 255 bytes
// of UTF-8 without control characters or slashes; those that begin with "mmi." or "mittere.v1." are
// taken.
func NewServer(zmq *comm.Context, name string, handlers *reactor.Handlers, options ...ServerOption) (*Server, error) {
	s := new(Server)
	if err := s.setUp(zmq, name, "", handlers, options); err != nil {
		return nil, err
	}
	return s, nil
}
