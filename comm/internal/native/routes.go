package native

import (
	"encoding/binary"
	"time"
)

// routes are the peers of a ROUTER by their routing ids (RFC 28, "ROUTER"). A peer that
// chose no id gets one of five bytes: 0 and a number that counts up. One that chose an id
// that is taken takes it over.
type routes[P comparable] struct {
	byID       map[string]*route[P]
	last       uint32 // the number of the latest id that was made up
	generation uint64 // of the latest peer
}

// route is what is known of one id.
type route[P comparable] struct {
	peer       P
	here       bool // whether there is a peer
	generation uint64
	handovers  []time.Time   // the latest, tooMany at most
	until      time.Time     // newcomers are refused until then
	pause      time.Duration // the latest
}

// An id that changes hands too often is that of two peers who take it from each other for
// ever. Newcomers are refused for a pause that grows.
const (
	tooMany      = 3
	tooSoon      = 10 * time.Second
	firstPause   = time.Second
	longestPause = time.Minute
)

// newRoutes returns a table without peers. Ids are made up from random on.
func newRoutes[P comparable](random uint32) *routes[P] {
	return &routes[P]{byID: map[string]*route[P]{}, last: random}
}

// handle names a peer for as long as it is there: a later one with the same id has
// another generation.
type handle struct {
	id         string
	generation uint64
}

// join enters a peer that chose an id; an empty one is made up. replaced is the peer that
// had the id, if there was one. ok is false if the id changed hands too often.
func (r *routes[P]) join(p P, id string, now time.Time) (h handle, replaced P, had, ok bool) {
	if id == "" {
		id = r.makeUp()
	}
	known := r.byID[id]
	if known == nil {
		known = &route[P]{}
		r.byID[id] = known
	}
	if known.here && !known.handOver(now) {
		return handle{}, replaced, false, false
	}
	replaced, had = known.peer, known.here
	known.peer, known.here = p, true
	r.generation++
	known.generation = r.generation
	return handle{id, known.generation}, replaced, had, true
}

// handOver notes that the id changes hands, and says whether it may.
func (r *route[P]) handOver(now time.Time) bool {
	if now.Before(r.until) {
		return false
	}
	if len(r.handovers) == tooMany {
		if now.Sub(r.handovers[0]) < tooSoon {
			r.pause = min(max(2*r.pause, firstPause), longestPause)
			r.until, r.handovers = now.Add(r.pause), r.handovers[:0]
			return false
		}
		r.handovers, r.pause = r.handovers[1:], 0
	}
	r.handovers = append(r.handovers, now)
	return true
}

// makeUp returns an id that nobody has.
func (r *routes[P]) makeUp() string {
	var id [5]byte
	for {
		r.last++
		binary.BigEndian.PutUint32(id[1:], r.last)
		if r.byID[string(id[:])] == nil {
			return string(id[:])
		}
	}
}

// find returns the peer that has an id.
func (r *routes[P]) find(id []byte) (p P, ok bool) {
	known := r.byID[string(id)]
	if known == nil || !known.here {
		return p, false
	}
	return known.peer, true
}

// leave takes a peer out, unless a newcomer has its id.
func (r *routes[P]) leave(h handle) {
	if known := r.byID[h.id]; known != nil && known.generation == h.generation {
		delete(r.byID, h.id)
	}
}
