package desk

import (
	"cmp"
	"slices"
	"time"
)

// State is what a worker is doing.
type State int

const (
	// Idle workers have nothing to do.
	Idle State = iota
	// Busy workers have a request.
	Busy
	// Draining workers get no further requests, as they or the operator wish.
	Draining
)

// String returns the state's name.
func (s State) String() string {
	switch s {
	case Idle:
		return "idle"
	case Busy:
		return "busy"
	default:
		return "draining"
	}
}

// ServiceView tells of a service.
type ServiceView struct {
	Name     string // of the service
	Workers  int    // registered: idle, busy or draining. mmi.service answers 200 if there is one (RFC 8)
	Free     int    // that can get a request now
	Queued   int    // requests that wait, for any worker or for one
	InFlight int    // requests at workers
}

// WorkerView tells of a worker. Times are by the desk's clock. Slices are the
// desk's and not to be changed.
type WorkerView struct {
	Peer     Peer          // its address
	Offer    Offer         // as it is held to: bounded, without repetitions
	State    State         // what it is doing
	Retired  bool          // the operator drains it, see [Desk.Retire]
	InFlight int           // requests that it has, control requests included
	Queued   int           // requests that wait for it alone
	Served   uint64        // requests that it answered, but for those that are about it and none of its work
	Since    time.Duration // when it registered
	Heard    time.Duration // when something came of it
	Until    time.Duration // when it is dead if nothing comes
}

// Counters count since the desk began. Each call that a client makes ends in one of
// six ways: Requests = Refused + Answered + Failed + Expired + Cancelled + those that
// have not ended, which are [Desk.Load]'s Calls.
type Counters struct {
	Requests  uint64 // that came
	Refused   uint64 // of them, answered at once and never taken
	Answered  uint64 // ended by the (last) reply of a worker
	Failed    uint64 // ended because of a worker that was lost
	Expired   uint64 // ended by time
	Cancelled uint64 // ended by the client, or with it

	Joined      uint64 // requests that repeat one which waited or ran
	Delivered   uint64 // requests given to workers, each time
	Redelivered uint64 // of them, requests put back to be given again
	Poison      uint64 // requests with which too many workers were lost
	Replies     uint64 // final ones of workers that were taken
	Items       uint64 // items and partial replies that were taken
	Events      uint64 // that were taken

	Late       uint64 // replies, items and events for what had ended otherwise
	Duplicates uint64 // those for what was answered
	Foreign    uint64 // those for what the worker never had
	Registered uint64 // READYs that were taken
	Rejected   uint64 // READYs that were not
	Died       uint64 // workers that were silent for too long
}

// Load tells how much a desk holds.
type Load struct {
	Calls    int // that clients wait for, one-way ones included
	Requests int // as [Limits].Requests counts them
	InFlight int // at workers, abandoned ones included
	Bytes    int // of the requests
	Services int // that have workers or requests
	Workers  int // that are registered
}

// Now returns the time of the last event, at which the actions are to be done that it
// returned.
func (d *Desk) Now() time.Duration { return d.now }

// Stopping reports whether the desk takes no requests any more but for reserved
// services; see [Desk.Shut].
func (d *Desk) Stopping() bool { return d.shut }

// Workforce returns how many workers are registered, and how many READYs were taken until
// now. Whatever is derived of the workers is still right while both are what they were.
func (d *Desk) Workforce() (workers int, registrations uint64) {
	return len(d.workers), d.counts.Registered
}

// Counters returns what was counted.
func (d *Desk) Counters() Counters { return d.counts }

// Load returns how much the desk holds.
func (d *Desk) Load() Load {
	c := d.counts
	return Load{
		Calls:    int(c.Requests - c.Refused - c.Answered - c.Failed - c.Expired - c.Cancelled),
		Requests: d.held, InFlight: len(d.deliveries), Bytes: d.bytes,
		Services: len(d.services), Workers: len(d.workers),
	}
}

// Limits returns the limits that hold.
func (d *Desk) Limits() Limits { return d.limits }

// Services returns all services that have workers or requests, ordered by name.
func (d *Desk) Services() []ServiceView {
	return slices.SortedFunc(d.EachService, func(a, b ServiceView) int { return cmp.Compare(a.Name, b.Name) })
}

// Service returns the service of a name; ok is false if it has neither a worker nor
// a request.
func (d *Desk) Service(name string) (v ServiceView, ok bool) {
	s := d.services[name]
	if s == nil {
		return ServiceView{}, false
	}
	return s.view(), true
}

// Workers returns all workers, ordered by name.
func (d *Desk) Workers() []WorkerView {
	return slices.SortedFunc(d.EachWorker, func(a, b WorkerView) int { return cmp.Compare(a.Offer.Name, b.Offer.Name) })
}

// EachWorker gives all workers to yield, in no order, until that returns false.
func (d *Desk) EachWorker(yield func(WorkerView) bool) {
	for _, w := range d.workers {
		if !yield(w.view()) {
			return
		}
	}
}

// EachService gives all services to yield that have workers or requests, in no order, until
// that returns false.
func (d *Desk) EachService(yield func(ServiceView) bool) {
	for _, s := range d.services {
		if !yield(s.view()) {
			return
		}
	}
}

// Worker returns the worker of a name.
func (d *Desk) Worker(name string) (v WorkerView, ok bool) {
	w := d.names[name]
	if w == nil {
		return WorkerView{}, false
	}
	return w.view(), true
}

// Waits reports whether a peer has a call that has not ended.
func (d *Desk) Waits(peer Peer) bool {
	c := d.clients[peer]
	return c != nil && c.latest != nil
}

// Has reports whether a peer is a worker that has a request under this delivery.
func (d *Desk) Has(peer Peer, delivery uint64) bool {
	p := d.deliveries[delivery]
	return p != nil && p.worker == d.workers[peer]
}

// Registered reports whether a peer is a worker.
func (d *Desk) Registered(peer Peer) bool { return d.workers[peer] != nil }

func (s *service) view() ServiceView {
	return ServiceView{Name: s.name, Workers: len(s.members), Free: s.free.Len(), Queued: s.waiting, InFlight: s.inFlight}
}

func (w *worker) view() WorkerView {
	v := WorkerView{
		Peer: w.peer, Offer: w.offer, Retired: w.retired, InFlight: w.deliveries.len, Queued: w.queue.len + w.controlQueue.len, Served: w.served,
		Since: w.since, Heard: w.heard, Until: w.silent(),
	}
	switch {
	case w.draining || w.retired:
		v.State = Draining
	case w.deliveries.len > w.spares:
		v.State = Busy
	}
	return v
}
