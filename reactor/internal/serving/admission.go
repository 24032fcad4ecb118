package serving

import (
	"time"

	"github.com/mittere/mittere/messaging"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Why a request is not executed, or the context of its handler ends.
var (
	// ErrStopped is why the context of a handler ends that outlives its reactor. A handler
	// that returns it tells the caller to go elsewhere.
	ErrStopped = messaging.Errorf(messaging.Unavailable, "the reactor stopped")

	errDraining = messaging.Errorf(messaging.Unavailable, "the server stops and takes no further requests")
)

// errOvertime returns the error of a request that was not begun in time.
func errOvertime() *messaging.Error {
	return messaging.Errorf(messaging.DeadlineExceeded, "the request's time was over before it was begun").
		WithDetails(&mitterev1.Overtime{Phase: mitterev1.Overtime_PHASE_WAITING})
}

// admit lets a request in that has a handler, or returns why it is refused. What was executed
// before was recognised before this, and limits are those of the schedule. A request counts
// before it is looked whether the reactor drains: Drain waits for it, or it sees the drain.
func (s *Station) admit(r *Request, times times, now time.Duration) *messaging.Error {
	if !s.refuses {
		return nil // each request is handled, until its time is up
	}
	if r.pending = !r.Handler.Control; r.pending {
		s.road.pending.begin()
	}
	refused := s.refusal(r, times, now)
	if refused != nil && r.pending {
		r.pending = false
		s.road.pending.end()
	}
	return refused
}

// refusal returns why a request is refused, nil if it is not: the reactor stops or drains, or the
// time of the request is over.
func (s *Station) refusal(r *Request, times times, now time.Duration) *messaging.Error {
	switch {
	case s.road.stopping(), r.pending && s.road.draining.Load() && !s.side.coming():
		s.road.stats.Refused.Add(1)
		return errDraining
	case times.over(now):
		s.road.stats.Expired.Add(1)
		return errOvertime()
	default:
		return nil
	}
}

// times are when the time of a request is over. The zero value is never.
type times struct {
	deadline time.Duration // of the answer; 0 is never
	begin    time.Duration // until when it must have begun; 0 is any time
}

// over reports whether it is too late to begin.
func (t times) over(now time.Duration) bool {
	return t.deadline > 0 && now >= t.deadline || t.begin > 0 && now >= t.begin
}

// first returns the first of them, 0 if there is none.
func (t times) first() time.Duration {
	if t.begin > 0 && t.deadline > 0 {
		return min(t.begin, t.deadline)
	}
	return max(t.begin, t.deadline)
}

// endOf returns when a time is over that began then; 0 is never, which also stands for times
// after the end of the clock.
func endOf(began time.Duration, nano int64) time.Duration {
	end := began + time.Duration(nano)
	if nano <= 0 || end < began {
		return 0
	}
	return max(end, 1)
}
