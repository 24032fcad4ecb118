package native

import (
	"context"
	"sync"

	"github.com/mittere/mittere/comm/internal/engine"
)

// item is what lies in a queue of received messages: a message, or what is told in the
// place of one that was dropped.
type item struct {
	message engine.Message
	wrong   *engine.Error
}

// size is what an item is charged in bytes.
func (i *item) size() int {
	const head, perFrame = 64, 24
	return i.message.Size() + head + perFrame*len(i.message.Frames)
}

// inqueue is what one peer sent and nobody received yet. The lock of the inbox that it
// belongs to guards it.
type inqueue struct {
	items   ring[item]
	most    int    // messages
	bytes   int    // of all items
	waiting bool   // who fills it waits for room
	held    bool   // it is in the inbox's list of those that wait for room in all
	resume  func() // says that there is some; called without locks
}

func (q *inqueue) queue() *ring[item] { return &q.items }

// room returns how many more messages the queue takes.
func (q *inqueue) room() int {
	if q.bytes >= maxQueued {
		return 0
	}
	return max(q.most-q.items.len(), 0)
}

// low says whether half of the queue is free: who waits for room is told then, and not
// for each message.
func (q *inqueue) low() bool { return q.items.len() <= q.most/2 && q.bytes <= maxQueued/2 }

// inbox is the receiving half of a socket. Its lock is the innermost of all.
type inbox struct {
	counters *engine.Counters

	most int // bytes of all queues

	mu        sync.Mutex // guards what follows, and the queues
	queues    fair[item, *inqueue]
	bytes     int        // of all queues
	held      []*inqueue // that wait until there is room in all
	receivers waitlist
	closed    bool
}

// push appends items to a queue, even beyond its bound, and returns how much room is left.
// If there is none, resume will be called when there is some.
func (b *inbox) push(q *inqueue, items ...item) (room int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return max(q.most, 1)
	}
	for i := range items {
		size := items[i].size()
		q.bytes, b.bytes = q.bytes+size, b.bytes+size
		b.queues.put(q, items[i])
	}
	if len(items) > 0 {
		b.receivers.wake()
	}
	room = q.room()
	if b.bytes >= b.most {
		room = 0
		b.hold(q)
	}
	q.waiting = room == 0
	return room
}

// hold has a queue be told when there is room in all, under the lock.
func (b *inbox) hold(q *inqueue) {
	if !q.held {
		q.held = true
		b.held = append(b.held, q)
	}
}

// release returns the queues that wait for room in all, if there is some, under the lock.
func (b *inbox) release() (roomy []*inqueue) {
	if b.bytes > b.most/2 && !b.closed {
		return nil
	}
	for _, q := range b.held {
		q.held, q.waiting = false, false
	}
	roomy, b.held = b.held, nil
	return roomy
}

// recv waits for a message, then takes as many as there are and fit.
func (b *inbox) recv(ctx context.Context, batch []engine.Message) (taken int, err error) {
	const op = "receive"
	if ctx.Err() != nil {
		return 0, engine.ContextEnded(ctx, op)
	}
	for again := false; ; again = true {
		taken, w, err := b.take(op, batch, again)
		if w == nil {
			return taken, err
		}
		if !b.receivers.await(ctx, &b.mu, w) {
			return 0, engine.ContextEnded(ctx, op)
		}
	}
}

// take takes what there is. If that is nothing, the call gets a place in the line of
// waiting calls: the first one if it was woken before.
func (b *inbox) take(op string, batch []engine.Message, again bool) (taken int, w *waiter, err error) {
	var roomy []*inqueue
	b.mu.Lock()
	for taken < len(batch) && err == nil {
		next, from, ok := b.queues.take()
		if !ok {
			break
		}
		size := next.size()
		from.bytes, b.bytes = from.bytes-size, b.bytes-size
		if from.waiting && from.low() {
			from.waiting = false
			roomy = append(roomy, from)
		}
		if next.wrong != nil {
			err = next.wrong
			break
		}
		batch[taken] = next.message
		taken++
	}
	switch {
	case b.closed:
		taken, err = 0, &engine.Error{Op: op, Reason: engine.Closed}
	case taken == 0 && err == nil && again:
		w = b.receivers.enterAgain()
	case taken == 0 && err == nil:
		w = b.receivers.enter()
	case !b.queues.empty():
		b.receivers.wake()
	}
	roomy = append(roomy, b.release()...)
	b.mu.Unlock()
	b.counters.Received.Add(uint64(taken))
	for _, q := range roomy {
		q.resume()
	}
	return taken, w, err
}

// close ends all calls. Messages in the queues are dropped.
func (b *inbox) close() {
	b.mu.Lock()
	b.closed = true
	var roomy []*inqueue
	for {
		_, from, ok := b.queues.take()
		if !ok {
			break
		}
		if from.waiting {
			from.waiting = false
			roomy = append(roomy, from)
		}
	}
	roomy = append(roomy, b.release()...)
	b.receivers.wakeAll()
	b.mu.Unlock()
	for _, q := range roomy {
		q.resume()
	}
}
