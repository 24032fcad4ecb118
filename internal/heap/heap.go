// Package heap is a priority queue whose nodes can be moved and taken out wherever they are.
//
// It lies below the packages that keep deadlines, leases and loads, and uses nothing.
package heap

// Node is what a heap holds. A node is in one heap at most by the place that it returns.
type Node[T any] interface {
	// Before reports whether the node comes out before another one.
	Before(other T) bool
	// Place returns where the heap keeps the node's place: 0 while it is in none.
	Place() *int
}

// Heap holds nodes of which the first can be had at once. Its zero value is empty. It is not
// safe for concurrent use.
type Heap[T Node[T]] struct{ nodes []T }

// Len returns how many nodes there are.
func (h *Heap[T]) Len() int { return len(h.nodes) }

// All gives all nodes to yield, in no order, until that returns false. The heap must not
// change meanwhile.
func (h *Heap[T]) All(yield func(T) bool) {
	for _, n := range h.nodes {
		if !yield(n) {
			return
		}
	}
}

// First returns the first node, the zero value if there is none.
func (h *Heap[T]) First() (first T) {
	if len(h.nodes) > 0 {
		first = h.nodes[0]
	}
	return first
}

// Put puts a node in, or moves it where it belongs by now.
func (h *Heap[T]) Put(n T) {
	if *n.Place() == 0 {
		h.nodes = append(h.nodes, n)
		*n.Place() = len(h.nodes)
	}
	h.fix(*n.Place() - 1)
}

// Remove takes a node out, if it is there.
func (h *Heap[T]) Remove(n T) {
	i := *n.Place() - 1
	if i < 0 {
		return
	}
	last := len(h.nodes) - 1
	h.swap(i, last)
	var none T
	h.nodes[last] = none // or the array keeps it
	h.nodes = h.nodes[:last]
	*n.Place() = 0
	if i < last {
		h.fix(i)
	}
}

// fix moves the node at i up or down.
func (h *Heap[T]) fix(i int) {
	for up := (i - 1) / 2; i > 0 && h.nodes[i].Before(h.nodes[up]); up = (i - 1) / 2 {
		h.swap(i, up)
		i = up
	}
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.nodes); child++ {
			if h.nodes[child].Before(h.nodes[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}

func (h *Heap[T]) swap(i, j int) {
	h.nodes[i], h.nodes[j] = h.nodes[j], h.nodes[i]
	*h.nodes[i].Place(), *h.nodes[j].Place() = i+1, j+1
}
