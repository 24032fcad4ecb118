//go:build !unix

package native

import (
	"net"
	"syscall"
)

// rawConn returns nil: here nothing can be tried without waiting. Reading keeps a small
// slab meanwhile, and a goroutine writes.
func rawConn(net.Conn) syscall.RawConn { return nil }

// attempt is a write that does not wait, which there is not.
type attempt struct{}

func (*attempt) init() {}

func (*attempt) write(syscall.RawConn, []byte) (int, error) { panic("native: cannot try to write") }

// wait reads when there is something to read.
func (r *reader) wait() (n int, err error) {
	r.take()
	return r.conn.Conn.Read(r.free())
}

// tryRead is not used.
func (r *reader) tryRead(uintptr) bool { return true }
