package serving

import (
	"context"
	"sync"
)

// credit is how many items of a stream may be sent. One goroutine takes it, which
// runs the handler, and one gives it.
type credit struct {
	mu    sync.Mutex
	left  uint64
	index uint64 // of the latest item
	given chan struct{}
}

// newCredit returns some credit.
func newCredit(items uint32) *credit {
	return &credit{left: uint64(items), given: make(chan struct{}, 1)}
}

// give allows further items.
func (c *credit) give(items uint32) {
	c.mu.Lock()
	c.left += uint64(items)
	c.mu.Unlock()
	select {
	case c.given <- struct{}{}:
	default:
	}
}

// take waits until one more item may be sent and returns its number.
func (c *credit) take(ctx context.Context) (index uint64, err error) {
	for {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if index = c.tryTake(); index > 0 {
			return index, nil
		}
		select {
		case <-c.given:
		case <-ctx.Done():
		}
	}
}

// tryTake is take without waiting; 0 means that there is no credit.
func (c *credit) tryTake() (index uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		return 0
	}
	c.left--
	c.index++
	return c.index
}

// giveBack undoes a take whose item was not sent.
func (c *credit) giveBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left++
	c.index--
}

// sent returns how many items were sent.
func (c *credit) sent() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.index
}
