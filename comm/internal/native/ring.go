package native

// ring is a queue that grows. The zero value is empty.
type ring[T any] struct {
	items []T // a power of two of them
	first int
	n     int
	peak  int // the largest n since the ring was empty
}

// len returns how many items there are.
func (r *ring[T]) len() int { return r.n }

// push appends an item.
func (r *ring[T]) push(item T) {
	if r.n == len(r.items) {
		r.grow()
	}
	r.items[(r.first+r.n)&(len(r.items)-1)] = item
	r.n++
	r.peak = max(r.peak, r.n)
}

// pushFront puts an item in front of all others.
func (r *ring[T]) pushFront(item T) {
	if r.n == len(r.items) {
		r.grow()
	}
	r.first = (r.first - 1) & (len(r.items) - 1)
	r.items[r.first] = item
	r.n++
	r.peak = max(r.peak, r.n)
}

// pop takes the first item; there must be one.
func (r *ring[T]) pop() T {
	var none T
	item := r.items[r.first]
	r.items[r.first] = none
	r.first = (r.first + 1) & (len(r.items) - 1)
	if r.n--; r.n == 0 {
		r.emptied()
	}
	return item
}

// emptied gives memory back that was not used since the ring was empty before.
func (r *ring[T]) emptied() {
	if len(r.items) > keptItems && r.peak < len(r.items)/4 {
		r.items, r.first = nil, 0
	}
	r.peak = 0
}

// last returns the last item; there must be one. It is valid until the next call.
func (r *ring[T]) last() *T { return &r.items[(r.first+r.n-1)&(len(r.items)-1)] }

// keptItems is how large an empty ring may be that is not used much.
const keptItems = 64

func (r *ring[T]) grow() {
	const least = 4
	items := make([]T, max(least, 2*len(r.items)))
	n := copy(items, r.items[r.first:])
	copy(items[n:], r.items[:r.first])
	r.items, r.first = items, 0
}
