//go:build cgo

package libzmq

import (
	"container/list"
	"context"
	"time"

	zmq "github.com/pebbe/zmq4"

	"github.com/mittere/mittere/comm/internal/engine"
)

// How a goroutine waits for a socket without parking a thread.
//
// libzmq signals through a descriptor (ZMQ_FD) that is edge-triggered: it
// becomes readable when commands of other threads arrive in the socket's
// mailbox ("there is a message", "there is room again"), and any call on the
// socket may read the mailbox and so take the edge away from the goroutine that waits for
// it, also a call that fails. To settle is to read the mailbox, by asking for
// ZMQ_EVENTS, and to wake whom that concerns. Hence the rules, each marked below;
// the stress tests fail without any one of them:
//
//	rule 1: of the callers that wait, one leads: it waits for edges on Go's
//	        netpoller, and settles on each. The others wait to be woken. While
//	        no caller waits, a goroutine of the socket's own stands in.
//	rule 2: an operation that was carried out settles before it unlocks, if
//	        anybody waits.
//	rule 3: an operation that was refused first enters the waiting list. Then
//	        it settles, or leads if nobody does, which begins with settling: if
//	        that finds room or a message after all, it wakes itself.
//	rule 4: settling that finds a message wakes a receiver, whichever call settles.
//	rule 5: settling that finds room wakes a sender, whichever call settles.
//	rule 6: a caller that gives up settles, since it may have been woken in the
//	        place of another.
//	rule 7: a leader that leaves lets another caller lead, who settles.
//
// One caller is woken at a time. It settles when it is done and so wakes the
// next, as long as there is something to do. That the leader is a caller itself,
// and not somebody who wakes it, spares each message that is waited for a switch
// of goroutines, and often the start of a thread: a third of a round trip.

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

// isWoken reports whether the caller was woken.
func isWoken(place waiting) bool {
	select {
	case <-woken(place):
		return true
	default:
		return false
	}
}

// wakeOne wakes the caller that waits longest.
func (s *socket) wakeOne(line *waitlist) {
	first := line.callers.Front()
	if first == nil {
		return
	}
	close(line.callers.Remove(first).(chan struct{}))
	if first == s.leader {
		s.poke()
	}
}

// wakeAll wakes every caller.
func (s *socket) wakeAll(line *waitlist) {
	for line.callers.Len() > 0 {
		s.wakeOne(line)
	}
}

// anyoneWaits reports whether there is somebody to wake.
func (s *socket) anyoneWaits() bool {
	return s.receivers.callers.Len() > 0 || s.senders.callers.Len() > 0
}

// absorbAtOnce is how many messages are absorbed while nobody else can have the
// lock, or else a peer that sends without end would keep it.
const absorbAtOnce = 128

// settle empties the mailbox and passes on what it finds.
func (s *socket) settle() {
	events := s.events()
	for n := 0; events&zmq.POLLIN != 0 && s.absorb != nil; n++ {
		if n == absorbAtOnce {
			s.settleSoon()
			return
		}
		// To ask for events in between would bring in more than is taken out.
		if !s.absorb() {
			events = s.events()
		}
	}
	if events&zmq.POLLIN != 0 {
		s.wakeOne(&s.receivers) // rule 4
	}
	if events&zmq.POLLOUT != 0 && !s.trait().addresses {
		s.wakeOne(&s.senders) // rule 5
	}
}

// events empties the mailbox and says what can be done without waiting. An
// error, of a context that ends, makes callers try and see it themselves.
func (s *socket) events() zmq.State {
	events, err := s.z.GetEvents()
	if err != nil && s.absorb == nil {
		return zmq.POLLIN | zmq.POLLOUT
	}
	return events
}

// conclude follows an operation that was carried out. It is not for nothing that
// it asks whether anybody waits: ZMQ_EVENTS costs a system call, more than the
// rest of a send.
func (s *socket) conclude() {
	switch {
	case s.anyoneWaits():
		s.settle() // rule 2
	case s.absorb != nil:
		s.settleSoon()
	}
	s.wakeBlind()
}

// wakeBlind wakes all who wait for room at one of many peers, where POLLOUT is
// always set and tells nothing. Something happened: they may try.
func (s *socket) wakeBlind() {
	if s.trait().addresses {
		s.wakeAll(&s.senders)
	}
}

// absorbDelay is how late a publisher may notice a subscription while it sends.
const absorbDelay = time.Millisecond

// settleSoon settles in a moment, once for all who ask until then.
func (s *socket) settleSoon() {
	if s.settling {
		return
	}
	s.settling = true
	if s.late == nil {
		s.late = time.AfterFunc(absorbDelay, s.settleLate)
		return
	}
	s.late.Reset(absorbDelay)
}

// settleLate is what settleSoon puts off.
func (s *socket) settleLate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settling = false
	if !s.closed {
		s.settle()
	}
}

// operate calls try under the lock until it is not refused, waiting in line in
// between.
func (s *socket) operate(ctx context.Context, op string, line *waitlist, try func() error) error {
	if ctx.Err() != nil {
		return engine.ContextEnded(ctx, op)
	}
	// A caller that was woken tries again even if its context has ended since:
	// a woken caller either does what there is to do or settles (rule 6).
	for {
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
func (s *socket) attempt(op string, line *waitlist, try func() error) (waiting, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, &engine.Error{Op: op, Reason: engine.Closed}
	}
	err := try()
	if !refused(err) {
		s.conclude()
		return nil, err
	}
	place := line.enter()
	if s.someoneLeads() {
		s.settle() // rule 3
	}
	if s.standing && !isWoken(place) {
		s.poke() // the caller will lead
	}
	return place, nil
}

// wait returns nil when it is time to try again.
func (s *socket) wait(ctx context.Context, op string, line *waitlist, place waiting) error {
	if s.idle != nil {
		defer s.idle.Reset(standInAfter)
	}
	var again <-chan time.Time
	if s.isBlind(line) {
		timer := time.NewTimer(blindRetry)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-woken(place):
		return nil
	case <-s.lead:
		s.leadOn(ctx, line, place)
	case <-again:
	case <-ctx.Done():
	}
	if isWoken(place) {
		return nil
	}
	s.giveUp(line, place)
	if ctx.Err() != nil {
		return engine.ContextEnded(ctx, op)
	}
	return nil
}

// isBlind reports whether callers in this line wait for room at one of many
// peers.
func (s *socket) isBlind(line *waitlist) bool {
	return line == &s.senders && s.trait().addresses
}

// blindRetry is when a sender that waits for room at one of many peers tries
// again although nothing woke it. For such sockets POLLOUT is always set, so
// that a refused sender cannot tell whether its own last call took the edge that
// announced room; if it did, this is what finds the room.
const blindRetry = 10 * time.Millisecond

// giveUp takes a caller out of line.
func (s *socket) giveUp(line *waitlist, place waiting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line.leave(place)
	if !s.closed {
		s.settle() // rule 6
	}
}
