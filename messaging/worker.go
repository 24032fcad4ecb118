package messaging

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/broadcast"
)

// Worker receives the commands of one broker, to which it connects, and answers
// them: what a [Server] is to clients that call it directly. Each delivery has its
// Command set, and Wrong if what arrived is none. It follows RFC 7's worker socket,
// a DEALER.
//
// It has one connection at a time, which [Worker.HangUp] ends and [Worker.Dial]
// begins anew, on a new ZeroMQ socket: what still waits in the old one, on its way
// in or out, is never taken for a part of a later message. The deliveries of a
// connection have a Peer of their own, and what goes back to it goes there or
// nowhere: sending is an error of which [IsUnreachable] is true once it has ended.
//
// Sending waits, as on a [Dealer], while the connection is not there or has no room.
// Recv may be called by one goroutine at a time, all other methods by any number at
// once.
type Worker struct {
	context  *comm.Context
	endpoint string
	socket   []comm.Option

	mu      sync.Mutex // guards what follows
	line    *line      // nil while there is none
	dialled uint64     // how many there were
	frame   int        // bytes that one may have on a connection of which no more is known
	changed broadcast.Signal
	closed  bool
}

// NewWorker returns a worker that is connected to a broker's endpoint. The broker may
// come later.
func NewWorker(ctx *comm.Context, endpoint string, options ...Option) (*Worker, error) {
	if strings.Contains(endpoint, ",") {
		return nil, Errorf(InvalidArgument, "worker at %s: want one endpoint; a worker has one broker", endpoint)
	}
	c := configOf(options)
	w := &Worker{context: ctx, endpoint: strings.TrimPrefix(endpoint, ">"), socket: c.socket}
	if err := w.Dial(); err != nil {
		return nil, err
	}
	return w, nil
}

// Dial begins a connection in place of the one that there is.
func (w *Worker) Dial() error {
	dealer, err := comm.NewDealer(w.context, ">"+w.endpoint, w.socket...)
	if err != nil {
		return FromComm(err)
	}
	return w.change(func() error {
		if w.closed {
			return errors.Join(errClosed(), FromComm(dealer.Close()))
		}
		old := w.line
		w.dialled++
		w.frame = dealer.MaxFrameSize()
		w.line = newLine(dealer, strconv.FormatUint(w.dialled, 10))
		return old.close()
	})
}

// HangUp ends the connection, if there is one. Messages sent on it are still delivered,
// for as long as the socket lingers; see [comm.WithLinger].
func (w *Worker) HangUp() error {
	return w.change(func() error {
		old := w.line
		w.line = nil
		return old.close()
	})
}

// Close ends the connection, and Recv with net.ErrClosed. Closing again does nothing.
func (w *Worker) Close() error {
	return w.change(func() error {
		old := w.line
		w.line, w.closed = nil, true
		return old.close()
	})
}

// change changes the connection, and wakes the goroutines that wait for one.
func (w *Worker) change(f func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.changed.Notify()
	return f()
}

// errClosed is the error of what is done on a closed worker.
func errClosed() error { return FromComm(&comm.Error{Op: "receive", Reason: comm.Closed}) }

// current returns the connection, nil if there is none, and what tells of a change.
func (w *Worker) current() (l *line, changed <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		err = errClosed()
	}
	return w.line, w.changed.Changed(), err
}

// Recv waits for a message of the connection, or of the one that comes after it, until
// ctx ends. A message that is no command is delivered too: its sender has to be told,
// or left.
func (w *Worker) Recv(ctx context.Context) (*Delivery, error) {
	for {
		if ctx.Err() != nil { // also if a message is there
			return nil, ended(ctx)
		}
		l, changed, err := w.current()
		switch {
		case err != nil:
			return nil, err
		case l == nil:
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		d, err := l.recv(ctx)
		if d == nil && l.hungUp() {
			continue
		}
		return d, err
	}
}

// ReturnPath returns the way to the broker, by the connection that there is now. Its
// Peer is that of the messages received there.
func (w *Worker) ReturnPath() ReturnPath {
	l, _, _ := w.current()
	if l == nil {
		return ReturnPath{}
	}
	return l.path()
}

// WaitDisconnect waits until the connection that there is now has ended; see
// [comm.Socket.WaitDisconnect]. While there is none it returns at once.
func (w *Worker) WaitDisconnect(ctx context.Context) error {
	l, _, err := w.current()
	if l == nil {
		return err
	}
	return l.waitDisconnect(ctx)
}

// WaitFailure waits until the connection that there is now cannot be made, and returns
// why; see [comm.Socket.WaitFailure]. While there is none it returns nil at once.
func (w *Worker) WaitFailure(ctx context.Context) error {
	l, _, err := w.current()
	if l == nil {
		return err
	}
	return FromComm(l.dealer.WaitFailure(ctx))
}

// LimitFrames sets how many bytes the broker takes in a frame of this connection: a
// longer one would end it, and is refused with [ResourceExhausted] instead. 0 is what
// the socket itself allows.
func (w *Worker) LimitFrames(bytes uint64) {
	if l, _, _ := w.current(); l != nil {
		l.limitFrames(bytes)
	}
}

// MaxFrameSize returns how many bytes a frame may have; see [Worker.LimitFrames].
func (w *Worker) MaxFrameSize() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.line == nil {
		return w.frame
	}
	return int(w.line.frame.Load())
}

// Endpoint returns where the broker is.
func (w *Worker) Endpoint() string { return w.endpoint }

// String returns the kind and the broker's endpoint, for logs.
func (w *Worker) String() string { return "worker at " + w.endpoint }
