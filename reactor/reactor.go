package reactor

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/mittere/mittere/internal/options"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/serving"
)

// Socket is what a reactor listens on: every receiving socket of messaging, and any type that
// embeds one. On a [messaging.Worker] it works for a broker, with which it keeps a session while
// it runs; see [WithOffer].
type Socket interface {
	// Recv waits for a message. An error without a delivery is about one message,
	// unless the socket is closed.
	Recv(context.Context) (*messaging.Delivery, error)
	// Traits says what the socket can do beside receiving.
	Traits() messaging.Traits
	// String names the socket in logs and errors.
	String() string
}

// Reactor calls a handler for each message that its sockets receive. Run may be
// called once; all other methods may be called by any number of goroutines at
// once.
type Reactor struct {
	road    *serving.Road
	started atomic.Bool
}

// New returns a reactor that does nothing until Run. It reports everything that
// is wrong with the handlers, the sockets and the options at once. The sockets
// stay the caller's, which closes them when Run has returned.
func New(handlers *Handlers, sockets []Socket, options ...Option) (*Reactor, error) {
	c := newConfig(options)
	offer := c.offered()
	if err := c.checkAll(handlers, sockets, offer); err != nil {
		return nil, messaging.Errorf(messaging.InvalidArgument, "reactor: %w", err)
	}
	listening := make([]serving.Socket, len(sockets))
	for i, socket := range sockets {
		listening[i] = socket
	}
	return &Reactor{road: serving.New(c.road(handlers, offer), listening)}, nil
}

// checkAll returns everything that is wrong with what a reactor is made of.
func (c *config) checkAll(handlers *Handlers, sockets []Socket, offer Offer) error {
	var all options.Checks
	all.Note(handlers.check()...)
	if wrong := checkSockets(sockets); len(wrong) > 0 {
		all.Note(wrong...)
	} else {
		all.Note(c.checkOffer(sockets, offer))
	}
	all.Note(c.checks.Err())
	return all.Err()
}

// checkSockets refuses a socket that is nil, or there twice: two readers would
// mix up the order of its messages.
func checkSockets(sockets []Socket) (wrong []error) {
	if len(sockets) == 0 {
		return []error{errors.New("no sockets to listen on")}
	}
	for i, socket := range sockets {
		switch v := reflect.ValueOf(socket); {
		case socket == nil || v.Kind() == reflect.Pointer && v.IsNil():
			wrong = append(wrong, fmt.Errorf("socket %d is nil", i))
		case v.Comparable() && slices.Contains(sockets[:i], socket):
			wrong = append(wrong, fmt.Errorf("socket %d, %v, is there twice", i, socket))
		}
	}
	return wrong
}

// Run calls the start hooks, then receives and handles messages until ctx ends
// or a socket is closed. Then it receives no more, handles what was received and
// sends what is in the outboxes, for the stop timeout; where calls run it still
// hears their callers, and refuses what is new. Then it cancels the
// handlers' contexts, refuses with code [messaging.Unavailable] what they have not
// begun, and returns when everything it started has ended. It returns nil if ctx
// ended and all handlers with it; otherwise it says why. It ends with code
// [messaging.AlreadyExists] if a broker gave the name of [Offer] to another worker, or with
// the broker's error if that will never accept the offer; see [Reactor.WaitJoined]. If handlers ignore the
// end of their contexts it returns a second later all the same, with an error
// with code [messaging.DeadlineExceeded].
func (r *Reactor) Run(ctx context.Context) error {
	if r.started.Swap(true) {
		return messaging.Errorf(messaging.FailedPrecondition, "reactor: Run was called before")
	}
	return r.road.Run(ctx)
}

// Drain makes the reactor take no further calls, tells its callers and brokers so, and
// waits until those that were taken have ended and their answers have been handed to
// the network, or ctx has ended. Those that come meanwhile are refused with code
// [messaging.Unavailable], but for those that a broker sent before it heard of this. Handlers
// of the [ControlPlane] go on, and so do sockets that receive no commands. A broker that is
// lost is not joined again. Messages kept for a peer that takes nothing for two seconds are
// dropped, and a stream to it ends.
func (r *Reactor) Drain(ctx context.Context) error { return r.road.Drain(ctx) }

// WaitJoined waits until the brokers of all [messaging.Worker] sockets have accepted what
// the reactor offers, until ctx ends. A broker has when the first heartbeat or request of
// a session comes: it may send one at once, and does within a heartbeat. Without such
// sockets it returns at once. An error says why a broker has not; it comes before ctx
// ends if Run has, as it does with the broker's error if that will never accept the
// offer: with code INVALID_ARGUMENT, PERMISSION_DENIED, UNIMPLEMENTED or
// FAILED_PRECONDITION, or with ALREADY_EXISTS.
func (r *Reactor) WaitJoined(ctx context.Context) error { return r.road.WaitJoined(ctx) }
