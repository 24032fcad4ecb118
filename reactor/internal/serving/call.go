package serving

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/outbox"
)

// call is a request of a session, executed once for all who wait for it. Its replier writes a
// Reply to each of them.
type call struct {
	Request
	times
	command *mitterev1.Request
	digest  uint64 // of what it asks for
	cancel  context.CancelCauseFunc
	arrived time.Duration
	began   time.Duration // when its handler did; 0 if it has not
	timer   *time.Timer   // ends the waiting; nil if it does not wait, or may for ever
	credit  *credit       // of a stream; nil if it is none

	waiters []*waiter  // guarded by the lock of the calls
	first   waiter     // of these, the first
	room    [1]*waiter // for that one alone, as is usual
}

// waiter is one who waits for a call: by a session, and by the peer's number of the call.
type waiter struct {
	session *session
	number  uint64
	call    *call
}

// newCall returns the call of a request that was sent at a time.
func (s *Station) newCall(d *messaging.Delivery, k *mitterev1.Request, h *Handler, now, sent time.Duration) *call {
	c := &call{
		Request: Request{
			Delivery: d, Handler: h, Metadata: k.GetMetadata(), station: s,
			trace: messaging.TraceContext{Parent: k.GetTraceparent(), State: k.GetTracestate()},
		},
		times:   times{deadline: endOf(sent, k.GetTimeoutNano()), begin: endOf(sent, k.GetWaitNano())},
		command: k, arrived: now,
	}
	c.replier, c.job.Task = c, c
	if h.Shape == Streaming {
		c.credit = newCredit(k.GetCredit())
	}
	return c
}

// start gives the handler a context, which ends with the deadline.
func (c *call) start(r *Road) {
	ctx, cancel := context.WithCancelCause(r.working)
	c.ctx, c.cancel = ctx, cancel
	if c.deadline > 0 {
		var stop context.CancelFunc
		c.ctx, stop = context.WithDeadline(ctx, r.began.Add(c.deadline))
		c.cancel = func(why error) { cancel(why); stop() }
	}
}

// queued has the time end the waiting.
func (c *call) queued() {
	if first := c.times.first(); first > 0 {
		c.timer = time.AfterFunc(first-c.station.road.now(), c.expire)
	}
}

// expire refuses the call if it still waits.
func (c *call) expire() {
	road := c.station.road
	if !c.Handler.track.Withdraw(&c.job) {
		return
	}
	defer c.leave()
	road.stats.Expired.Add(1)
	c.refuse("", errOvertime())
}

// close implements replier.
func (c *call) close() {
	if c.timer != nil {
		c.timer.Stop()
	}
	c.cancel(nil)
}

// late implements replier.
func (c *call) late() *messaging.Error {
	c.began = c.station.calls.look()
	switch {
	case c.times.over(c.began):
		c.station.road.stats.Expired.Add(1)
		return errOvertime()
	case c.ctx.Err() != nil: // nobody waits for it any more
		return messaging.AsError(context.Cause(c.ctx))
	default:
		return nil
	}
}

// executed returns the reply of a call whose handler has ended.
func (c *call) executed() *mitterev1.Reply {
	took := c.station.road.now() - c.began
	c.Handler.pace.note(took)
	reply := &mitterev1.Reply{WaitedNano: int64(c.began - c.arrived), ExecutedNano: int64(took)}
	if c.credit != nil {
		reply.Index = c.credit.sent()
	}
	return reply
}

// answer implements replier.
func (c *call) answer(reply proto.Message) {
	executed := c.executed()
	if reply == nil {
		c.finish(executed, nil)
		return
	}
	body, err := c.pack(reply)
	if err != nil {
		executed.Status = err.Status()
	}
	c.finish(executed, body)
}

// pack returns the envelope of an answer.
func (c *call) pack(reply proto.Message) ([]byte, *messaging.Error) {
	answer, err := command.New(nil, reply)
	if err != nil {
		return nil, messaging.Errorf(messaging.Internal, "the reply of %s cannot be sent: %w", c.Name(), err)
	}
	if most := c.station.side.frameSize(); len(answer.Body) > most {
		return nil, messaging.Errorf(messaging.ResourceExhausted, "the answer cannot be sent: %d bytes, of which a frame has %d at most", len(answer.Body), most)
	}
	return answer.Body, nil
}

// fail implements replier.
func (c *call) fail(failed error) {
	executed, err := c.executed(), messaging.AsError(failed)
	if err.Code == messaging.DeadlineExceeded && c.deadline > 0 && c.station.road.now() >= c.deadline {
		err = err.WithDetails(&mitterev1.Overtime{Phase: mitterev1.Overtime_PHASE_EXECUTING})
	}
	executed.Status = err.Status()
	c.finish(executed, nil)
}

// reject implements replier; its caller is told as of any failure.
func (c *call) reject(_ string, why *messaging.Error) { c.fail(why) }

// refuse implements replier.
func (c *call) refuse(_ string, why *messaging.Error) { c.finish(refusal(why), nil) }

// refusal returns the reply to a request that was not executed, and never will be.
func refusal(why *messaging.Error) *mitterev1.Reply {
	return &mitterev1.Reply{Status: why.Status(), Refused: true}
}

// finish answers all who wait for the call.
func (c *call) finish(reply *mitterev1.Reply, body []byte) {
	s := c.station
	reply.Instance = s.road.Instance
	answer := messaging.Command{Kind: reply, Body: body}
	rank := outbox.Reply
	if c.credit != nil {
		rank = outbox.Last
	}
	for i, w := range s.calls.finish(c, reply, answer) {
		own := answer
		if i > 0 { // it has the number of the first
			own = readdressed(answer, w.number)
		}
		s.answer(w.session.path, own, rank)
	}
}

// readdressed returns an answer as another call of the same request gets it.
func readdressed(c messaging.Command, number uint64) messaging.Command {
	r := c.Kind.(*mitterev1.Reply)
	return messaging.Command{Body: c.Body, Kind: &mitterev1.Reply{
		Call: number, Status: r.GetStatus(), Index: r.GetIndex(), Instance: r.GetInstance(), Refused: r.GetRefused(),
		WaitedNano: r.GetWaitedNano(), ExecutedNano: r.GetExecutedNano(),
	}}
}

// streams implements replier: there is credit, or the call was refused.
func (c *call) streams() error { return nil }

// send implements replier: it waits for credit and for room.
func (c *call) send(ctx context.Context, item proto.Message) error {
	index, err := c.credit.take(ctx)
	if err != nil {
		return err
	}
	waiters := c.station.calls.waiting(c)
	if len(waiters) == 0 {
		return context.Cause(c.ctx)
	}
	message, err := command.New(&mitterev1.Item{Call: waiters[0].number, Index: index}, item)
	if err == nil {
		err = c.station.outbox.SendItem(ctx, &outgoing{waiters[0].session.path, message})
	}
	if err != nil {
		c.credit.giveBack()
	}
	return err
}

// progress implements replier. A waiter that has no room gets no report.
func (c *call) progress(report proto.Message) error {
	s := c.station
	message, err := command.New(nil, report)
	if err != nil {
		return err
	}
	for _, w := range s.calls.waiting(c) {
		message.Kind = &mitterev1.Event{Call: w.number, Instance: s.road.Instance}
		sent := s.outbox.Offer(s.road.sending, &outgoing{w.session.path, message})
		if code := messaging.CodeOf(sent); code == messaging.ResourceExhausted || code == messaging.InvalidArgument {
			err = sent // of this waiter; others may take it
		}
	}
	return err
}
