package desk

// node is what a heap can hold. Its place is kept by the heap: 0 if it is in none.
type node[T any] interface {
	before(other T) bool
	place() *int
}

// heap holds nodes of which the first can be had at once. Its zero value is empty.
type heap[T node[T]] struct{ nodes []T }

// first returns the first node, the zero value if there is none.
func (h *heap[T]) first() (first T) {
	if len(h.nodes) > 0 {
		first = h.nodes[0]
	}
	return first
}

// put puts a node in, or moves it where it belongs by now.
func (h *heap[T]) put(n T) {
	if *n.place() == 0 {
		h.nodes = append(h.nodes, n)
		*n.place() = len(h.nodes)
	}
	h.fix(*n.place() - 1)
}

// remove takes a node out, if it is there.
func (h *heap[T]) remove(n T) {
	i := *n.place() - 1
	if i < 0 {
		return
	}
	last := len(h.nodes) - 1
	h.swap(i, last)
	var none T
	h.nodes[last] = none // or the array keeps it
	h.nodes = h.nodes[:last]
	*n.place() = 0
	if i < last {
		h.fix(i)
	}
}

// fix moves the node at i up or down.
func (h *heap[T]) fix(i int) {
	for up := (i - 1) / 2; i > 0 && h.nodes[i].before(h.nodes[up]); up = (i - 1) / 2 {
		h.swap(i, up)
		i = up
	}
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.nodes); child++ {
			if h.nodes[child].before(h.nodes[least]) {
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

func (h *heap[T]) swap(i, j int) {
	h.nodes[i], h.nodes[j] = h.nodes[j], h.nodes[i]
	*h.nodes[i].place(), *h.nodes[j].place() = i+1, j+1
}
