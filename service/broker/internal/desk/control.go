package desk

// A control request asks about a worker, as its management does: an answer is wanted most
// when the worker is busy, or drains. So it needs no room, and can come when nothing else
// may. Its worker must be one that takes such requests beside its work.

// takesControl reports whether a request that names a worker is control traffic for it.
func (w *worker) takesControl(r *Request) bool { return r.Control && w.offer.Control }

// takes reports whether a worker takes a request that names it, now or later.
func (w *worker) takes(r *Request) bool { return w.accepting() || w.takesControl(r) && !w.gone }

// controlRoom reports whether it can get a control request now.
func (d *Desk) controlRoom(w *worker) bool { return !w.gone && w.controls < d.limits.Control }

// address lets a part wait for one worker.
func (d *Desk) address(p *part, w *worker) {
	p.worker, p.addressed, p.control = w, true, w.takesControl(p.call.request)
	if p.control {
		d.enqueue(p, &w.controlQueue)
	} else {
		d.enqueue(p, &w.queue)
	}
	d.markReady(w)
}

// waitsFor reports whether a request must wait for a worker that it names.
func (d *Desk) waitsFor(w *worker, r *Request) bool {
	if w.takesControl(r) {
		return !d.controlRoom(w)
	}
	return !w.room()
}
