//go:build unix

package native

import (
	"io"
	"net"
	"syscall"
)

// rawConn returns the descriptor of a connection, which does not block.
func rawConn(c net.Conn) syscall.RawConn {
	s, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// attempt is a write that does not wait. It is made once for a connection, so that none
// costs an allocation.
type attempt struct {
	b   []byte
	n   int
	err error
	do  func(fd uintptr) bool
}

func (a *attempt) init() { a.do = a.try }

// write writes as much of b as the system takes at once.
func (a *attempt) write(raw syscall.RawConn, b []byte) (n int, err error) {
	a.b = b
	err = raw.Write(a.do)
	a.b = nil
	if err == nil {
		err = a.err
	}
	if err != nil {
		return 0, err
	}
	return a.n, nil
}

func (a *attempt) try(fd uintptr) bool {
	for {
		a.n, a.err = syscall.Write(int(fd), a.b)
		switch a.err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			a.n, a.err = 0, nil
		}
		return true
	}
}

// wait reads when there is something to read. Until then the reader has no memory.
func (r *reader) wait() (n int, err error) {
	failed := r.conn.raw.Read(r.ready)
	if failed != nil {
		return 0, failed
	}
	return r.n, r.err
}

// tryRead reads if there is something to read.
func (r *reader) tryRead(fd uintptr) bool {
	r.take()
	for {
		r.n, r.err = syscall.Read(int(fd), r.free())
		switch {
		case r.err == syscall.EINTR:
			continue
		case r.err == syscall.EAGAIN:
			r.giveBack()
			return false
		case r.err == nil && r.n == 0:
			r.err = io.EOF
		case r.err != nil:
			r.n = 0
		}
		return true
	}
}
