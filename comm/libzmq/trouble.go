//go:build cgo

package libzmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
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
	unseen  trouble // the latest failure that WaitFailure has not told
}

// failed tells all who wait. A failure is kept for who asks later: libzmq does not try
// again where a peer is of another kind, so that it would be the last one.
func (t *troubles) failed(endpoint string, how how) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if how != lost {
		t.unseen = trouble{endpoint, how}
	}
	for c := range t.waiting {
		select {
		case c <- trouble{endpoint, how}:
		default: // it is busy with another
		}
	}
}

// recovered notes that a connection to an endpoint is ready.
func (t *troubles) recovered(endpoint string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.unseen.endpoint == endpoint {
		t.unseen = trouble{}
	}
}

// awaitFailure waits for a failure, or returns one that nobody was told.
func (t *troubles) awaitFailure(ctx context.Context, done <-chan struct{}) (trouble, error) {
	c := t.enter()
	defer t.leave(c)
	if f := t.takeUnseen(); f.how != fine {
		return f, nil
	}
	f, err := await(ctx, c, done, func(f trouble) bool { return f.how != lost })
	if err == nil {
		t.takeUnseen()
	}
	return f, err
}

// takeUnseen returns the failure that nobody was told, if there is one.
func (t *troubles) takeUnseen() trouble {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.unseen
	t.unseen = trouble{}
	return f
}

// awaitTrouble waits for a trouble at an endpoint.
func (t *troubles) awaitTrouble(ctx context.Context, done <-chan struct{}, endpoint string) error {
	c := t.enter()
	defer t.leave(c)
	_, err := await(ctx, c, done, func(f trouble) bool { return f.endpoint == endpoint })
	return err
}

// await waits for a trouble that is wanted.
func await(ctx context.Context, c <-chan trouble, done <-chan struct{}, wanted func(trouble) bool) (trouble, error) {
	for {
		select {
		case f := <-c:
			if wanted(f) {
				return f, nil
			}
		case <-done:
			return trouble{}, &engine.Error{Op: "wait for a failure", Reason: engine.Closed}
		case <-ctx.Done():
			return trouble{}, engine.ContextEnded(ctx, "wait for a failure")
		}
	}
}

func (t *troubles) enter() chan trouble {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting == nil {
		t.waiting = map[chan trouble]struct{}{}
	}
	c := make(chan trouble, 16)
	t.waiting[c] = struct{}{}
	return c
}

func (t *troubles) leave(c chan trouble) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting, c)
}

// diagnosis bounds the time in which it is found out why a connection failed.
const diagnosis = time.Second

// WaitFailure waits until a connection that the socket tries to make fails, and returns
// why as far as is known: [engine.ConnectionRefused], [engine.HostUnknown], [engine.Unroutable] or [engine.Foreign].
// It returns at once if one failed before that no call has told, and was not made since.
// libzmq goes on trying. libzmq itself does not tell why, so that another connection is
// tried once, and closed at once if it succeeds after all. Other errors are that ctx
// ended, and [engine.Closed].
func (s *socket) WaitFailure(ctx context.Context) error {
	for {
		f, err := s.connections.awaitFailure(ctx, s.done)
		if err != nil {
			return err
		}
		if err := s.diagnose(ctx, f); err != nil {
			return err
		}
	}
}

// diagnose returns why a connection failed, nil if it would not any more.
func (s *socket) diagnose(ctx context.Context, f trouble) error {
	const op = "connect"
	switch f.how {
	case hostUnknown:
		return &engine.Error{Op: op, Reason: engine.HostUnknown, Detail: f.endpoint, Cause: s.lookupError(f.endpoint)}
	case foreign:
		return &engine.Error{Op: op, Reason: engine.Foreign, Detail: f.endpoint}
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
	return &engine.Error{Op: op, Reason: connectReason(err), Detail: f.endpoint, Cause: innermost(err)}
}

// lookupError returns why the name in an endpoint cannot be looked up.
func (s *socket) lookupError(endpoint string) error {
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
func connectReason(err error) engine.Reason {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT): // of ipc, there is no file
		return engine.ConnectionRefused
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return engine.PermissionDenied
	default:
		return engine.Unroutable
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
