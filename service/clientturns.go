package service

import (
	"context"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// Brokers know nothing of each other: the one that gets a call may have no worker of
// the service, which is no error there, while another has. So a call waits for a worker
// at each of several brokers in turn.

const (
	// longestTurn is how long a call waits at one of several brokers.
	longestTurn = time.Second
	// leastTurn is how long it does if it has little time; with less it goes nowhere else,
	// from where an answer might come too late.
	leastTurn = 20 * time.Millisecond
	// vainTime is how long a broker is asked last where a call waited in vain.
	vainTime = 10 * time.Second
)

// turns are how a call waits at several brokers; nil if it waits at one for as long as
// it may.
type turns struct {
	brokers int
	end     time.Time // when it must have begun; zero is never
}

// turnsOf returns how a call waits. One that nobody answers cannot be given to another
// broker, and workers with names, or all of them, are those of one.
func (c *Client) turnsOf(ctx context.Context, r *call.Request) *turns {
	if len(c.brokers) < 2 || c.tries < 2 || r.Targeted() || r.OneWay {
		return nil
	}
	t := &turns{brokers: len(c.brokers)}
	if r.Wait > 0 {
		t.end = time.Now().Add(r.Wait)
	}
	if deadline, has := ctx.Deadline(); has && (t.end.IsZero() || deadline.Before(t.end)) {
		t.end = deadline
	}
	return t
}

// take sets how long a request may wait where it goes now: so that there is time left
// for another broker.
func (t *turns) take(r *call.Request) {
	switch {
	case t == nil:
	case t.end.IsZero():
		r.Wait = longestTurn
	default:
		left := time.Until(t.end)
		share := min(max(left/time.Duration(t.brokers), leastTurn), longestTurn)
		r.Wait = max(min(share, left), 1) // and not 0, which is for ever
	}
}

// waited reports whether a request waited in vain, and may wait elsewhere: it was surely
// not executed, or may be executed twice.
func (t *turns) waited(r *call.Request, err error) bool {
	if t == nil || messaging.CodeOf(err) != messaging.DeadlineExceeded || !messaging.Refused(err) && !r.Method.Repeatable() {
		return false
	}
	overtime, _ := messaging.DetailOf[*mitterev1.Overtime](err)
	return overtime.GetPhase() == mitterev1.Overtime_PHASE_WAITING
}

// over reports whether there is no time left for another broker.
func (t *turns) over() bool { return !t.end.IsZero() && time.Until(t.end) < leastTurn }

// learn notes what a call tells of a broker.
func (t *turns) learn(m *member, r *call.Request, err error) {
	if t == nil {
		return
	}
	c := m.client
	c.mu.Lock()
	defer c.mu.Unlock()
	switch unavailable := messaging.CodeOf(err) == messaging.Unavailable && messaging.Refused(err); {
	case err == nil:
		m.vain = time.Time{}
	case t.waited(r, err), unavailable && messaging.AsError(err).Remote():
		m.vain = time.Now()
	}
}

// doubted reports whether calls wait there in vain, as far as is known, under the
// client's lock.
func (m *member) doubted() bool { return !m.vain.IsZero() && time.Since(m.vain) < vainTime }

// count counts a call, under the client's lock. The first one after a doubt finds out
// for the others.
func (m *member) count() {
	m.outstanding++
	if !m.vain.IsZero() && !m.doubted() {
		m.vain = time.Now()
	}
}
