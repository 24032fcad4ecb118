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
func (d *Desk) Reply(now time.Duration, from Peer, leg uint64, a Answer) []Action {
	d.begin(now)
	p := d.find(from, leg)
	if p == nil {
		return d.end()
	}
	if !p.call.aside {
		p.worker.served++
	}
	d.unleg(p, true)
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
	return d.end()
}

// elsewhere reports whether another worker may take what one refused.
func (d *Desk) elsewhere(p *part, a Answer) bool {
	if p.addressed || p.streamed || p.deliveries >= d.limits.Deliveries {
		return false
	}
	code := a.Status.GetCode()
	return code == mitterev1.Code_CODE_UNAVAILABLE || code == mitterev1.Code_CODE_RESOURCE_EXHAUSTED
}

// Item takes a part of a worker's answer: an item of a stream, or a partial reply
// (RFC 18). With it the request cannot go to another worker any more.
func (d *Desk) Item(now time.Duration, from Peer, leg uint64, content Content) []Action {
	d.begin(now)
	p := d.current(from, leg)
	if p == nil {
		return d.end()
	}
	d.counts.Items++
	p.streamed = true
	p.came = min(p.came+1, p.lent) // one that heeds no credit has none to come
	for _, w := range p.call.waiters {
		if !w.silent {
			d.act(Item{To: w.client, Call: w.number, Tag: w.tag, Worker: p.name(), Content: content})
		}
	}
	d.lend(p)
	return d.end()
}

// Event takes news of the progress of a request from its worker.
func (d *Desk) Event(now time.Duration, from Peer, leg uint64, content Content) []Action {
	d.begin(now)
	p := d.current(from, leg)
	if p == nil {
		return d.end()
	}
	d.counts.Events++
	for _, w := range p.call.waiters {
		if !w.silent {
			d.act(Event{To: w.client, Call: w.number, Tag: w.tag, Worker: p.name(), Content: content})
		}
	}
	return d.end()
}

// find returns the part that a worker has under a leg. It is nil, and counted, if
// it has none.
func (d *Desk) find(from Peer, leg uint64) *part {
	w := d.hear(from)
	if p := d.legs[leg]; p != nil && p.worker == w {
		return p
	}
	d.count(from, leg)
	return nil
}

// current returns the part that a worker has under a leg and that somebody waits
// for. It is nil, and counted, if there is none.
func (d *Desk) current(from Peer, leg uint64) *part {
	p := d.find(from, leg)
	if p != nil && p.abandoned {
		d.counts.Late++
		return nil
	}
	return p
}
