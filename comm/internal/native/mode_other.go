//go:build !unix

package native

import (
	"os"
	"syscall"
)

// restrict does nothing: here a socket has no mode before it has a path.
func restrict(os.FileMode) func(network, address string, c syscall.RawConn) error { return nil }
