package native

import "slices"

// roundRobin gives peers in turn (RFC 28, "round-robin"). A peer that has no room leaves
// the circle until it has some. The zero value has no peers.
type roundRobin[P comparable] struct {
	circle []P
	next   int // whose turn it is
}

// add puts a peer at the end of the circle, if it is not in it.
func (r *roundRobin[P]) add(p P) {
	if slices.Contains(r.circle, p) {
		return
	}
	// The end is in front of the one whose turn it is.
	r.circle = slices.Insert(r.circle, r.next, p)
	r.next++
	r.wrap()
}

// remove takes a peer out.
func (r *roundRobin[P]) remove(p P) {
	i := slices.Index(r.circle, p)
	if i < 0 {
		return
	}
	r.circle = slices.Delete(r.circle, i, i+1)
	if i < r.next {
		r.next--
	}
	r.wrap()
}

// take returns the peer whose turn it is and gives the turn to the one after it.
func (r *roundRobin[P]) take() (p P, ok bool) {
	if len(r.circle) == 0 {
		return p, false
	}
	p = r.circle[r.next]
	r.next++
	r.wrap()
	return p, true
}

func (r *roundRobin[P]) wrap() {
	if r.next >= len(r.circle) {
		r.next = 0
	}
}
