package comm

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// watch puts the socket's event descriptor on Go's netpoller. Whoever holds the
// token in s.lead is the only one to wait there, for RawConn.Read admits one. On
// a socket that absorbs that is a goroutine of its own, for as long as the socket
// is open; on others it is a caller, for as long as it waits.
func (s *Socket) watch() error {
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
	if s.edges, err = file.SyscallConn(); err != nil {
		return errors.Join(err, file.Close())
	}
	s.file = file
	if s.absorb == nil {
		s.lead <- struct{}{}
		close(s.watched)
		return nil
	}
	go func() {
		defer close(s.watched)
		s.awaitEdges(nil)
	}()
	return nil
}

// someoneLeads reports whether the token is taken.
func (s *Socket) someoneLeads() bool { return len(s.lead) == 0 }

// leadOn waits for edges in the place of all who wait, until the caller is woken
// or ctx ends, or for a moment if the caller is to try again by itself.
func (s *Socket) leadOn(ctx context.Context, line *waitlist, place waiting) {
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
func (s *Socket) awaitEdges(place waiting) {
	edges := -1
	_ = s.edges.Read(func(uintptr) bool {
		edges++
		return s.edge(place, edges > 0)
	})
}

// edge settles; done means that the leader is woken, or the socket closed. While
// it runs there is no leader to be poked: it is up. Blind callers are woken by
// real edges only, or one that leads would wake itself for ever.
func (s *Socket) edge(place waiting, real bool) (done bool) {
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
func (s *Socket) beginLead(line *waitlist, place waiting) bool {
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
func (s *Socket) endLead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leader = nil
	if s.deadline {
		s.setDeadline(time.Time{})
	}
}

// pokeLeader gets a leader up whose context ended, if it still leads.
func (s *Socket) pokeLeader(place waiting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leader == place {
		s.poke()
	}
}

// poke gets the leader up: a deadline in the past ends its wait. Only the leader
// waits on the descriptor, and it takes the deadline away before the next one
// does.
func (s *Socket) poke() { s.setDeadline(time.Unix(1, 0)) }

// setDeadline sets when the leader's wait ends; the zero time is never. An error
// says that the file is closed, and then it has ended.
func (s *Socket) setDeadline(t time.Time) {
	s.deadline = !t.IsZero()
	_ = s.file.SetReadDeadline(t)
}
