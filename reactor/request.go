package reactor

import (
	"context"
	"slices"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// errDraining is what a request gets that comes too late.
var errDraining = messaging.Errorf(messaging.Unavailable, "the server stops and takes no further requests")

// verdict is what becomes of a request that came: one of these.
type verdict struct {
	work    *work              // it is to be executed
	refused *messaging.Error   // it is not executed, and never will be
	aborted *messaging.Error   // it was executed before
	answer  *messaging.Command // it was answered before
	stale   bool               // the peer has no such session
}

// request takes a request.
func (h *host) request(d *messaging.Delivery, k *mitterev1.Request) {
	v := h.judge(d, k)
	if v.work != nil {
		h.admit(v.work)
		return
	}
	defer h.u.end(d)
	path := h.pathTo(d)
	if !k.GetOneWay() {
		h.reply(path, k.GetCall(), v)
	}
	if v.stale {
		h.dismiss(path, errUnknownSession)
	}
}

// reply answers a request that is not executed now.
func (h *host) reply(path messaging.ReturnPath, call uint64, v verdict) {
	switch {
	case v.answer != nil:
		h.answer(path, readdressed(*v.answer, call), rankReply)
	case v.aborted != nil:
		h.answer(path, messaging.Command{Kind: &mitterev1.Reply{Call: call, Instance: h.u.instance, Status: v.aborted.Status()}}, rankLast)
	case v.refused != nil:
		refused := refusal(v.refused)
		refused.Call, refused.Instance = call, h.u.instance
		h.answer(path, messaging.Command{Kind: refused}, rankLast)
	}
}

// readdressed returns an answer as another call of the same request gets it.
func readdressed(c messaging.Command, call uint64) messaging.Command {
	r := c.Kind.(*mitterev1.Reply)
	return messaging.Command{Body: c.Body, Kind: &mitterev1.Reply{
		Call: call, Status: r.GetStatus(), Index: r.GetIndex(), Instance: r.GetInstance(), Refused: r.GetRefused(),
		WaitedNano: r.GetWaitedNano(), ExecutedNano: r.GetExecutedNano(),
	}}
}

// judge decides about a request, and enters it if it is to be executed.
func (h *host) judge(d *messaging.Delivery, k *mitterev1.Request) verdict {
	digest := h.memory.digest(k.GetMethod(), d.Command.Body) // which may take a while
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.lookLocked()
	s := h.sessions.hear(now, d.Peer(), k.GetSession())
	if s == nil {
		return verdict{refused: errUnknownSession, stale: true}
	}
	sent := s.Sent(now, k.GetSentAtNano())
	if s.legs[k.GetCall()] != nil {
		return verdict{refused: messaging.Errorf(messaging.InvalidArgument, "call %d runs already", k.GetCall())}
	}
	e, err := h.find(d, k)
	if err != nil {
		return verdict{refused: err}
	}
	if !h.owns(s, k.GetKey()) {
		k.Key = nil
	}
	if v, repeated := h.recall(now, s, e, k, digest); repeated {
		h.u.stats.repeated.Add(1)
		return v
	}
	switch {
	case h.u.receiving.Err() != nil, h.u.draining.Load() && !e.aside && !h.coming(): // nothing is admitted any more
		return verdict{refused: errDraining}
	}
	w := h.newWork(d, k, e, now, sent)
	w.digest = digest
	if w.expired(now) {
		h.u.stats.expired.Add(1)
		return verdict{refused: errOvertime()}
	}
	h.enter(w, s, now)
	h.u.gateOf(w).expect() // under the lock, so that Drain waits for it
	return verdict{work: w}
}

// owns reports whether a key is of a session's own client; another one's is none. A broker
// has seen to that for the clients whose requests it hands on.
func (h *host) owns(s *session, key *mitterev1.Key) bool {
	return h.member != nil || string(key.GetInstance()) == s.Client
}

// recall decides about a request that came before: it is answered as it was then,
// or waits with those who wait, and is executed again only if that does no harm. One
// that asks for something else has no key.
func (h *host) recall(now time.Duration, s *session, e entry, k *mitterev1.Request, digest uint64) (v verdict, repeated bool) {
	known := h.memory.find(now, k.GetKey(), k.GetAttempt(), digest)
	harmless := repeatable(k)
	switch w := known.running; {
	case known.other:
		k.Key = nil
		return verdict{}, false
	case known.answer != nil && e.shape != Streaming:
		return verdict{answer: known.answer}, true
	case w != nil && w.credit == nil && !(harmless && w.ctx.Err() != nil): // what is cancelled answers nobody
		if len(w.legs) >= maxLegs {
			return verdict{refused: messaging.Errorf(messaging.ResourceExhausted, "%d others wait for the same request", maxLegs)}, true
		}
		h.join(w, new(leg), s, k)
		return verdict{}, true
	case (w != nil || known.answer != nil || known.lost) && !harmless:
		return verdict{aborted: messaging.Errorf(messaging.Aborted, "the request came before and may have been executed; its answer is not kept")}, true
	default:
		return verdict{}, false
	}
}

// maxLegs is how many may wait for one request. Those who join pass no gate.
const maxLegs = 16

// repeatable reports whether a second execution does no harm.
func repeatable(k *mitterev1.Request) bool {
	return k.GetIdempotency() != mitterev1.Idempotency_IDEMPOTENCY_UNSPECIFIED
}

// newWork returns the work of a request that was sent at a time.
func (h *host) newWork(d *messaging.Delivery, k *mitterev1.Request, e entry, now, sent time.Duration) *work {
	w := &work{host: h, entry: e, request: k, delivery: d, arrived: now}
	w.deadline, w.begin = endOf(sent, k.GetTimeoutNano()), endOf(sent, k.GetWaitNano())
	if e.shape == Streaming {
		w.credit = newCredit(k.GetCredit())
	}
	return w
}

// endOf returns when a time is over that began then; 0 is never, which is also
// what comes after the end of the clock.
func endOf(began time.Duration, nano int64) time.Duration {
	end := began + time.Duration(nano)
	if nano <= 0 || end < began {
		return 0
	}
	return max(end, 1)
}

// enter notes that work is to be done, under the lock.
func (h *host) enter(w *work, s *session, now time.Duration) {
	ctx, cancel := context.WithCancelCause(h.u.working)
	w.ctx, w.cancel = ctx, cancel
	if w.deadline > 0 {
		var stop context.CancelFunc
		w.ctx, stop = context.WithDeadline(ctx, h.u.began.Add(w.deadline))
		w.cancel = func(why error) { cancel(why); stop() }
	}
	w.job.do = w.turn
	if w.request.GetOneWay() {
		return
	}
	h.memory.begin(now, w.request.GetKey(), w)
	w.legs = w.room[:0]
	h.join(w, &w.first, s, w.request)
}

// join adds one who waits for work, under the lock.
func (h *host) join(w *work, l *leg, s *session, k *mitterev1.Request) {
	*l = leg{session: s, call: k.GetCall(), work: w}
	s.legs[l.call] = l
	w.legs = append(w.legs, l)
}

// serves reports whether requests for a service are served here.
func (h *host) serves(service string) bool {
	if h.member != nil && slices.Contains(h.member.offer.Services, service) {
		return true
	}
	return service == "" || h.u.service == "" || service == h.u.service
}

// find returns the handler of a request, and opens its envelope.
func (h *host) find(d *messaging.Delivery, k *mitterev1.Request) (entry, *messaging.Error) {
	u := h.u
	if !h.serves(k.GetService()) {
		return entry{}, messaging.Errorf(messaging.NotFound, "this is %s, not %s", u.service, k.GetService())
	}
	var err error
	if d.Envelope, err = messaging.Decode(d.Command.Body); err != nil {
		u.stats.malformed.Add(1)
		return entry{}, messaging.AsError(err)
	}
	e, wrong := u.named(d, k.GetMethod())
	if wrong == nil && e.shape == Streaming && (k.GetCredit() == 0 || k.GetOneWay()) {
		return entry{}, messaging.Errorf(messaging.FailedPrecondition, "%s is answered by a stream, for which the request has no credit", d.Type)
	}
	return e, wrong
}

// named returns the handler of a method, or without one of a message type.
func (u *run) named(d *messaging.Delivery, method string) (entry, *messaging.Error) {
	if method == "" {
		return u.findType(d.Type)
	}
	e, known := u.methods[method]
	if !known {
		u.stats.unknown.Add(1)
		return entry{}, messaging.Errorf(messaging.Unimplemented, "no method %s", method)
	}
	if takes := string(e.method.Input().FullName()); takes != d.Type {
		u.stats.malformed.Add(1)
		return entry{}, messaging.Errorf(messaging.InvalidArgument, "%s takes a %s, not a %s", method, takes, d.Type)
	}
	return e, nil
}

// findType returns the handler of a message type.
func (u *run) findType(name string) (entry, *messaging.Error) {
	e, known := u.entries[name]
	if known {
		return e, nil
	}
	u.stats.unknown.Add(1)
	return entry{}, u.unknownType(name)
}

// unknownType is the error of a message that leads to no handler.
func (r *Reactor) unknownType(name string) *messaging.Error {
	if r.shared[name] {
		return messaging.Errorf(messaging.Unimplemented, "several methods take a %s; name one", name)
	}
	return messaging.Errorf(messaging.Unimplemented, "no handler for %s", name)
}

// admit puts work in the queue, or refuses it.
func (h *host) admit(w *work) {
	gate := h.u.gateOf(w)
	w.job.key, w.job.size = h.u.keyOf(true, w.delivery), w.delivery.Size()
	if wait := w.wait(); wait > 0 {
		w.job.waits = func() { w.patience = time.AfterFunc(wait-h.u.now(), func() { h.giveUp(w) }) }
	}
	if h.lends(w) && gate.borrow(&w.job) {
		h.lend(w, gate)
		return
	}
	if gate.admitExpected(&w.job) {
		return
	}
	h.u.stats.overloaded.Add(1)
	defer h.u.end(w.delivery)
	defer w.cancel(nil)
	h.finish(w, refusal(gate.full()), nil)
}

// lends reports whether work is run by who receives: if nothing else was received with
// it, no other handler has to end before it, and it is expected to be short.
func (h *host) lends(w *work) bool {
	return !w.delivery.More() && h.u.workers > 0 && w.entry.shape == Unary && w.entry.pace.isShort()
}

// lend runs work that has begun, while nobody receives.
func (h *host) lend(w *work, gate *gate) {
	defer gate.end(&w.job)
	number := h.socket.relay.begin()
	defer h.socket.relay.end(number)
	w.run()
}

// giveUp refuses work that waited for too long.
func (h *host) giveUp(w *work) {
	if !h.u.gateOf(w).withdraw(&w.job) {
		return
	}
	defer h.u.end(w.delivery)
	defer w.cancel(nil)
	h.u.stats.expired.Add(1)
	h.finish(w, refusal(errOvertime()), nil)
}

// finish answers all who wait for work.
func (h *host) finish(w *work, kind *mitterev1.Reply, body []byte) {
	kind.Instance = h.u.instance
	answer := messaging.Command{Kind: kind, Body: body}
	r := rankReply
	if w.credit != nil {
		r = rankLast
	}
	for i, l := range h.remember(w, kind, answer) {
		c := answer
		if i > 0 { // it has the address of the first
			c = readdressed(answer, l.call)
		}
		h.answer(l.session.path, c, r)
	}
}

// remember takes the calls out that wait for work, addresses its answer to the first
// of them, and keeps it for those who ask again.
func (h *host) remember(w *work, reply *mitterev1.Reply, answer messaging.Command) (legs []*leg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.request.GetOneWay() {
		return nil
	}
	if len(w.legs) > 0 {
		reply.Call = w.legs[0].call
	}
	if h.memory.running(w.request.GetKey()) == w { // and not one that came after it was cancelled
		h.memorise(w, answer)
	}
	legs, w.legs = w.legs, nil
	for _, l := range legs {
		delete(l.session.legs, l.call)
	}
	return legs
}

// memorise keeps an answer, under the lock. Not the failure of what may be executed
// again: a retry shall have another try. Of what was cancelled there is none.
func (h *host) memorise(w *work, answer messaging.Command) {
	reply := answer.Kind.(*mitterev1.Reply)
	failed, key, now := reply.GetStatus() != nil, w.request.GetKey(), h.u.now()
	switch {
	case failed && w.ctx.Err() != nil && !reply.GetRefused() && !repeatable(w.request):
		h.memory.lose(now, key)
	default:
		h.memory.end(now, key, answer, reply.GetRefused() || failed && repeatable(w.request))
	}
}

// answer sends the answer to a call. If it is the answer's fault that it cannot be
// sent, or if there is no room for it, the caller is told that instead.
func (h *host) answer(path messaging.ReturnPath, c messaging.Command, r rank) {
	err := h.socket.outbox.send(h.u.sending, &commandLetter{path, c}, r)
	code := messaging.CodeOf(err)
	if code == messaging.ResourceExhausted || code == messaging.InvalidArgument {
		h.post(path, messaging.Command{Kind: &mitterev1.Reply{
			Call: c.Kind.(*mitterev1.Reply).GetCall(), Instance: h.u.instance,
			Status: messaging.Errorf(code, "the answer cannot be sent: %v", err).Status(),
		}})
		return
	}
	if err != nil {
		h.undeliverable(err)
	}
}
