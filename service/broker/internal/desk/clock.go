package desk

import "time"

// alarm is a moment at which a call ends for a client that waits for it, or, without a
// waiter, what of the call still waits; or at which it is looked at why it waits.
type alarm struct {
	at     time.Duration
	call   *call
	waiter *waiter
	index  int
}

func (a *alarm) Before(other *alarm) bool { return a.at < other.at }
func (a *alarm) Place() *int              { return &a.index }

// patienceFactor is how many heartbeats a worker may leave out, if it does not say:
// RFC 7 has three to five.
const patienceFactor = 3

// Tick does what is due. It must be called at [Desk.Next].
func (d *Desk) Tick(now time.Duration) []Action {
	d.beginEvent(now)
	return d.endEvent()
}

// Next returns when something is due, or a little before; ok is false if nothing
// will be.
func (d *Desk) Next() (at time.Duration, ok bool) {
	sooner := func(t time.Duration) {
		if !ok || t < at {
			at, ok = t, true
		}
	}
	if a := d.alarms.First(); a != nil {
		sooner(a.at)
	}
	if w := d.watched.First(); w != nil {
		sooner(w.check)
	}
	if t, some := d.dedup.next(); some {
		sooner(t)
	}
	return at, ok
}

// advance notes the time. After a process pause, as by SIGSTOP, which is seen
// where no event came for more than half a worker's patience, the desk cannot tell whether
// the worker was silent: what it sent may lie unread. It gets its whole patience again.
//
// That does not keep dead workers alive: the caller must call Tick within three quarters of
// a heartbeat.
func (d *Desk) advance(now time.Duration) {
	pause := now - d.now
	d.now = max(d.now, now)
	if pause <= d.limits.Heartbeat {
		return
	}
	for _, w := range d.workers {
		if 2*pause > w.offer.Patience {
			w.heard = d.now
		}
	}
}

// expire ends what has waited or run for too long, and forgets old keys.
func (d *Desk) expire() {
	for a := d.alarms.First(); a != nil && a.at <= d.now; a = d.alarms.First() {
		d.alarms.Remove(a)
		switch {
		case a.waiter != nil:
			d.expireWaiter(a.waiter)
		case a == &a.call.news:
			d.tellWaiting(a.call)
		default:
			d.expireQueued(a.call)
		}
	}
	d.dedup.expire(d.now)
}

// expireWaiter ends a call whose deadline is over.
func (d *Desk) expireWaiter(w *waiter) {
	c := w.call
	left := c.unfinished
	for _, p := range c.parts {
		if !p.ended {
			left--
			d.reply(w, p, overtime(p), left > 0)
		}
	}
	d.counts.Expired++
	d.leaveCall(w)
}

// expireQueued ends what still waits of a call that may not wait any longer.
func (d *Desk) expireQueued(c *call) {
	if d.lasts(c) {
		d.limitWait(c)
		return
	}
	for _, p := range c.parts {
		if !p.ended && p.delivery == 0 {
			answer := overtime(p) // which says where it waits
			d.unqueue(p)
			d.conclude(p, answer, &d.counts.Expired)
		}
	}
}

// watchWorkers looks at the workers that may have been silent for too long, or to whom
// nothing was said for too long.
func (d *Desk) watchWorkers() {
	for w := d.watched.First(); w != nil && w.check <= d.now; w = d.watched.First() {
		if d.now >= w.silent() {
			d.counts.Died++
			d.dismiss(w, statusSilent(d.now-w.heard))
			continue
		}
		if d.now >= w.beat() {
			d.act(Heartbeat{To: w.peer})
			w.said = d.now
		}
		d.observe(w)
	}
}

// observe has a worker watched from now on.
func (d *Desk) observe(w *worker) {
	w.check = min(w.silent(), w.beat())
	d.watched.Put(w)
}

// silent returns when a worker is dead if nothing comes.
func (w *worker) silent() time.Duration { return w.heard + w.offer.Patience }

// beat returns when a worker must be sent something, a little before its time.
func (w *worker) beat() time.Duration { return w.said + w.offer.Heartbeat*3/4 }
