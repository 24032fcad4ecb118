//go:build cgo

package libzmq

import (
	"errors"
	"syscall"

	zmq "github.com/pebbe/zmq4"

	"github.com/mittere/mittere/comm/internal/engine"
)

// translate makes an error of libzmq one of comm.
func translate(op, detail string, err error) error {
	if err == nil {
		return nil
	}
	return &engine.Error{Op: op, Reason: reasonOf(err), Detail: detail, Cause: err}
}

// reasonOf maps an error of pebbe/zmq4 to a reason.
func reasonOf(err error) engine.Reason {
	if errors.Is(err, zmq.ErrorSocketClosed) || errors.Is(err, zmq.ErrorContextClosed) {
		return engine.Closed
	}
	switch errnoOf(err) {
	case zmq.ETERM, zmq.ENOTSOCK:
		return engine.Closed
	case zmq.Errno(syscall.EAGAIN):
		return engine.Full
	case zmq.EHOSTUNREACH:
		return engine.Unreachable
	case zmq.EADDRINUSE:
		return engine.AddressInUse
	case zmq.EADDRNOTAVAIL, zmq.Errno(syscall.ENODEV), zmq.Errno(syscall.ENOENT):
		return engine.AddressUnavailable
	case zmq.Errno(syscall.EACCES), zmq.Errno(syscall.EPERM), zmq.Errno(syscall.EROFS):
		return engine.PermissionDenied
	case zmq.EMSGSIZE:
		return engine.TooLarge
	case zmq.Errno(syscall.EINVAL), zmq.EPROTONOSUPPORT, zmq.ENOCOMPATPROTO, zmq.Errno(syscall.ENAMETOOLONG):
		return engine.Invalid
	default:
		return engine.Internal
	}
}

// errnoOf returns the error number in err, also if it is joined with others.
func errnoOf(err error) zmq.Errno {
	if errno, ok := errors.AsType[zmq.Errno](err); ok {
		return errno
	}
	errno, _ := errors.AsType[syscall.Errno](err)
	return zmq.Errno(errno)
}

// refused reports whether libzmq could not carry out a call without waiting.
func refused(err error) bool {
	return err != nil && zmq.AsErrno(err) == zmq.Errno(syscall.EAGAIN)
}
