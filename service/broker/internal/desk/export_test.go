package desk

import (
	"fmt"
	"maps"
)

// SetAhead sets how many items may be on their way to a client.
func (d *Desk) SetAhead(items int) { d.ahead = items }

// Check returns what is wrong with the state between two events.
func (d *Desk) Check() error {
	for _, check := range []func() error{d.checkServices, d.checkWorkers, d.checkCalls, d.checkAlarms} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) checkServices() error {
	for name, s := range d.services {
		if s.unused() || s.touched || s.name != name {
			return fmt.Errorf("service %q is unused or touched", name)
		}
		if s.queue.first != nil && s.free.First() != nil {
			return fmt.Errorf("service %q: %d wait though %d workers are free", name, s.queue.len, s.free.Len())
		}
		if d.shut && s.queue.first != nil && len(s.members) == 0 {
			return fmt.Errorf("service %q: %d wait for nobody though the broker stops", name, s.queue.len)
		}
		waiting, free := s.queue.len, 0
		for member, w := range s.members {
			if d.names[member] != w || w.gone {
				return fmt.Errorf("service %q has the worker %q, which is none", name, member)
			}
			if w.room() {
				free++
			}
		}
		for _, w := range d.workers {
			for _, l := range []*list{&w.queue, &w.controlQueue} {
				for p := l.first; p != nil; p = p.next {
					if p.call.service == s {
						waiting++
					}
				}
			}
		}
		if Reserved(name) && len(s.members) > 0 && !s.own() {
			return fmt.Errorf("service %q has a worker that is not the broker's own", name)
		}
		if free != s.free.Len() || waiting != s.waiting {
			return fmt.Errorf("service %q: free %d of %d, waiting %d of %d", name, s.free.Len(), free, s.waiting, waiting)
		}
		order := uint64(0)
		for p := s.queue.first; p != nil; p = p.next {
			if p.call.order <= order || p.ended || p.delivery != 0 {
				return fmt.Errorf("service %q: the queue is out of order", name)
			}
			order = p.call.order
		}
	}
	return nil
}

// own reports whether all workers of a service are the broker's own.
func (s *service) own() bool {
	for _, w := range s.members {
		if !w.offer.Own {
			return false
		}
	}
	return true
}

func (d *Desk) checkWorkers() error {
	deliveries := 0
	for peer, w := range d.workers {
		deliveries += w.deliveries.len
		switch {
		case w.peer != peer || d.names[w.offer.Name] != w || w.gone || w.ready || w.index == 0:
			return fmt.Errorf("worker %q is not whole", w.offer.Name)
		case w.queue.len > 0 && w.room():
			return fmt.Errorf("worker %q has room and a queue", w.offer.Name)
		case w.controlQueue.len > 0 && d.controlRoom(w):
			return fmt.Errorf("worker %q has room for control requests that wait", w.offer.Name)
		case w.queue.len > 0 && !w.accepting():
			return fmt.Errorf("worker %q drains and has a queue", w.offer.Name)
		}
		controls, spares := 0, 0
		for p := w.deliveries.first; p != nil; p = p.next {
			if p.control {
				controls++
			}
			if p.spare {
				spares++
			}
			if d.deliveries[p.delivery] != p || p.worker != w {
				return fmt.Errorf("worker %q has a foreign delivery", w.offer.Name)
			}
		}
		if spares != w.spares {
			return fmt.Errorf("worker %q has %d deliveries that are spare, of %d", w.offer.Name, w.spares, spares)
		}
		if controls != w.controls || controls > d.limits.Control {
			return fmt.Errorf("worker %q has %d control deliveries, of %d", w.offer.Name, w.controls, controls)
		}
	}
	if deliveries != len(d.deliveries) || len(d.names) != len(d.workers) || d.watched.Len() != len(d.workers) {
		return fmt.Errorf("%d deliveries of %d, %d workers, %d names, %d watched", len(d.deliveries), deliveries, len(d.workers), len(d.names), d.watched.Len())
	}
	return nil
}

func (d *Desk) checkCalls() error {
	waiters, held, bytes := 0, 0, 0
	calls := map[*call]bool{}
	for a := range d.alarms.All {
		if a.waiter != nil {
			waiters++
		}
		calls[a.call] = true
	}
	for c := range calls {
		held += c.unfinished
		bytes += c.size
		waiting := 0
		for _, p := range c.parts {
			if !p.ended && p.delivery == 0 {
				waiting++
			}
		}
		if waiting != c.waiting || c.unfinished == 0 || len(c.waiters) == 0 {
			return fmt.Errorf("a call with %d open, %d of %d waiting, %d waiters", c.unfinished, c.waiting, waiting, len(c.waiters))
		}
	}
	unserved := 0
	for _, s := range d.services {
		if len(s.members) == 0 {
			unserved++
		}
	}
	if unserved != d.unserved {
		return fmt.Errorf("%d services without a worker, of %d", d.unserved, unserved)
	}
	opened := map[Peer]int{}
	for _, s := range d.services {
		if s.counted {
			opened[s.opener]++
		}
		if s.counted && len(s.members) > 0 {
			return fmt.Errorf("service %q has workers and is counted as a peer's", s.name)
		}
	}
	if !maps.Equal(opened, d.opened) {
		return fmt.Errorf("services of peers: %v, of %v", d.opened, opened)
	}
	oneWay, parts := 0, 0
	for a := range d.alarms.All {
		if w := a.waiter; w != nil && w.silent {
			oneWay += w.parts
		}
		if w := a.waiter; w != nil {
			parts += w.parts
		}
	}
	for _, c := range d.clients {
		parts -= c.parts
	}
	if oneWay != d.oneWay || parts != 0 {
		return fmt.Errorf("one-way %d of %d, %d parts that are no client's", d.oneWay, oneWay, parts)
	}
	if held != d.held || bytes != d.bytes || waiters != d.Load().Calls {
		return fmt.Errorf("held %d of %d, bytes %d of %d, calls %d of %d", d.held, held, d.bytes, bytes, d.Load().Calls, waiters)
	}
	return nil
}

func (d *Desk) checkAlarms() error {
	for a := range d.alarms.All {
		if a.at <= d.now {
			return fmt.Errorf("an alarm at %v, now %v", a.at, d.now)
		}
	}
	if len(d.dedup.ended) > len(d.dedup.order) || len(d.dedup.order) > d.limits.Keys {
		return fmt.Errorf("%d keys in order, %d known", len(d.dedup.order), len(d.dedup.ended))
	}
	return nil
}

// Empty reports whether the desk holds nothing.
func (d *Desk) Empty() bool {
	return len(d.services)+len(d.types)+len(d.workers)+len(d.names)+d.watched.Len()+len(d.calls)+len(d.clients)+len(d.keys)+
		len(d.deliveries)+d.alarms.Len()+d.held+d.oneWay+d.unserved+d.bytes+len(d.dedup.ended)+len(d.dedup.order)+len(d.ready)+len(d.touched)+len(d.opened) == 0
}

// Abandoned reports whether nobody waits for a delivery that a worker has.
func (d *Desk) Abandoned(delivery uint64) bool {
	p := d.deliveries[delivery]
	return p != nil && p.abandoned
}
