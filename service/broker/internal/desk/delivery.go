package desk

import mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

// enqueue lets a new part wait in a queue of its service or worker.
func (d *Desk) enqueue(p *part, l *list) {
	l.push(p)
	s := p.call.service
	s.waiting++
	if p.fast() {
		s.fast++
	}
}

// unqueue takes a part out of its queue.
func (d *Desk) unqueue(p *part) {
	c := p.call
	if p.fast() {
		c.service.fast--
	}
	p.unlist()
	c.service.waiting--
	c.waiting--
	if c.waiting == 0 {
		d.alarms.Remove(&c.expiry)
		d.alarms.Remove(&c.news)
	}
}

// requeue lets a part that was taken from its worker wait for another one, in the
// order in which it came.
func (d *Desk) requeue(p *part) {
	c := p.call
	if wait := c.request.Wait; wait > 0 && d.now-c.since >= wait {
		p.delivery = 0
		d.conclude(p, overtime(p), &d.counts.Expired)
		return
	}
	p.worker, p.delivery = nil, 0
	c.waiting++
	c.service.waiting++
	c.service.queue.restore(p)
	if p.fast() {
		c.service.fast++
	}
	d.limitWait(c)
	d.watchWait(c)
	d.touch(c.service)
}

// deliver gives a worker a part that waits.
func (d *Desk) deliver(p *part, w *worker) {
	d.unqueue(p)
	d.lastDelivery++
	p.worker, p.delivery = w, d.lastDelivery
	p.attempts++
	d.deliveries[p.delivery] = p
	w.deliveries.push(p)
	if p.control {
		w.controls++
	}
	c := p.call
	if c.waiting == 0 && c.told != (Wait{}) {
		d.say(c, Wait{})
	}
	c.service.inFlight++
	d.uses++
	w.used, w.said = d.uses, d.now
	d.reorder(w)
	d.counts.Delivered++
	p.granted, p.came = min(p.credit, d.share(p)), 0
	wait := max(c.request.Wait, 0)
	d.act(Deliver{
		To: w.peer, Delivery: p.delivery, From: c.waiters[0].client, Request: c.request, Timeout: c.last() - d.now, Wait: max(wait-(d.now-c.since), min(wait, 1)),
		Attempt: p.attempts, Credit: p.granted,
	})
}

// undeliver takes a part from its worker, which then has room for another.
func (d *Desk) undeliver(p *part, answered bool) {
	w, s := p.worker, p.call.service
	delete(d.deliveries, p.delivery)
	d.past.note(p.delivery, w.peer, answered)
	p.unlist()
	if p.control {
		w.controls--
	}
	if p.spare {
		p.spare = false
		w.spares--
	}
	s.inFlight--
	if s.unused() {
		d.touch(s)
	}
	d.reorder(w)
	d.markReady(w)
}

// lose takes a part from a worker that was lost. Whether it was executed is not
// known.
func (d *Desk) lose(p *part) {
	w, c, spare := p.worker, p.call, p.spare
	d.undeliver(p, false)
	p.lost = true
	switch {
	case p.abandoned:
	case spare: // it did what it would
		d.conclude(p, overtime(p), &d.counts.Expired)
	case !d.repeatable(p):
		d.conclude(p, Answer{Status: status(mitterev1.Code_CODE_UNAVAILABLE,
			"the worker %q went away; whether the request was executed is not known", w.offer.Name)}, &d.counts.Failed)
	case p.attempts >= d.limits.Deliveries:
		d.counts.Poison++
		d.conclude(p, Answer{Status: status(mitterev1.Code_CODE_INTERNAL,
			"a poison message: it was given to workers of the service %q %d times, and %q went away with it", c.service.name, p.attempts, w.offer.Name)}, &d.counts.Failed)
	default:
		d.counts.Redelivered++
		d.requeue(p)
	}
}

// conclude ends a part that is in no list, and the call if it was the last one; that
// is counted as it says.
func (d *Desk) conclude(p *part, a Answer, count *uint64) {
	c := p.call
	a.Refused = a.Refused && !p.lost
	c.begun = c.begun || p.attempts > 0 && !a.Refused
	p.ended = true
	c.unfinished--
	d.held--
	for _, w := range c.waiters {
		d.reply(w, p, a, c.unfinished > 0)
	}
	if c.unfinished > 0 {
		return
	}
	*count += uint64(len(c.waiters))
	for _, w := range c.waiters {
		d.exit(w)
	}
	d.closeCall(c)
}

// reply answers a waiter for a part.
func (d *Desk) reply(w *waiter, p *part, a Answer, more bool) {
	if !w.silent {
		d.act(Reply{To: w.client, Call: w.number, Tag: w.tag, Worker: p.name(), Answer: a, More: more})
	}
}

// closeCall ends a call for which no client waits any more. What may have been executed is
// remembered, if it must not be executed again.
func (d *Desk) closeCall(c *call) {
	d.alarms.Remove(&c.expiry)
	d.alarms.Remove(&c.news)
	d.bytes -= c.size
	if c.key != (Key{}) {
		delete(d.keys, c.key)
		if c.begun && c.request.Repeat != RepeatSafe {
			d.dedup.note(c.key, d.now)
		}
	}
	c.request, c.waiters = nil, nil
	if c.service.unused() {
		d.touch(c.service)
	}
}

// leaveCall lets a waiter wait no longer, and ends the call if it was the last one.
func (d *Desk) leaveCall(w *waiter) {
	c := w.call
	d.exit(w)
	for i, other := range c.waiters {
		if other == w {
			c.waiters = append(c.waiters[:i], c.waiters[i+1:]...)
			break
		}
	}
	if len(c.waiters) > 0 {
		return
	}
	for _, p := range c.parts {
		if !p.ended {
			d.abandon(p)
		}
	}
	d.closeCall(c)
}

// abandon ends a part for which no client waits. A worker that does not heed a cancel
// has it still: it is busy until it answers.
func (d *Desk) abandon(p *part) {
	p.ended = true
	p.call.unfinished--
	p.call.begun = p.call.begun || p.lost || p.delivery != 0
	d.held--
	switch {
	case p.delivery == 0:
		d.unqueue(p)
	case p.spare:
		d.undeliver(p, false)
	case p.worker.offer.Cancels && !p.worker.gone:
		d.act(CancelDelivery{To: p.worker.peer, Delivery: p.delivery})
		p.worker.said = d.now
		d.undeliver(p, false)
	default:
		p.abandoned = true
	}
}
