package desk

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Request takes a request of a client, or answers it at once with an error that is
// refused. One without a target waits if no worker has room, even if none serves the
// service yet (RFC 7: SHOULD queue, and SHOULD expire).
//
// A repetition, which is a request with the key and the content of one that waits or runs,
// waits for the same answer, each with its own deadline; the request is cancelled when no
// client waits any more. Streams, targets and one-way requests cannot be joined. Those, and
// requests that have ended lately and may have been executed, are taken again if a
// second execution does no harm, and are else ABORTED. Answers are not kept here.
// A worker is told the latest deadline of the clients that wait when it gets the request.
func (d *Desk) Request(now time.Duration, from Peer, r *Request) []Action {
	d.beginEvent(now)
	d.counts.Requests++
	if w := d.workers[from]; w != nil {
		w.heard = d.now
	}
	if answer, bad := d.check(from, r); bad {
		d.refuse(from, r, answer)
		return d.endEvent()
	}
	key := r.key()
	before := d.keys[key]
	if before != nil && !before.request.asks(r) { // a client gets no answer to what another one asked
		r.Key, key, before = Key{}, Key{}, nil
	}
	switch {
	case before != nil && before.joinable(r):
		d.joinCall(before, from, r)
	case r.Repeat != RepeatSafe && (before != nil || d.dedup.knows(key)):
		d.refuse(from, r, Answer{Status: status(mitterev1.Code_CODE_ABORTED, "the request came before and may have been executed")})
	case r.Target.Kind == Any:
		d.takeAny(from, r)
	default:
		d.takeTarget(from, r)
	}
	return d.endEvent()
}

// check returns the answer to a request that cannot be taken, whatever room there is.
func (d *Desk) check(from Peer, r *Request) (answer Answer, bad bool) {
	reserved := Reserved(r.Service)
	served := reserved && d.served(r.Service)
	switch {
	case d.shut && !served:
		return stops(), true
	case d.calls[callID{from, r.Call}] != nil && !r.OneWay:
		return refused(mitterev1.Code_CODE_INVALID_ARGUMENT, "the call %d runs already", r.Call), true
	case reserved && !served && r.Service != d.expected:
		return refused(mitterev1.Code_CODE_UNIMPLEMENTED, "the broker has no service %q", r.Service), true
	default:
		return r.check(d.limits)
	}
}

// check returns the answer to a request that is wrong in itself.
func (r *Request) check(l Limits) (answer Answer, bad bool) {
	switch {
	case r.Service == "" || len(r.Service) > maxName:
		return refused(mitterev1.Code_CODE_INVALID_ARGUMENT, "a service's name has %d bytes, want 1 to %d", len(r.Service), maxName), true
	case r.OneWay && r.Credit > 0:
		return refused(mitterev1.Code_CODE_FAILED_PRECONDITION, "a one-way request with credit: a stream needs a reader"), true
	}
	if answer, bad := r.Target.check(l); bad || r.Timeout >= 0 {
		return answer, bad
	}
	return tooLate(), true
}

// check returns the answer to a request whose target is wrong.
func (t Target) check(l Limits) (answer Answer, bad bool) {
	switch {
	case t.Kind < Any || t.Kind > Named:
		return refused(mitterev1.Code_CODE_INVALID_ARGUMENT, "a target of kind %d", t.Kind), true
	case len(t.Names) > l.Workers:
		return refused(mitterev1.Code_CODE_INVALID_ARGUMENT, "a target of %d names, of %d at most", len(t.Names), l.Workers), true
	case t.Kind == Named && len(t.Names) == 0:
		return refused(mitterev1.Code_CODE_INVALID_ARGUMENT, "a target without names"), true
	default:
		return Answer{}, false
	}
}

// refuse answers a request that is not taken.
func (d *Desk) refuse(from Peer, r *Request, answer Answer) {
	d.counts.Refused++
	if !r.OneWay {
		d.act(Reply{To: from, Call: r.Call, Tag: r.Tag, Answer: answer})
	}
}

// joinCall lets a repetition wait for a request.
func (d *Desk) joinCall(c *call, from Peer, r *Request) {
	if len(c.waiters) >= d.limits.Waiters {
		d.refuse(from, r, refused(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "%d calls wait for one request, which is the limit", len(c.waiters)))
		return
	}
	if has, most := d.has(from, r), d.roomFor(r).peer; has >= most {
		d.refuse(from, r, refused(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "the peer has %d requests here, of %d at most", has, most))
		return
	}
	d.counts.Joined++
	d.enter(c, from, r, 1)
	if r.Tell && c.waiting > 0 {
		c.told = Wait{} // or the newcomer would not hear of it
		d.watchWait(c)
	}
}

// takeAny takes a request for the worker that is least busy.
func (d *Desk) takeAny(from Peer, r *Request) {
	s := d.services[r.Service]
	waits := 1
	if s != nil && s.free.First() != nil {
		waits = 0
	}
	if r.FailFast && (s == nil || s.accepting == 0) {
		d.refuse(from, r, s.noWorker(r, nil))
		return
	}
	if answer, full := d.full(from, s, r, 1, waits); full {
		d.refuse(from, r, answer)
		return
	}
	c := d.admit(from, r, 1)
	d.enqueue(c.part(), &c.service.queue)
	d.touch(c.service)
	if waits > 0 {
		d.watchWait(c)
	}
}

// takeTarget takes a request for each of the workers that it means.
func (d *Desk) takeTarget(from Peer, r *Request) {
	s := d.services[r.Service]
	chosen, unknown := s.choose(r)
	if len(chosen) == 0 {
		d.refuse(from, r, s.noWorker(r, unknown))
		return
	}
	waits := 0
	names := make([]string, len(chosen))
	for i, w := range chosen {
		names[i] = w.offer.Name
		if d.waitsFor(w, r) {
			waits++
		}
	}
	if answer, full := d.full(from, s, r, len(chosen), waits); full {
		d.refuse(from, r, answer)
		return
	}
	c := d.admit(from, r, len(chosen))
	if !r.OneWay {
		d.act(Accepted{To: from, Call: r.Call, Tag: r.Tag, Workers: names, Unknown: unknown})
	}
	for _, w := range chosen {
		d.address(c.part(), w)
	}
	if waits > 0 {
		d.watchWait(c)
	}
}

// admit returns the call of a request that is taken.
func (d *Desk) admit(from Peer, r *Request, parts int) *call {
	c := newCall(d.requested(r.Service, from), r, parts)
	d.orders++
	c.order, c.since = d.orders, d.now
	d.held += parts
	d.bytes += c.size
	if key := r.key(); key != (Key{}) && d.keys[key] == nil {
		c.key = key
		d.keys[key] = c
	}
	d.enter(c, from, r, parts)
	d.limitWait(c)
	return c
}

// limitWait sets until when a call may wait, if that is less than its deadline. No client
// waits for what is one-way, so that it is looked at whether it has a worker.
func (d *Desk) limitWait(c *call) {
	r := c.request
	switch {
	case r.Wait <= 0 && r.Timeout > 0 && !r.OneWay:
		return
	case r.Wait <= 0:
		c.expiry.at = d.now + d.limits.Expiry
	default:
		c.expiry.at = c.since + min(r.Wait, d.limits.Longest)
		if r.OneWay {
			c.expiry.at = min(c.expiry.at, d.now+d.limits.Expiry)
		}
	}
	d.alarms.Put(&c.expiry)
}

// lasts reports whether a call may wait on though its expiry has come: if it is one-way, it
// has a worker, and its own time is not over.
func (d *Desk) lasts(c *call) bool {
	r := c.request
	if !r.OneWay || !d.served(c.service.name) {
		return false
	}
	return r.Wait > 0 && d.now-c.since < r.Wait || r.Wait <= 0 && r.Timeout > 0
}

// enter lets a client wait for a request, so many parts of which count as its own. A one-way
// request is not its client's any more, but has a deadline like others.
func (d *Desk) enter(c *call, from Peer, r *Request, parts int) {
	w := c.newWaiter()
	w.client, w.number, w.tag, w.parts = from, r.Call, r.Tag, parts
	w.silent, w.tell = r.OneWay, r.Tell && !r.OneWay
	w.deadline.at = d.now + d.limits.Longest
	if r.Timeout > 0 && r.Timeout < d.limits.Longest {
		w.deadline.at = d.now + r.Timeout
	}
	d.alarms.Put(&w.deadline)
	if r.Credit > 0 {
		w.streams = c.unfinished
	}
	d.countStreams(from, w.streams)
	d.follow(w)
}

// exit lets a waiter wait no longer; its call goes on.
func (d *Desk) exit(w *waiter) {
	d.alarms.Remove(&w.deadline)
	d.countStreams(w.client, -w.streams)
	d.unfollow(w)
}
