package service

import (
	"context"
	"slices"
	"time"

	"github.com/mittere/mittere/messaging/call"
)

// anyInstance is the name of an instance if it may be any.
const anyInstance = ""

// pick returns the instance that gets the next call, rather not the last one. It
// waits for one. An instance with a name may be away, but must be known.
func (c *Client) pick(ctx context.Context, r *call.Request, name string, last *member) (*member, error) {
	var patience <-chan time.Time
	for {
		c.want(name)
		away := c.registryChanged()
		m, changed := c.choose(name, last)
		switch {
		case m != nil:
			if r.Waiting != nil {
				r.Waiting(nil)
			}
			return m, nil
		case c.isUnknown(name) && c.closing.Err() == nil:
			return nil, call.NoWorker(name)
		case r.FailFast && !c.mayConnect(name):
			return nil, c.unavailable(name)
		case r.Waiting != nil:
			r.Waiting(c.unavailable(name))
		}
		if patience == nil {
			timer := time.NewTimer(c.patience)
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case <-changed:
		case <-away:
		case <-patience:
			return nil, c.unavailable(name)
		case <-ctx.Done():
			return nil, c.waitError(ctx, name)
		case <-c.closing.Done():
			return nil, errClosed()
		}
	}
}

// registryChanged returns what is closed when the registry went or came, nil if there is
// none.
func (c *Client) registryChanged() <-chan struct{} {
	if c.client == nil {
		return nil
	}
	return c.client.Changed()
}

// choose returns the instance that gets the next call and counts the call there,
// nil if none can take it, and what is closed when that may have changed.
func (c *Client) choose(name string, last *member) (*member, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.next(name, last)
	if at < 0 {
		return nil, c.changed.Changed()
	}
	c.cursor = at + 1
	c.members[at].count()
	return c.members[at], nil
}

// next returns the place of the instance that gets the next call, -1 if none can
// take it. Only those that would be chosen are asked whether they can.
func (c *Client) next(name string, last *member) int {
	best := -1
	for i := range c.members {
		at := (c.cursor + i) % len(c.members)
		m := c.members[at]
		if m != last && m.called(name) && (best < 0 || c.prefers(m, c.members[best])) && m.able() {
			best = at
		}
	}
	if best < 0 { // better than none
		return slices.IndexFunc(c.members, func(m *member) bool { return m == last && m.called(name) && m.able() })
	}
	return best
}

// prefers reports whether a call goes to one instance rather than to another that is before
// it in order.
func (c *Client) prefers(m, other *member) bool {
	if m.isAvoided() != other.isAvoided() {
		return other.isAvoided()
	}
	return c.balance == LeastOutstanding && m.outstanding < other.outstanding
}
