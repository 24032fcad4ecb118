package desk

import (
	"slices"
	"time"
)

// Offer is what a worker says of itself when it is ready.
type Offer struct {
	Name     string   // instance name; of MDP and pirate workers the printable routing id, else its hex
	Services []string // names of those that it serves
	Capacity int      // requests at once; 0 is 1, as RFC 7 has it
	Version  string   // of its program
	Session  uint64   // a second READY of the same one keeps what is in flight; 0 is always another

	Heartbeat time.Duration // how often each side sends something; at least [Limits].Heartbeat
	Patience  time.Duration // how long it may be silent; at least twice as long, three times if 0

	Endpoints   []string // at which it can be called directly
	Descriptors []byte   // hash of the descriptors of its services
	Idempotent  bool     // requests that do not say may be executed again: RFC 7 assumes it
	Repeatable  []string // methods for which the same holds
	Types       []string // message types that it takes without a method; see [Desk.Takers]
	Cancels     bool     // it heeds CancelDelivery, and then gives no reply; others are busy until they give one
	Own         bool     // it is the broker's own, which may offer reserved services
	Control     bool     // it takes control requests while it is busy or drains: at once, beside its capacity, [Limits].Control of them
}

// repeats reports whether a request of a method that does not say may be executed
// again. The offer was bounded.
func (o *Offer) repeats(method string) bool {
	if o.Idempotent || method == "" {
		return o.Idempotent
	}
	_, found := slices.BinarySearch(o.Repeatable, method)
	return found
}

// worker is one that is registered.
type worker struct {
	peer         Peer
	offer        Offer
	memberships  []*membership
	deliveries   list // what it has
	queue        list // what waits for it alone; empty if it has room
	controlQueue list // of that, control requests; empty if it has room for such
	controls     int  // of its deliveries, those of control requests
	spares       int  // of its deliveries, those that it left unanswered
	draining     bool // as it wishes
	retired      bool // as the operator wishes
	gone         bool
	ready        bool   // it is among those that dispatch looks at
	used         uint64 // when it last got something, by the count of uses
	served       uint64

	since time.Duration // when it registered
	heard time.Duration // when something came of it
	said  time.Duration // when something was last sent to it
	check time.Duration // when to look at it again, or before
	index int           // among those that are watched
}

// membership is a worker of a service. It is in the heap of that while it can get a
// request.
type membership struct {
	worker    *worker
	service   *service
	accepting bool // the worker is counted there as one that takes requests
	index     int
}

// before orders by load for the capacity, then least recent use.
func (s *membership) Before(other *membership) bool {
	v, w := s.worker, other.worker
	mine, its := v.work()*w.offer.Capacity, w.work()*v.offer.Capacity
	if mine != its {
		return mine < its
	}
	return v.used < w.used
}

func (s *membership) Place() *int { return &s.index }

// before orders workers by when to look at them.
func (w *worker) Before(other *worker) bool { return w.check < other.check }

func (w *worker) Place() *int { return &w.index }

// accepting reports whether a worker takes requests, now or later.
func (w *worker) accepting() bool { return !w.gone && !w.draining && !w.retired }

// work returns how much of its capacity is taken.
func (w *worker) work() int { return w.deliveries.len - w.controls - w.spares }

// room reports whether it can get a request now.
func (w *worker) room() bool { return w.accepting() && w.work() < w.offer.Capacity }

// oldest returns what has waited longest of what the worker may do, or nil.
func (w *worker) oldest() *part {
	p := w.queue.first
	for _, s := range w.memberships {
		if q := s.service.queue.first; q != nil && (p == nil || q.call.order < p.call.order) {
			p = q
		}
	}
	return p
}

// joinServices makes a worker a member of the services that it offers.
func (d *Desk) joinServices(w *worker) {
	for _, name := range w.offer.Services {
		s := d.service(name)
		if len(s.members) == 0 {
			d.disown(s)
			d.unserved--
		}
		s.members[w.offer.Name] = w
		w.memberships = append(w.memberships, &membership{worker: w, service: s})
		d.types.add(w.offer.Types, name)
	}
	d.reorder(w)
}

// leaveServices undoes joinServices.
func (d *Desk) leaveServices(w *worker) {
	for _, s := range w.memberships {
		s.service.free.Remove(s)
		s.count(false)
		delete(s.service.members, w.offer.Name)
		if len(s.service.members) == 0 {
			d.unserved++
		}
		d.types.remove(w.offer.Types, s.service.name)
		d.touch(s.service)
	}
	w.memberships = nil
}

// reorder moves a worker to where it belongs by its load.
func (d *Desk) reorder(w *worker) {
	room := w.room()
	for _, s := range w.memberships {
		s.count(w.accepting())
		if room {
			s.service.free.Put(s)
		} else {
			s.service.free.Remove(s)
		}
	}
}

// count counts whether the worker takes requests.
func (s *membership) count(accepting bool) {
	switch {
	case accepting && !s.accepting:
		s.service.accepting++
	case !accepting && s.accepting:
		s.service.accepting--
	}
	s.accepting = accepting
}

// markReady has dispatch give a worker what waits for it.
func (d *Desk) markReady(w *worker) {
	if !w.ready {
		w.ready = true
		d.ready = append(d.ready, w)
	}
}
