package native

import "syscall"

// errnoOf returns the number of an error as other systems have it: sockets of Windows
// have numbers of their own.
func errnoOf(err syscall.Errno) syscall.Errno {
	switch err {
	case 10013:
		return syscall.EACCES
	case 10048:
		return syscall.EADDRINUSE
	case 10049:
		return syscall.EADDRNOTAVAIL
	case 10053, syscall.WSAECONNRESET:
		return syscall.ECONNRESET
	case 10061:
		return syscall.ECONNREFUSED
	default:
		return err
	}
}
