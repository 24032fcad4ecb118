package comm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

// how says what went wrong with a connection.
type how uint8

const (
	fine        how = iota
	hostUnknown     // the name of the host could not be looked up
	unconnected     // nobody accepted it
	foreign         // it ended before a handshake
	lost            // it ended
)

// trouble is something that went wrong with a connection from this side.
type trouble struct {
	endpoint string // as libzmq was told it, or as it was given if it was not
	how      how
}

// troubles tells of the connections from this side that fail or end. It has a lock of
// its own, so that waiting for it needs no other.
type troubles struct {
	mu      sync.Mutex
	waiting map[chan trouble]struct{}
}

// failed tells all who wait.
func (t *troubles) failed(endpoint string, how how) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.waiting {
		select {
		case c <- trouble{endpoint, how}:
		default: // it is busy with another
		}
	}
}

// awaitTrouble waits for a trouble that is wanted.
func (t *troubles) awaitTrouble(ctx context.Context, done <-chan struct{}, wanted func(trouble) bool) (trouble, error) {
	c := make(chan trouble, 16)
	t.enter(c)
	defer t.leave(c)
	for {
		select {
		case f := <-c:
			if wanted(f) {
				return f, nil
			}
		case <-done:
			return trouble{}, &Error{Op: "wait for a failure", Reason: Closed}
		case <-ctx.Done():
			return trouble{}, ended(ctx, "wait for a failure")
		}
	}
}

func (t *troubles) enter(c chan trouble) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting == nil {
		t.waiting = map[chan trouble]struct{}{}
	}
	t.waiting[c] = struct{}{}
}

func (t *troubles) leave(c chan trouble) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting, c)
}

// diagnosis bounds the time in which it is found out why a connection failed.
const diagnosis = time.Second

// WaitFailure waits until a connection that the socket tries to make fails, and returns
// why as far as is known: [ConnectionRefused], [HostUnknown], [Unroutable] or [Foreign].
// libzmq goes on trying. libzmq itself does not tell why, so that another connection is
// tried once, and closed at once if it succeeds after all. Other errors are that ctx
// ended, and [Closed].
func (s *Socket) WaitFailure(ctx context.Context) error {
	for {
		f, err := s.connections.awaitTrouble(ctx, s.done, func(f trouble) bool { return f.how != lost })
		if err != nil {
			return err
		}
		if err := s.diagnose(ctx, f); err != nil {
			return err
		}
	}
}

// diagnose returns why a connection failed, nil if it would not any more.
func (s *Socket) diagnose(ctx context.Context, f trouble) error {
	const op = "connect"
	switch f.how {
	case hostUnknown:
		return &Error{Op: op, Reason: HostUnknown, Detail: f.endpoint, Cause: s.lookupError(f.endpoint)}
	case foreign:
		return &Error{Op: op, Reason: Foreign, Detail: f.endpoint}
	}
	network, address, _ := strings.Cut(f.endpoint, "://")
	if network == "ipc" {
		network = "unix"
	}
	dialer := net.Dialer{Timeout: diagnosis}
	conn, err := dialer.DialContext(ctx, network, address)
	if err == nil {
		_ = conn.Close()
		return nil
	}
	return &Error{Op: op, Reason: connectReason(err), Detail: f.endpoint, Cause: innermost(err)}
}

// lookupError returns why the name in an endpoint cannot be looked up.
func (s *Socket) lookupError(endpoint string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lookups {
		if l.endpoint == endpoint {
			return l.wrong
		}
	}
	return nil
}

// connectReason maps an error of a connection to a reason.
func connectReason(err error) Reason {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT): // of ipc, there is no file
		return ConnectionRefused
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return PermissionDenied
	default:
		return Unroutable
	}
}

// innermost returns the system's own error, without the addresses that those around it
// repeat.
func innermost(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("nothing came back within %v", diagnosis)
	}
	return err
}
