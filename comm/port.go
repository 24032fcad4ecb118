package comm

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	zmq "github.com/pebbe/zmq4"
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

// give hands the listening descriptor to a socket of libzmq, which closes it.
func (p *Port) give(z *zmq.Socket) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return zmq.EADDRNOTAVAIL
	}
	fd, err := p.descriptor()
	if err != nil {
		return err
	}
	err = errors.Join(z.SetIpv6(p.address.IP.To4() == nil), z.SetUseFd(fd))
	if err == nil {
		err = z.Bind(p.Endpoint())
	}
	// A second bind with the same descriptor would end the process.
	if reset := z.SetUseFd(-1); reset != nil {
		err = errors.Join(err, reset)
	}
	if err != nil {
		return errors.Join(err, syscall.Close(fd))
	}
	closing := p.listener.Close()
	p.listener = nil
	return closing
}

// descriptor returns a copy of the listener's descriptor.
func (p *Port) descriptor() (fd int, err error) {
	raw, err := p.listener.SyscallConn()
	if err != nil {
		return -1, err
	}
	control := raw.Control(func(original uintptr) { fd, err = duplicate(int(original)) })
	return fd, errors.Join(control, err)
}

// String returns the endpoint.
func (p *Port) String() string { return fmt.Sprintf("port %d", p.Number()) }
