package serving

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// verdict is what becomes of the request of a session: one of these, or nothing if it waits with
// others.
type verdict struct {
	call    *call              // it is to be executed
	refused *messaging.Error   // it is not executed, and never will be
	aborted *messaging.Error   // it was executed before
	answer  *messaging.Command // it was answered before
	stale   bool               // the peer has no such session
}

// maxWaiters is how many may wait for one call. A waiter that joins is not admitted again.
const maxWaiters = 16

// errUnknownSession is what a peer gets whose session ended.
var errUnknownSession = messaging.Errorf(messaging.Unavailable, "the session is not known here")

// judge decides about a request, and enters it if it is to be executed.
func (c *calls) judge(d *messaging.Delivery, k *mitterev1.Request) verdict {
	digest := c.dedup.digest(k.GetMethod(), d.Command.Body) // which may take a while
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.lookLocked()
	s := c.sessions.hear(now, d.Peer(), k.GetSession())
	if s == nil {
		return verdict{refused: errUnknownSession, stale: true}
	}
	sent := s.Sent(now, k.GetSentAtNano())
	if s.waiters[k.GetCall()] != nil {
		return verdict{refused: messaging.Errorf(messaging.InvalidArgument, "call %d runs already", k.GetCall())}
	}
	h, err := c.station.find(d, k)
	if err != nil {
		return verdict{refused: err}
	}
	if !c.station.side.owns(s, k.GetKey()) {
		k.Key = nil
	}
	if v, repeated := c.recall(now, s, h, k, digest); repeated {
		c.station.road.stats.Repeated.Add(1)
		return v
	}
	begun := c.station.newCall(d, k, h, now, sent)
	begun.digest = digest
	if refused := c.station.admit(&begun.Request, begun.times, now); refused != nil {
		return verdict{refused: refused}
	}
	c.begin(begun, s, now)
	return verdict{call: begun}
}

// begin notes that a call is to be executed, under the lock.
func (c *calls) begin(begun *call, s *session, now time.Duration) {
	begun.start(c.station.road)
	if begun.command.GetOneWay() {
		return
	}
	c.dedup.begin(now, begun.command.GetKey(), begun)
	begun.waiters = begun.room[:0]
	c.join(begun, &begun.first, s, begun.command.GetCall())
}

// recall decides about a request that came before: it is answered as it was then, or waits with
// others for the same, and is executed again only if that does no harm. One that asks for
// something else has no key.
func (c *calls) recall(now time.Duration, s *session, h *Handler, k *mitterev1.Request, digest uint64) (v verdict, repeated bool) {
	known := c.dedup.find(now, k.GetKey(), k.GetAttempt(), digest)
	harmless := repeatable(k)
	switch running := known.running; {
	case known.other:
		k.Key = nil
		return verdict{}, false
	case known.answer != nil && h.Shape != Streaming:
		return verdict{answer: known.answer}, true
	case running != nil && running.credit == nil && !(harmless && running.ctx.Err() != nil): // what is cancelled answers nobody
		if len(running.waiters) >= maxWaiters {
			return verdict{refused: messaging.Errorf(messaging.ResourceExhausted, "%d others wait for the same request", maxWaiters)}, true
		}
		c.join(running, new(waiter), s, k.GetCall())
		return verdict{}, true
	case (running != nil || known.answer != nil || known.lost) && !harmless:
		return verdict{aborted: messaging.Errorf(messaging.Aborted, "the request came before and may have been executed; its answer is not kept")}, true
	default:
		return verdict{}, false
	}
}

// repeatable reports whether a second execution does no harm.
func repeatable(k *mitterev1.Request) bool {
	return k.GetIdempotency() != mitterev1.Idempotency_IDEMPOTENCY_UNSPECIFIED
}

// find returns the handler of a request, and opens its envelope.
func (s *Station) find(d *messaging.Delivery, k *mitterev1.Request) (*Handler, *messaging.Error) {
	if !s.road.serves(k.GetService()) && !s.side.serves(k.GetService()) {
		return nil, messaging.Errorf(messaging.NotFound, "this is %s, not %s", s.road.Service, k.GetService())
	}
	var err error
	if d.Envelope, err = messaging.Decode(d.Command.Body); err != nil {
		s.road.stats.Malformed.Add(1)
		return nil, messaging.AsError(err)
	}
	h, wrong := s.road.Handlers.ofMethod(k.GetMethod(), d.Type)
	switch {
	case wrong != nil && wrong.Code == messaging.Unimplemented:
		s.road.stats.Unknown.Add(1)
	case wrong != nil:
		s.road.stats.Malformed.Add(1)
	case h.Shape == Streaming && (k.GetCredit() == 0 || k.GetOneWay()):
		wrong = messaging.Errorf(messaging.FailedPrecondition, "%s is answered by a stream, for which the request has no credit", d.Type)
	}
	return h, wrong
}

// serves reports whether requests for a service are served by all of a reactor.
func (r *Road) serves(service string) bool {
	return service == "" || r.Service == "" || service == r.Service
}
