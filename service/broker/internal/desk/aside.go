package desk

// A request that is aside asks about a worker, as its management does: an answer is
// wanted most when the worker is busy, or drains. So it needs no room, and can come when
// nothing else may. Its worker must be one that takes requests beside its work.

// aside reports whether a request is aside for a worker that it names.
func (w *worker) aside(r *Request) bool { return r.Aside && w.offer.Aside }

// takes reports whether a worker takes a request that names it, now or later.
func (w *worker) takes(r *Request) bool { return w.open() || w.aside(r) && !w.gone }

// asideRoom reports whether it can get a request that is aside now.
func (d *Desk) asideRoom(w *worker) bool { return !w.gone && w.asides < d.limits.Aside }

// address lets a part wait for one worker.
func (d *Desk) address(p *part, w *worker) {
	p.worker, p.addressed, p.aside = w, true, w.aside(p.call.request)
	if p.aside {
		d.enqueue(p, &w.beside)
	} else {
		d.enqueue(p, &w.queue)
	}
	d.feed(w)
}

// waitsFor reports whether a request must wait for a worker that it names.
func (d *Desk) waitsFor(w *worker, r *Request) bool {
	if w.aside(r) {
		return !d.asideRoom(w)
	}
	return !w.room()
}
