package desk

import "time"

// Spare takes word of a worker that it is free, though it has not answered a request: it
// may have ended that without an answer, which its protocol cannot say. The worker can
// get another one. An answer is still taken, until the request has waited for one as long
// as a request without a deadline may wait to be begun.
func (d *Desk) Spare(now time.Duration, from Peer, delivery uint64) []Action {
	d.beginEvent(now)
	w, p := d.hear(from), d.deliveries[delivery]
	if p == nil || p.worker != w || p.control || p.spare {
		return d.endEvent()
	}
	p.spare = true
	w.spares++
	d.reorder(w)
	d.markReady(w)
	if p.abandoned {
		d.undeliver(p, false)
		return d.endEvent()
	}
	for _, waits := range p.call.waiters {
		waits.deadline.at = min(waits.deadline.at, d.now+d.limits.Expiry)
		d.alarms.Put(&waits.deadline)
	}
	return d.endEvent()
}
