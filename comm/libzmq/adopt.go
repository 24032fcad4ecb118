//go:build cgo

package libzmq

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// Adopt has libzmq listen on a copy of the listener's descriptor.
func (s *socket) Adopt(l *net.TCPListener) error {
	return s.withOpen("bind", func() error {
		defer s.settle()
		address := l.Addr().(*net.TCPAddr)
		if err := s.adopt(l, address); err != nil {
			return translate("bind", "tcp://"+address.String(), err)
		}
		return s.noteBound()
	})
}

// adopt gives libzmq the descriptor, which it closes, and closes the listener's own.
func (s *socket) adopt(l *net.TCPListener, address *net.TCPAddr) error {
	fd, err := descriptor(l)
	if err != nil {
		return err
	}
	err = errors.Join(s.z.SetIpv6(address.IP.To4() == nil), s.z.SetUseFd(fd))
	if err == nil {
		err = s.z.Bind("tcp://" + address.String())
	}
	// A second bind with the same descriptor would end the process.
	if reset := s.z.SetUseFd(-1); reset != nil {
		err = errors.Join(err, reset)
	}
	if err != nil {
		return errors.Join(err, syscall.Close(fd))
	}
	return l.Close()
}

// descriptor returns a copy of a listener's descriptor.
func descriptor(l *net.TCPListener) (fd int, err error) {
	raw, err := l.SyscallConn()
	if err != nil {
		return -1, err
	}
	control := raw.Control(func(original uintptr) { fd, err = duplicate(int(original)) })
	return fd, errors.Join(control, err)
}

// duplicate returns a copy of a descriptor that no child process inherits: the
// lock keeps a fork from happening between the two calls.
func duplicate(fd int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	copied, err := syscall.Dup(fd)
	if err != nil {
		return -1, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(copied)
	return copied, nil
}
