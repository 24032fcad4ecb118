package comm

import (
	"container/list"
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	zmq "github.com/pebbe/zmq4"
)

// How a goroutine waits for a socket without parking a thread.
//
// libzmq signals through a descriptor (ZMQ_FD) that is edge-triggered: it
// becomes readable when commands of other threads arrive in the socket's
// mailbox ("there is a message", "there is room again"), and any call on the
// socket may read the mailbox and so take the edge away from whoever waits for
// it, also a call that fails. Hence the rules, each marked below; the stress
// tests fail without any one of them:
//
//	rule 1: one waker per socket waits for edges, and settles on each.
//	rule 2: an operation that was carried out settles before it unlocks.
//	rule 3: an operation that was refused first enters the waiting list, then
//	        settles: if that finds room or a message after all, it wakes itself.
//	rule 4: settling that finds a message wakes a receiver, whoever settles.
//	rule 5: settling that finds room wakes a sender, whoever settles.
//	rule 6: a caller that gives up settles, since it may have been woken in the
//	        place of another.
//
// One caller is woken at a time. It settles when it is done and so wakes the
// next, as long as there is something to do.

// waitlist holds the callers that wait for one direction of a socket, in order
// of arrival. The socket's lock guards it. The zero value is empty.
type waitlist struct {
	callers list.List // of chan struct{}, closed to wake
}

// waiting is a caller's place in a waitlist.
type waiting = *list.Element

// enter adds a caller.
func (w *waitlist) enter() waiting { return w.callers.PushBack(make(chan struct{})) }

// leave takes a caller out, if it was not woken.
func (w *waitlist) leave(place waiting) { w.callers.Remove(place) }

// woken is closed when the caller is woken.
func woken(place waiting) <-chan struct{} { return place.Value.(chan struct{}) }

// wakeOne wakes the caller that waits longest.
func (w *waitlist) wakeOne() {
	if first := w.callers.Front(); first != nil {
		close(w.callers.Remove(first).(chan struct{}))
	}
}

// wakeAll wakes every caller.
func (w *waitlist) wakeAll() {
	for w.callers.Len() > 0 {
		w.wakeOne()
	}
}

// startWaker puts the socket's descriptor on Go's netpoller and starts the
// goroutine that waits there (rule 1). It ends when the file is closed.
func (s *Socket) startWaker() error {
	fd, err := s.z.GetFd()
	if err != nil {
		return err
	}
	copied, err := duplicate(fd)
	if err != nil {
		return err
	}
	if err := syscall.SetNonblock(copied, true); err != nil {
		return errors.Join(err, syscall.Close(copied))
	}
	file := os.NewFile(uintptr(copied), "zmq "+s.kind.String())
	edges, err := file.SyscallConn()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	s.file = file
	go func() {
		defer close(s.waking)
		// The error says that the file is closed, which is the way to end.
		_ = edges.Read(func(uintptr) bool { return s.edge() })
	}()
	return nil
}

// edge is called once at start and after each edge; true ends the waker.
func (s *Socket) edge() (done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return true
	}
	s.settle() // rule 1
	if s.kind.trait().addresses {
		s.senders.wakeAll()
	}
	return false
}

// settle empties the mailbox and passes on what it finds.
func (s *Socket) settle() {
	events := s.events()
	for events&zmq.POLLIN != 0 && s.absorb != nil {
		s.absorb()
		events = s.events()
	}
	if events&zmq.POLLIN != 0 {
		s.receivers.wakeOne() // rule 4
	}
	if events&zmq.POLLOUT != 0 && !s.kind.trait().addresses {
		s.senders.wakeOne() // rule 5
	}
}

// events empties the mailbox and says what can be done without waiting. An
// error, of a context that ends, makes callers try and see it themselves.
func (s *Socket) events() zmq.State {
	events, err := s.z.GetEvents()
	if err != nil && s.absorb == nil {
		return zmq.POLLIN | zmq.POLLOUT
	}
	return events
}

// operate calls try under the lock until it is not refused, waiting in line in
// between.
func (s *Socket) operate(ctx context.Context, op string, line *waitlist, try func() error) error {
	for {
		if ctx.Err() != nil {
			return ended(ctx, op)
		}
		place, err := s.attempt(op, line, try)
		if place == nil {
			return err
		}
		if err := s.wait(ctx, op, line, place); err != nil {
			return err
		}
	}
}

// attempt calls try once. If it is refused, the caller gets a place in line.
func (s *Socket) attempt(op string, line *waitlist, try func() error) (waiting, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, &Error{Op: op, Reason: Closed}
	}
	err := try()
	if !refused(err) {
		s.settle() // rule 2
		if s.kind.trait().addresses {
			s.senders.wakeAll()
		}
		return nil, err
	}
	place := line.enter()
	s.settle() // rule 3
	return place, nil
}

// wait returns nil when it is time to try again.
func (s *Socket) wait(ctx context.Context, op string, line *waitlist, place waiting) error {
	var again <-chan time.Time
	if line == &s.senders && s.kind.trait().addresses {
		timer := time.NewTimer(blindRetry)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-woken(place):
		return nil
	case <-again:
		s.giveUp(line, place)
		return nil
	case <-ctx.Done():
		s.giveUp(line, place)
		return ended(ctx, op)
	}
}

// blindRetry is when a sender that waits for room at one of many peers tries
// again although nothing woke it. For such sockets POLLOUT is always set, so
// that a refused sender cannot tell whether its own last call took the edge that
// announced room; if it did, this is what finds the room.
const blindRetry = 10 * time.Millisecond

// giveUp takes a caller out of line.
func (s *Socket) giveUp(line *waitlist, place waiting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line.leave(place)
	if !s.closed {
		s.settle() // rule 6
	}
}
