//go:build cgo

package libzmq

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"

	zmq "github.com/pebbe/zmq4"

	"github.com/mittere/mittere/comm/internal/engine"
)

// named reports whether an endpoint is a name within one context.
func named(e engine.Endpoint) bool { return e.Transport == engine.Inproc }

// ipv6 reports whether an endpoint is an address of IPv6.
func ipv6(e engine.Endpoint) bool {
	return e.Transport == engine.TCP && strings.HasPrefix(e.Address, "[")
}

// Attach binds or connects to an endpoint.
func (s *socket) Attach(e engine.Endpoint) error {
	if err := s.withOpen(opOf(e), func() error { return s.attach(e) }); err != nil {
		return err
	}
	s.ctx.redial(e)
	return nil
}

// opOf returns what errors call it.
func opOf(e engine.Endpoint) string {
	if e.Binds {
		return "bind"
	}
	return "connect"
}

// attach is Attach under the lock, without the sockets that wait for an inproc name.
func (s *socket) attach(e engine.Endpoint) error {
	if host, port, ok := hostName(e); ok {
		s.follow(e, host, port)
		return nil
	}
	op := opOf(e)
	if err := s.z.SetIpv6(ipv6(e)); err != nil {
		return translate(op, e.String(), err)
	}
	err := withSpareDescriptor(func() error { return s.bindOrConnect(e) })
	defer s.settle()
	switch {
	case refused(err): // libzmq's words for a host that it cannot look up
		return &engine.Error{Op: op, Reason: engine.AddressUnavailable, Detail: e.String(), Cause: err}
	case e.Binds && errnoOf(err) == zmq.Errno(syscall.ENODEV):
		return &engine.Error{Op: op, Reason: engine.AddressUnavailable, Detail: e.String(), Cause: errNoInterface}
	case err != nil:
		return translate(op, e.String(), err)
	case !e.Binds:
		return nil
	case named(e):
		s.bound = append(s.bound, e.String())
		return nil
	default:
		return s.noteBound()
	}
}

// errNoInterface is why a name cannot be bound.
var errNoInterface = errors.New("the host is neither an address nor a network interface of this machine, and names of hosts are not looked up to bind")

// bindOrConnect is what attach asks of libzmq. The name that a monitor connects to
// was bound by libzmq itself.
func (s *socket) bindOrConnect(e engine.Endpoint) error {
	inTable := named(e) && s.watched == nil
	switch {
	case inTable && e.Binds:
		return s.ctx.names.bind(s, e.String())
	case inTable:
		return s.ctx.names.connect(s, e.String())
	case e.Binds:
		return s.z.Bind(e.String())
	default:
		return s.z.Connect(e.String())
	}
}

// noteBound remembers the endpoint that was bound last, as libzmq resolved it.
func (s *socket) noteBound() error {
	address, err := s.z.GetLastEndpoint()
	if err != nil {
		return translate("bind", "", err)
	}
	s.bound = append(s.bound, address)
	return s.restrict(address)
}

// restrict gives the file of an ipc endpoint its mode. A name in the abstract namespace,
// which begins with @, has no file.
func (s *socket) restrict(address string) error {
	path, ipc := strings.CutPrefix(address, "ipc://")
	if !ipc || strings.HasPrefix(path, "@") {
		return nil
	}
	if err := os.Chmod(path, s.config.IPCMode); err != nil {
		return translate("bind", address, err)
	}
	return nil
}

// Endpoints returns what the socket is bound to.
func (s *socket) Endpoints() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bound)
}

// Unbind ends a bind and the connections that were accepted there.
func (s *socket) Unbind(endpoint string) error { return s.detach("unbind", endpoint, s.z.Unbind) }

// Disconnect ends all connections to an endpoint.
func (s *socket) Disconnect(endpoint string) error {
	return s.detach("disconnect", endpoint, s.z.Disconnect)
}

// detach ends what was bound or connected at an endpoint: libzmq does not tell
// the two apart.
func (s *socket) detach(op, endpoint string, do func(string) error) error {
	return s.withOpen(op, func() error {
		defer s.settle()
		told, known := s.unfollow(endpoint)
		err := withSpareDescriptor(func() error {
			if known {
				return s.disconnectAll(told, do)
			}
			if strings.HasPrefix(endpoint, string(engine.Inproc)+"://") {
				return s.ctx.names.detach(s, endpoint, do)
			}
			return do(endpoint)
		})
		if err != nil {
			return translate(op, endpoint, err)
		}
		s.endConnections(endpoint)
		s.bound = slices.DeleteFunc(s.bound, func(b string) bool { return b == endpoint })
		return nil
	})
}

// disconnectAll disconnects from what libzmq was told for a name.
func (s *socket) disconnectAll(told []string, do func(string) error) error {
	var wrong []error
	for _, endpoint := range told {
		wrong = append(wrong, do(endpoint))
		s.endConnections(endpoint)
	}
	return errors.Join(wrong...)
}

// withSpareDescriptor calls f if the process has a descriptor left. libzmq needs
// one to look up an address, and ends the process if there is none.
func withSpareDescriptor(f func() error) error {
	spare, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	_ = syscall.Close(spare) // f needs it
	return f()
}
