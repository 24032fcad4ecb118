package service

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// attempt makes a call of the instance with a name, or of any, and retries it if it fails in
// a way that allows that.
func (c *Client) attempt(ctx context.Context, r *call.Request, name string, each func(*messaging.Envelope) error) error {
	r.Key = c.keys.Begin()
	defer c.keys.End(r.Key)
	heard := false
	if r.Several != nil {
		r = hearAccepted(r, &heard)
	}
	listen := func(e *messaging.Envelope) error {
		heard = true
		return each(e)
	}
	r.Elsewhere = true // another instance may be there
	brokers := c.failoverOf(ctx, r)
	defer func(wait time.Duration) { r.Wait = wait }(r.Wait)
	var last *member
	var failed error
	refused := true // every try was
	r.Attempt = 1   // but for those: to a server the request is new
	for try := 1; ; try++ {
		m, err := c.pick(ctx, r, name, last)
		if err != nil {
			return afterwards(err, failed, refused)
		}
		brokers.limitWait(r)
		failed = m.call(ctx, r, listen)
		brokers.record(m, r, failed)
		again := try < c.triesOf(r) && mayRepeat(r, failed)
		if brokers.timedOut(r, failed) {
			again = !brokers.exhausted()
			try-- // that it waited is no failure
		}
		if failed == nil || heard || !again || !c.backOff(ctx, try) {
			return outcome(failed, refused)
		}
		if !messaging.Refused(failed) {
			refused = false
			r.Attempt++
		}
		last = m
	}
}

// triesOf returns how often a call is tried at most. One that fails fast is not retried at a
// broker, which has said that it has no worker.
func (c *Client) triesOf(r *call.Request) int {
	if r.FailFast && c.brokered() {
		return min(c.tries, len(c.brokers))
	}
	return c.tries
}

// mayRepeat reports whether a call may be tried again: if it was surely not
// executed, for a reason that another instance, or another moment, may not have;
// or if a second execution does no harm and the instance went away.
func mayRepeat(r *call.Request, err error) bool {
	switch code := messaging.CodeOf(err); {
	case messaging.IsTooLarge(err): // it stays so
		return false
	case code == messaging.Unavailable:
		return messaging.Refused(err) || r.Method.Repeatable()
	case code == messaging.ResourceExhausted:
		return messaging.Refused(err)
	case code == messaging.NotFound: // a worker that is named will not be there at once
		return messaging.Refused(err) && !r.Targeted()
	default:
		return false
	}
}

const (
	// firstBackOff and longestBackOff bound the time between two tries, which doubles.
	firstBackOff   = 10 * time.Millisecond
	longestBackOff = time.Second
)

// backOff waits between two tries, a random part of the time so that callers that failed
// together do not retry together; false means that there is no time. An attempt that did not
// count is 0.
func (c *Client) backOff(ctx context.Context, attempt int) bool {
	most := min(firstBackOff<<min(max(attempt-1, 0), 20), longestBackOff)
	timer := time.NewTimer(most/2 + rand.N(most/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	case <-c.closing.Done():
		return false
	}
}
