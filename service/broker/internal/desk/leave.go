package desk

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Drain lets a worker finish what it has and gives it nothing new, until it is
// ready again; what waits for it alone is refused, unless it is aside. It is for what
// the worker asks; see [Desk.Retire].
func (d *Desk) Drain(now time.Duration, peer Peer) []Action {
	d.begin(now)
	if w := d.workers[peer]; w != nil {
		w.heard = d.now
		w.draining = true
		d.rest(w)
	}
	return d.end()
}

// Retire drains a worker as the operator asks: being ready again changes nothing
// then, in the same session or in another one that takes over the name from it. It
// ends with [Desk.Reinstate], and when nobody has the name any more, as after
// [Desk.Dismiss] or [Desk.Gone].
func (d *Desk) Retire(now time.Duration, peer Peer) []Action {
	d.begin(now)
	if w := d.workers[peer]; w != nil {
		w.retired = true
		d.rest(w)
	}
	return d.end()
}

// Reinstate undoes [Desk.Retire]: a worker gets requests again, unless it drains as it wishes
// itself.
func (d *Desk) Reinstate(now time.Duration, peer Peer) []Action {
	d.begin(now)
	if w := d.workers[peer]; w != nil {
		w.retired = false
		d.reseat(w)
		d.feed(w)
	}
	return d.end()
}

// rest has a worker that drains get nothing more of its work.
func (d *Desk) rest(w *worker) {
	d.reseat(w)
	d.turnAway(&w.queue, w)
	for _, s := range w.seats {
		d.touch(s.service) // it may have nobody else
	}
}

// Gone ends a peer as a client and as a worker: it said DISCONNECT, or it cannot be
// reached. Nothing is sent to it. As a client it has its requests cancelled, as a
// worker it is lost with what it has. Of that, legs that are listed as unsent never
// left: they go to others whatever they do.
func (d *Desk) Gone(now time.Duration, peer Peer, unsent ...uint64) []Action {
	never := make(map[uint64]bool, len(unsent))
	for _, leg := range unsent {
		never[leg] = true
	}
	return d.gone(now, peer, func(leg uint64) bool { return never[leg] })
}

// Left is [Desk.Gone] of a peer that says as its last word that it has executed nothing but
// what it has answered.
func (d *Desk) Left(now time.Duration, peer Peer) []Action {
	return d.gone(now, peer, func(uint64) bool { return true })
}

// gone ends a peer; of what it has as a worker, these legs were never executed.
func (d *Desk) gone(now time.Duration, peer Peer, never func(leg uint64) bool) []Action {
	if w := d.workers[peer]; w != nil { // nothing is sent to it, whatever is due
		w.gone = true
		d.watched.Remove(w)
		d.reseat(w)
	}
	d.begin(now)
	delete(d.paused, peer)
	for c := d.clients[peer]; c != nil && c.latest != nil; {
		d.counts.Cancelled++
		d.leave(c.latest)
	}
	if w := d.workers[peer]; w != nil {
		d.unsend(w, never)
		d.bury(w)
	}
	return d.end()
}

// unsend takes back what a worker has and never executed.
func (d *Desk) unsend(w *worker, never func(leg uint64) bool) {
	for p, before := w.legs.last, (*part)(nil); p != nil; p = before {
		before = p.prev
		if p.abandoned || p.streamed || !never(p.leg) {
			continue
		}
		d.unleg(p, false)
		p.deliveries--
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
	d.begin(now)
	if w := d.workers[peer]; w != nil {
		d.dismiss(w, why)
	}
	return d.end()
}

// dismiss disconnects a worker and loses it.
func (d *Desk) dismiss(w *worker, why *mitterev1.Status) {
	d.act(Disconnect{To: w.peer, Status: why})
	d.bury(w)
}

// bury loses a worker with what it has.
func (d *Desk) bury(w *worker) {
	w.gone = true
	delete(d.workers, w.peer)
	delete(d.names, w.offer.Name)
	d.watched.Remove(w)
	d.rise(w)
	d.turnAway(&w.queue, w)
	d.turnAway(&w.beside, w)
	// The latest first, for it goes to the front of the queue.
	for p := w.legs.last; p != nil; p = w.legs.last {
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
