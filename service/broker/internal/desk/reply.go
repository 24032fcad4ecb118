package desk

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Reply takes the answer of a worker, which then has room for another request. An
// answer for anything but what it has is counted and dropped; a peer that is no
// worker is told so with a Disconnect, which RFC 7 demands for what is valid but
// not expected.
//
// A request that was refused because its worker stops or is full goes to another
// one, whatever it does; each try counts as a delivery.
func (d *Desk) Reply(now time.Duration, from Peer, delivery uint64, a Answer) []Action {
	d.beginEvent(now)
	p := d.find(from, delivery)
	if p == nil {
		return d.endEvent()
	}
	if !p.call.control {
		p.worker.served++
	}
	d.undeliver(p, true)
	switch {
	case p.abandoned:
		d.counts.Late++
	case a.Refused && d.elsewhere(p, a):
		d.counts.Replies++
		d.counts.Redelivered++
		d.requeue(p)
	default:
		d.counts.Replies++
		d.conclude(p, a, &d.counts.Answered)
	}
	return d.endEvent()
}

// elsewhere reports whether another worker may take what one refused.
func (d *Desk) elsewhere(p *part, a Answer) bool {
	if p.addressed || p.streamed || p.attempts >= d.limits.Deliveries {
		return false
	}
	code := a.Status.GetCode()
	return code == mitterev1.Code_CODE_UNAVAILABLE || code == mitterev1.Code_CODE_RESOURCE_EXHAUSTED
}

// Item takes a part of a worker's answer: an item of a stream, or a partial reply
// (RFC 18). With it the request cannot go to another worker any more.
func (d *Desk) Item(now time.Duration, from Peer, delivery uint64, content Content) []Action {
	d.beginEvent(now)
	p := d.current(from, delivery)
	if p == nil {
		return d.endEvent()
	}
	d.counts.Items++
	p.streamed = true
	p.came = min(p.came+1, p.granted) // one that heeds no credit has none to come
	for _, w := range p.call.waiters {
		if !w.silent {
			d.act(Item{To: w.client, Call: w.number, Tag: w.tag, Worker: p.name(), Content: content})
		}
	}
	d.grant(p)
	return d.endEvent()
}

// Event takes news of the progress of a request from its worker.
func (d *Desk) Event(now time.Duration, from Peer, delivery uint64, content Content) []Action {
	d.beginEvent(now)
	p := d.current(from, delivery)
	if p == nil {
		return d.endEvent()
	}
	d.counts.Events++
	for _, w := range p.call.waiters {
		if !w.silent {
			d.act(Event{To: w.client, Call: w.number, Tag: w.tag, Worker: p.name(), Content: content})
		}
	}
	return d.endEvent()
}

// find returns the part that a worker has under a delivery. It is nil, and counted, if
// it has none.
func (d *Desk) find(from Peer, delivery uint64) *part {
	w := d.hear(from)
	if p := d.deliveries[delivery]; p != nil && p.worker == w {
		return p
	}
	d.count(from, delivery)
	return nil
}

// current returns the part that a worker has under a delivery and that a client waits
// for. It is nil, and counted, if there is none.
func (d *Desk) current(from Peer, delivery uint64) *part {
	p := d.find(from, delivery)
	if p != nil && p.abandoned {
		d.counts.Late++
		return nil
	}
	return p
}
