package desk

import (
	"errors"
	"time"

	"github.com/mittere/mittere/internal/heap"
)

// Desk is the state of a broker. Make one with [New].
//
// Each event is a method. It returns what is to be done, in that order; the slice
// is the desk's again with the next event, the actions in it are the caller's. now
// does not go backwards; if it does, the desk keeps its own. Whatever else is due at that
// time is done first, so that any event may return actions of any kind.
//
// A Desk is not safe for concurrent use. What it is given is shared with the actions
// and never changed, by it or by the caller.
type Desk struct {
	limits Limits
	epoch  string

	now     time.Duration // of the last event
	actions []Action

	services   map[string]*service
	types      takers
	workers    map[Peer]*worker
	names      map[string]*worker
	watched    heap.Heap[*worker] // all workers
	calls      map[callID]*waiter
	clients    map[Peer]*client
	keys       map[Key]*call
	deliveries map[uint64]*part
	alarms     heap.Heap[*alarm]
	streams    map[Peer]int      // how many of each client are paced
	paused     map[Peer]struct{} // clients that have no room
	ahead      int               // mostAhead, outside of tests
	unserved   int               // services without a worker
	opened     map[Peer]int      // of those, how many the requests of each peer made
	held       int               // parts that have not ended
	oneWay     int               // parts of requests that were one-way and have not ended
	bytes      int

	orders       uint64 // that were given to requests
	uses         uint64 // of workers
	lastDelivery uint64 // the number of the last one
	past         past
	dedup        dedup
	once         map[string]bool // services of which nothing is executed twice

	expected string // see Expect; empty when it has come

	ready   []*worker  // for dispatch
	touched []*service // for dispatch
	counts  Counters
	shut    bool // no request is taken any more, but for the broker's own services
}

// callID names a call of a client.
type callID struct {
	client Peer
	number uint64
}

// New returns an empty desk. The epoch tells this run of the broker from others in
// the tokens that go to workers: printable ASCII without "-", random if workers
// outlive the broker. The error joins all that is wrong.
func New(epoch string, limits Limits) (*Desk, error) {
	limits, err := limits.complete()
	if !printable(epoch) {
		err = errors.Join(err, errors.New("desk: an epoch must be printable ASCII without \"-\""))
	}
	if err != nil {
		return nil, err
	}
	return &Desk{
		limits:     limits,
		epoch:      epoch,
		services:   map[string]*service{},
		types:      takers{},
		workers:    map[Peer]*worker{},
		names:      map[string]*worker{},
		calls:      map[callID]*waiter{},
		clients:    map[Peer]*client{},
		keys:       map[Key]*call{},
		deliveries: map[uint64]*part{},
		dedup:      newDedup(limits.KeyAge, limits.Keys),
		once:       map[string]bool{},
		opened:     map[Peer]int{},
		streams:    map[Peer]int{},
		paused:     map[Peer]struct{}{},
		ahead:      mostAhead,
	}, nil
}

// NeverRepeat has requests for these services go to no second worker when the first is lost
// with them, whatever clients and workers say. It is called before the first event.
func (d *Desk) NeverRepeat(services ...string) {
	for _, name := range services {
		d.once[name] = true
	}
}

// beginEvent begins an event: what is due at that time comes first.
func (d *Desk) beginEvent(now time.Duration) {
	clear(d.actions) // or the array keeps what they hold
	d.actions = d.actions[:0]
	d.advance(now)
	d.expire()
	d.watchWorkers()
	d.dispatch()
}

// endEvent ends an event, and returns what is to be done.
func (d *Desk) endEvent() []Action {
	d.dispatch()
	return d.actions
}

// act has the caller do something.
func (d *Desk) act(a Action) { d.actions = append(d.actions, a) }

// dispatch gives what waits to workers with room, and forgets services that are not
// used. After it, no worker with room has something that waits for it.
func (d *Desk) dispatch() {
	// Neither list grows meanwhile: nothing becomes free here.
	for _, w := range d.ready {
		w.ready = false
		for w.controlQueue.first != nil && d.controlRoom(w) {
			d.deliver(w.controlQueue.first, w)
		}
		for p := w.oldest(); p != nil && w.room(); p = w.oldest() {
			d.deliver(p, d.best(p, w))
		}
	}
	for _, s := range d.touched {
		for s.queue.first != nil && s.free.First() != nil {
			d.deliver(s.queue.first, s.free.First().worker)
		}
		if d.shut && len(s.members) == 0 {
			d.sendAway(s)
		}
		if s.fast > 0 && s.accepting == 0 {
			d.failFast(s)
		}
		s.touched = false // or what ends in it would touch it again
		if s.unused() {
			delete(d.services, s.name)
			d.disown(s)
			d.unserved--
		}
	}
	clear(d.ready)
	clear(d.touched)
	d.ready, d.touched = d.ready[:0], d.touched[:0]
}

// best returns who should get a part that a worker with room could take: that one
// if it must, else the one that is least busy.
func (d *Desk) best(p *part, w *worker) *worker {
	if p.addressed {
		return w
	}
	return p.call.service.free.First().worker
}
