package service

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// How instances of a registry are connected to.
//
// A registry may list thousands of instances, most of them dead. One goroutine of the
// client connects to some of them, outside of its lock: to so many at once that are not
// ready, and to so many in all, as its bounds say. Those that failed make room for those
// that were not tried, or not for longer. An instance that a call names comes first, and
// beyond the bounds. An instance that cannot be connected to by one endpoint is connected to
// by its next one, in turn.

const (
	// mostConnecting is how many connections a client has that are not ready.
	mostConnecting = 64
	// mostConnections is how many connections a client has to instances that no call
	// named.
	mostConnections = 256
)

// errNotTried is why nothing is known of an instance.
var errNotTried = errors.New("it was not connected to yet")

// dialer connects to instances until the client is closed.
func (c *Client) dialer() {
	for {
		changed := c.changes()
		dial, drop, again := c.nextDial(time.Now())
		if drop != nil {
			_ = drop.Close()
		}
		if dial != nil {
			c.connect(dial)
		}
		if dial != nil || drop != nil {
			if c.closing.Err() != nil {
				return
			}
			continue
		}
		select {
		case <-changed:
		case <-again:
		case <-c.closing.Done():
			return
		}
	}
}

// changes returns what is closed when something changes.
func (c *Client) changes() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed.Changed()
}

// nextDial returns the instance that is to be connected to next, or else a connection
// that is to be given up for another, or else when to look again, nil if only when
// something changes.
func (c *Client) nextDial(now time.Time) (dial *member, drop connection, again <-chan time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var idle *member // that is to be connected to
	var failed, stuck *member
	connections, waiting := 0, 0
	for _, m := range c.members {
		switch {
		case m.caller == nil && now.Before(m.retry):
			again = time.After(dialAgain)
		case m.caller == nil:
			if idle == nil || m.before(idle) {
				idle = m
			}
		case m.ready():
			connections++
		default:
			connections++
			waiting++
			switch {
			case m.connecting() || m.outstanding > 0:
			case len(m.endpoints) > 1:
				stuck = m
			case !m.wanted:
				failed = m
			}
		}
	}
	switch {
	case stuck != nil:
		return nil, stuck.fallBack(now), nil
	case idle == nil:
		return nil, nil, again
	case idle.wanted, waiting < mostConnecting && connections < mostConnections:
		return idle, nil, nil
	case failed != nil:
		return nil, failed.disconnect(), nil
	default:
		return nil, nil, again
	}
}

// before reports whether an instance is connected to rather than another: one that a
// call names, then the one that was not tried for longest, in an order that differs from
// client to client.
func (m *member) before(other *member) bool {
	switch {
	case m.wanted != other.wanted:
		return m.wanted
	case !m.tried.Equal(other.tried):
		return m.tried.Before(other.tried)
	default:
		return m.rank < other.rank
	}
}

// disconnect gives up the connection of an instance, under the client's lock, and
// returns it, to be closed.
func (m *member) disconnect() connection {
	conn := m.caller
	m.failed, m.caller = m.why(), nil
	return conn
}

// fallBack gives up the connection of an instance for one by its next endpoint, under the
// client's lock, and returns it, to be closed.
func (m *member) fallBack(now time.Time) connection {
	conn := m.disconnect()
	m.nextEndpoint(now)
	return conn
}

// nextEndpoint has an instance connected to by its next endpoint; when all have failed, by
// the first one again a moment later.
func (m *member) nextEndpoint(now time.Time) {
	m.place = (m.place + 1) % len(m.endpoints)
	if m.place == 0 {
		m.retry = now.Add(dialAgain)
	}
}

// connect connects to an instance.
func (c *Client) connect(m *member) {
	instance, endpoint := c.placeOf(m)
	conn, err := c.dial(instance, endpoint)
	if c.connected(m, conn, err) {
		c.notify()
		return
	}
	_ = conn.Close() // the instance is gone
}

// placeOf returns what is known of an instance, and where to connect to it.
func (c *Client) placeOf(m *member) (instance *mitterev1.Instance, endpoint string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return m.instance, m.endpoint()
}

// connected notes a connection, or why there is none; false means that it is of no use
// any more.
func (c *Client) connected(m *member, conn *link, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	m.tried = time.Now()
	switch {
	case err != nil:
		m.failed, m.broken = err, true
		m.nextEndpoint(m.tried)
		return true
	case m.gone:
		return false
	default:
		m.link, m.failed, m.broken = *conn, nil, false
		return true
	}
}

// want has an instance connected to that a call names.
func (c *Client) want(name string) {
	if name == anyInstance || !c.marked(name) {
		return
	}
	c.notify()
}

// marked marks instances that are wanted, and reports whether one was not before.
func (c *Client) marked(name string) (marked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.called(name) {
		marked = marked || !m.wanted
		m.wanted = true
	}
	return marked
}

// callMember makes calls of one instance. The caller has the lock, the calls have not.
func (c *Client) callMember(m *member) call.Invoker {
	id := m.instance.GetId()
	return func(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
		for {
			changed, caller := c.callerOf(m)
			if caller != nil {
				err := caller.Call(ctx, r, each)
				if _, now := c.callerOf(m); now == caller || !messaging.Refused(err) {
					return err
				}
				continue // it was given up for one by another endpoint
			}
			c.want(id)
			select {
			case <-changed:
			case <-ctx.Done():
				return messaging.WaitError(ctx, c.unavailable(id))
			case <-c.closing.Done():
				return errClosed()
			}
		}
	}
}

// callerOf returns the connection of an instance, nil if there is none, and what is
// closed when that may have changed.
func (c *Client) callerOf(m *member) (<-chan struct{}, connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed.Changed(), m.caller
}

// newMember returns an instance that is not connected to.
func (c *Client) newMember(m member) *member {
	m.client, m.rank = c, rand.Uint64()
	return &m
}
