//go:build !windows

package native

import "syscall"

// errnoOf returns the number of an error.
func errnoOf(err syscall.Errno) syscall.Errno { return err }
