//go:build cgo

package libzmq

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// watch puts the socket's event descriptor on Go's netpoller. The holder of the
// token in s.lead is the only one to wait there, for RawConn.Read admits one: a
// caller, while it waits; otherwise a stand-in. A socket that absorbs has one for
// good.
func (s *socket) watch() error {
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
	file := os.NewFile(uintptr(copied), "zmq "+s.config.Kind)
	if s.edges, err = file.SyscallConn(); err != nil {
		return errors.Join(err, file.Close())
	}
	s.file = file
	if s.absorb != nil {
		s.background.Go(func() { s.awaitEdges(nil) })
		return nil
	}
	s.lead <- struct{}{}
	s.idle = time.AfterFunc(0, s.standIn)
	return nil
}

// standInAfter is how long a socket may be without a leader. A stand-in that
// came at once would be in the way of the next caller.
const standInAfter = 20 * time.Millisecond

// standIn leads while no caller does. libzmq leaves work to the callers of a
// socket: to send subscriptions again when a publisher comes back, to let go of
// connections that have ended. With nobody there, that would wait and pile up.
func (s *socket) standIn() {
	if !s.beginStandIn() {
		return
	}
	defer s.background.Done()
	defer func() { s.lead <- struct{}{} }()
	s.awaitEdges(nil)
	s.endLead()
}

// beginStandIn reports whether there is a stand-in to be.
func (s *socket) beginStandIn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.anyoneWaits() {
		return false
	}
	select {
	case <-s.lead:
	default:
		return false
	}
	s.standing = true
	s.background.Add(1)
	return true
}

// someoneLeads reports whether the token is taken.
func (s *socket) someoneLeads() bool { return len(s.lead) == 0 }

// leadOn waits for edges in the place of all who wait, until the caller is woken
// or ctx ends, or for a moment if the caller is to try again by itself.
func (s *socket) leadOn(ctx context.Context, line *waitlist, place waiting) {
	defer func() { s.lead <- struct{}{} }() // rule 7
	if !s.beginLead(line, place) {
		return
	}
	defer s.endLead()
	stop := context.AfterFunc(ctx, func() { s.pokeLeader(place) })
	defer stop()
	s.awaitEdges(place)
}

// awaitEdges calls edge at once and after each edge, until that returns true or
// the file's deadline passes. The error says why, which the caller sees anyway.
func (s *socket) awaitEdges(place waiting) {
	edges := -1
	_ = s.edges.Read(func(uintptr) bool {
		edges++
		return s.edge(place, edges > 0)
	})
}

// edge settles; done means that the leader is woken, or the socket closed. While
// it runs there is no leader to be poked: it is up. Blind callers are woken by
// real edges only, or one that leads would wake itself for ever.
func (s *socket) edge(place waiting, real bool) (done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return true
	}
	s.leader = nil
	s.settle() // rule 1
	if real {
		s.wakeBlind()
	}
	if place != nil && isWoken(place) {
		return true
	}
	s.leader = place
	return false
}

// beginLead makes the caller the leader, unless it was woken just now.
func (s *socket) beginLead(line *waitlist, place waiting) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || isWoken(place) {
		return false
	}
	s.leader = place
	if s.isBlind(line) {
		s.setDeadline(time.Now().Add(blindRetry))
	}
	return true
}

// endLead leaves the descriptor as it was found.
func (s *socket) endLead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leader, s.standing = nil, false
	if s.deadline {
		s.setDeadline(time.Time{})
	}
}

// pokeLeader gets a leader up whose context ended, if it still leads.
func (s *socket) pokeLeader(place waiting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leader == place {
		s.poke()
	}
}

// poke gets the leader or stand-in up: a deadline in the past ends its wait. Only
// one waits on the descriptor, and takes the deadline away before the next one
// does.
func (s *socket) poke() { s.setDeadline(time.Unix(1, 0)) }

// setDeadline sets when the leader's wait ends; the zero time is never. An error
// says that the file is closed, and then it has ended.
func (s *socket) setDeadline(t time.Time) {
	s.deadline = !t.IsZero()
	_ = s.file.SetReadDeadline(t)
}
