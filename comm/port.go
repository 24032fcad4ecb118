package comm

import (
	"fmt"
	"net"
	"sync"

	"github.com/mittere/mittere/comm/internal/engine"
)

// Port is a free TCP port of this host that is held, listening, from the moment
// it is acquired: nobody else can take it before it is used. It follows
// dīvidere's PortManager, whose ports could be lost in between.
type Port struct {
	mu       sync.Mutex
	listener *net.TCPListener // nil once given away or closed
	address  *net.TCPAddr
}

// AcquirePort acquires a free port at a host's address; "" is the loopback
// interface. It must be used with [Socket.BindPort] or closed.
func AcquirePort(host string) (*Port, error) {
	if host == "" {
		host = "127.0.0.1"
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, &Error{Op: "acquire port", Reason: AddressUnavailable, Detail: host, Cause: err}
	}
	return &Port{listener: listener.(*net.TCPListener), address: listener.Addr().(*net.TCPAddr)}, nil
}

// Number returns the port's number.
func (p *Port) Number() int { return p.address.Port }

// Endpoint returns where peers connect to, such as "tcp://127.0.0.1:40123".
func (p *Port) Endpoint() string { return "tcp://" + p.address.String() }

// Close gives up the port, unless a socket has it. Closing again does nothing.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return nil
	}
	err := p.listener.Close()
	p.listener = nil
	return err
}

// give hands the listener to a socket.
func (p *Port) give(s engine.Socket) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return &Error{Op: "bind", Reason: AddressUnavailable, Detail: p.Endpoint()}
	}
	if err := s.Adopt(p.listener); err != nil {
		return err
	}
	p.listener = nil
	return nil
}

// String returns the endpoint.
func (p *Port) String() string { return fmt.Sprintf("port %d", p.Number()) }
