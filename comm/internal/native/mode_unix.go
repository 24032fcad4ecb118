//go:build unix

package native

import (
	"os"
	"syscall"
)

// restrict gives a socket its mode before it has a path. Linux makes the file with it, so
// that nobody else can connect at any moment.
func restrict(mode os.FileMode) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), uint32(mode.Perm())) })
	}
}
