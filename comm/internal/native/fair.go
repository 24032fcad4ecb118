package native

// fair takes items from queues in turn, one from each that has some (RFC 28, "fair
// queuing"). The zero value has none.
type fair[T any, Q queue[T]] struct {
	circle ring[Q] // the queues that have items
}

// queue is what has a queue of items. It belongs to one fair.
type queue[T any] interface {
	queue() *ring[T]
}

// put appends an item to a queue.
func (f *fair[T, Q]) put(q Q, item T) {
	if q.queue().len() == 0 {
		f.circle.push(q)
	}
	q.queue().push(item)
}

// take takes the next item and says from which queue.
func (f *fair[T, Q]) take() (item T, from Q, ok bool) {
	if f.circle.len() == 0 {
		return item, from, false
	}
	q := f.circle.pop()
	item = q.queue().pop()
	if q.queue().len() > 0 {
		f.circle.push(q)
	}
	return item, q, true
}

// empty says whether no queue has an item.
func (f *fair[T, Q]) empty() bool { return f.circle.len() == 0 }
