package service

import (
	"context"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// Failover between brokers. Brokers know nothing of each other: the one that gets a call may
// have no worker of the service, which is no error there, while another broker has one. So a
// call waits for a worker at each of several brokers, one after the other.

const (
	// longestWait is how long a call waits at one of several brokers.
	longestWait = time.Second
	// leastWait is how long it waits there if it has little time. With less time left it
	// goes to no other broker, whose answer might come too late.
	leastWait = 20 * time.Millisecond
	// avoidFor is how long a broker is tried last after a call waited there without success.
	avoidFor = 10 * time.Second
)

// failover is how a call waits at several brokers; nil if it waits at one for as long as it
// may.
type failover struct {
	brokers int
	end     time.Time // when the call must have begun; zero is never
}

// failoverOf returns how a call waits. A one-way call is not answered, so that no other
// broker can be tried; workers with names, or all of them, are those of one broker.
func (c *Client) failoverOf(ctx context.Context, r *call.Request) *failover {
	if len(c.brokers) < 2 || c.tries < 2 || r.Targeted() || r.OneWay {
		return nil
	}
	f := &failover{brokers: len(c.brokers)}
	if r.Wait > 0 {
		f.end = time.Now().Add(r.Wait)
	}
	if deadline, has := ctx.Deadline(); has && (f.end.IsZero() || deadline.Before(f.end)) {
		f.end = deadline
	}
	return f
}

// limitWait sets how long a request may wait at the next broker, so that there is time left
// for another one.
func (f *failover) limitWait(r *call.Request) {
	switch {
	case f == nil:
	case f.end.IsZero():
		r.Wait = longestWait
	default:
		left := time.Until(f.end)
		share := min(max(left/time.Duration(f.brokers), leastWait), longestWait)
		r.Wait = max(min(share, left), 1) // and not 0, which is for ever
	}
}

// timedOut reports whether a request waited without success and may wait elsewhere: it was
// surely not executed, or may be executed twice.
func (f *failover) timedOut(r *call.Request, err error) bool {
	if f == nil || messaging.CodeOf(err) != messaging.DeadlineExceeded || !messaging.Refused(err) && !r.Method.Repeatable() {
		return false
	}
	overtime, _ := messaging.DetailOf[*mitterev1.Overtime](err)
	return overtime.GetPhase() == mitterev1.Overtime_PHASE_WAITING
}

// exhausted reports whether there is no time left for another broker.
func (f *failover) exhausted() bool { return !f.end.IsZero() && time.Until(f.end) < leastWait }

// record notes what the outcome of a call tells of its broker.
func (f *failover) record(m *member, r *call.Request, err error) {
	if f == nil {
		return
	}
	c := m.client
	c.mu.Lock()
	defer c.mu.Unlock()
	switch unavailable := messaging.CodeOf(err) == messaging.Unavailable && messaging.Refused(err); {
	case err == nil:
		m.avoidedSince = time.Time{}
	case f.timedOut(r, err), unavailable && messaging.AsError(err).Remote():
		m.avoidedSince = time.Now()
	}
}

// isAvoided reports whether calls go there last, since one waited there without success,
// under the client's lock.
func (m *member) isAvoided() bool {
	return !m.avoidedSince.IsZero() && time.Since(m.avoidedSince) < avoidFor
}

// count counts a call, under the client's lock. When the broker is avoided no longer, the
// first call probes it, and the others avoid it until that has ended.
func (m *member) count() {
	m.outstanding++
	if !m.avoidedSince.IsZero() && !m.isAvoided() {
		m.avoidedSince = time.Now()
	}
}
