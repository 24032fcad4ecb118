package native

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"github.com/mittere/mittere/comm/internal/engine"
)

// failures tells of connections from this side that cannot be made.
type failures struct {
	mu     sync.Mutex
	unseen *engine.Error // the latest that no call was told of
	added  broadcast
}

// add tells of a failure. It is kept for who asks later.
func (f *failures) add(err *engine.Error) {
	f.mu.Lock()
	f.unseen = err
	f.mu.Unlock()
	f.added.fire()
}

// recovered notes that a connection to an endpoint was made.
func (f *failures) recovered(endpoint string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unseen != nil && f.unseen.Detail == endpoint {
		f.unseen = nil
	}
}

// take returns the failure that no call was told of, nil if there is none.
func (f *failures) take() *engine.Error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.unseen
	f.unseen = nil
	return err
}

func (s *socket) WaitFailure(ctx context.Context) error {
	const op = "wait for a failure"
	for {
		added := s.failures.added.next()
		if err := s.failures.take(); err != nil {
			return err
		}
		select {
		case <-added:
		case <-s.done:
			return closedError(op)
		case <-ctx.Done():
			return engine.ContextEnded(ctx, op)
		}
	}
}

func (s *socket) WaitDisconnect(ctx context.Context, seen uint64) (uint64, error) {
	const op = "wait for a disconnect"
	for {
		next := s.ends.next()
		select {
		case <-s.done:
			return s.counters.Disconnects.Load(), closedError(op)
		default:
		}
		if n := s.counters.Disconnects.Load(); n > seen {
			return n, nil
		}
		select {
		case <-next:
		case <-s.done:
		case <-ctx.Done():
			return seen, engine.ContextEnded(ctx, op)
		}
	}
}

// dialError returns why a connection was not made.
func dialError(endpoint string, err error) *engine.Error {
	e := &engine.Error{Op: "connect", Detail: endpoint, Reason: engine.Unroutable, Cause: innermost(err)}
	var unknown *net.DNSError
	if errors.As(err, &unknown) {
		e.Reason, e.Cause = engine.HostUnknown, lookupError(unknown)
		return e
	}
	switch errno(err) {
	case syscall.ECONNREFUSED, syscall.ENOENT: // of ipc, there is no file
		e.Reason = engine.ConnectionRefused
	case syscall.EACCES, syscall.EPERM:
		e.Reason = engine.PermissionDenied
	}
	return e
}

// errno returns the system's number of an error, 0 if it has none.
func errno(err error) syscall.Errno {
	number, _ := errors.AsType[syscall.Errno](err)
	return errnoOf(number)
}

// lookupError returns why a name was not looked up, nil if there is no such name.
func lookupError(err *net.DNSError) error {
	switch {
	case err.IsNotFound:
		return nil
	case err.IsTimeout:
		return errors.New("the look-up was not answered")
	default:
		return err
	}
}

// innermost returns the system's own error, without the addresses that those around it
// repeat.
func innermost(err error) error {
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("nothing came back within %v", dialTime)
	}
	return err
}

// bindError returns why an endpoint was not bound.
func bindError(endpoint string, err error) *engine.Error {
	e := &engine.Error{Op: "bind", Detail: endpoint, Cause: err}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		e.Reason, e.Cause = bindReason(errnoOf(number)), number
	}
	if reason, ok := errors.AsType[engine.Reason](err); ok {
		e.Reason = reason
	}
	return e
}

func bindReason(errno syscall.Errno) engine.Reason {
	switch errno {
	case syscall.EADDRINUSE:
		return engine.AddressInUse
	case syscall.EADDRNOTAVAIL, syscall.ENODEV, syscall.ENOENT, syscall.ENOTDIR:
		return engine.AddressUnavailable
	case syscall.EACCES, syscall.EPERM, syscall.EROFS:
		return engine.PermissionDenied
	case syscall.EINVAL, syscall.ENAMETOOLONG:
		return engine.Invalid
	default:
		return engine.Internal
	}
}
