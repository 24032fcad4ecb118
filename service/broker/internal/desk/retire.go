package desk

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Drain lets a worker finish what it has and gives it nothing new, until it is
// ready again; what waits for it alone is refused, unless it is a control request. It is for what
// the worker asks; see [Desk.Retire].
func (d *Desk) Drain(now time.Duration, peer Peer) []Action {
	d.beginEvent(now)
	if w := d.workers[peer]; w != nil {
		w.heard = d.now
		w.draining = true
		d.rest(w)
	}
	return d.endEvent()
}

// Retire drains a worker as the operator asks: being ready again changes nothing
// then, in the same session or in another one that takes over the name from it. It
// ends with [Desk.Reinstate], and when no worker has the name any more, as after
// [Desk.Dismiss] or [Desk.Gone].
func (d *Desk) Retire(now time.Duration, peer Peer) []Action {
	d.beginEvent(now)
	if w := d.workers[peer]; w != nil {
		w.retired = true
		d.rest(w)
	}
	return d.endEvent()
}

// Reinstate undoes [Desk.Retire]: a worker gets requests again, unless it drains as it wishes
// itself.
func (d *Desk) Reinstate(now time.Duration, peer Peer) []Action {
	d.beginEvent(now)
	if w := d.workers[peer]; w != nil {
		w.retired = false
		d.reorder(w)
		d.markReady(w)
	}
	return d.endEvent()
}

// rest has a worker that drains get nothing more of its work.
func (d *Desk) rest(w *worker) {
	d.reorder(w)
	d.turnAway(&w.queue, w)
	for _, s := range w.memberships {
		d.touch(s.service) // which may have no other worker
	}
}

// Gone ends a peer as a client and as a worker: it said DISCONNECT, or it cannot be
// reached. Nothing is sent to it. As a client it has its requests cancelled, as a
// worker it is lost with what it has. Of that, deliveries that are listed as unsent never
// left: they go to others whatever they do.
func (d *Desk) Gone(now time.Duration, peer Peer, unsent ...uint64) []Action {
	never := make(map[uint64]bool, len(unsent))
	for _, delivery := range unsent {
		never[delivery] = true
	}
	return d.gone(now, peer, func(delivery uint64) bool { return never[delivery] })
}

// Left is [Desk.Gone] of a peer that says as its last word that it has executed nothing but
// what it has answered.
func (d *Desk) Left(now time.Duration, peer Peer) []Action {
	return d.gone(now, peer, func(uint64) bool { return true })
}

// gone ends a peer; of what it has as a worker, these deliveries were never executed.
func (d *Desk) gone(now time.Duration, peer Peer, never func(delivery uint64) bool) []Action {
	if w := d.workers[peer]; w != nil { // nothing is sent to it, whatever is due
		w.gone = true
		d.watched.Remove(w)
		d.reorder(w)
	}
	d.beginEvent(now)
	delete(d.paused, peer)
	for c := d.clients[peer]; c != nil && c.latest != nil; {
		d.counts.Cancelled++
		d.leaveCall(c.latest)
	}
	if w := d.workers[peer]; w != nil {
		d.unsend(w, never)
		d.evict(w)
	}
	return d.endEvent()
}

// unsend takes back what a worker has and never executed.
func (d *Desk) unsend(w *worker, never func(delivery uint64) bool) {
	for p, before := w.deliveries.last, (*part)(nil); p != nil; p = before {
		before = p.prev
		if p.abandoned || p.streamed || !never(p.delivery) {
			continue
		}
		d.undeliver(p, false)
		p.attempts--
		if p.addressed {
			d.conclude(p, refused(mitterev1.Code_CODE_UNAVAILABLE, "the worker %q is gone", w.offer.Name), &d.counts.Failed)
		} else {
			d.requeue(p)
		}
	}
}

// Dismiss disconnects a worker, as the operator asks, and loses it with what it
// has.
func (d *Desk) Dismiss(now time.Duration, peer Peer, why *mitterev1.Status) []Action {
	d.beginEvent(now)
	if w := d.workers[peer]; w != nil {
		d.dismiss(w, why)
	}
	return d.endEvent()
}

// dismiss disconnects a worker and loses it.
func (d *Desk) dismiss(w *worker, why *mitterev1.Status) {
	d.act(Disconnect{To: w.peer, Status: why})
	d.evict(w)
}

// evict loses a worker with what it has.
func (d *Desk) evict(w *worker) {
	w.gone = true
	delete(d.workers, w.peer)
	delete(d.names, w.offer.Name)
	d.watched.Remove(w)
	d.leaveServices(w)
	d.turnAway(&w.queue, w)
	d.turnAway(&w.controlQueue, w)
	// The latest first, for it goes to the front of the queue.
	for p := w.deliveries.last; p != nil; p = w.deliveries.last {
		d.lose(p)
	}
}

// turnAway refuses what waits in a queue for a worker alone.
func (d *Desk) turnAway(l *list, w *worker) {
	for p := l.first; p != nil; p = l.first {
		d.unqueue(p)
		d.conclude(p, refused(mitterev1.Code_CODE_UNAVAILABLE, "the worker %q takes no requests any more", w.offer.Name), &d.counts.Failed)
	}
}
