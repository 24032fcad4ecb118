package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/options"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
)

// connection is what a member calls through: a [call.Conn] or a [call.Plain].
type connection interface {
	call.Caller
	Close() error
}

// link is the connection to an instance.
type link struct {
	caller     connection // nil while there is none
	ready      func() bool
	why        func() error // why it is not ready
	connecting func() bool  // nothing is known of it yet
}

// Close ends the connection, if there is one; nil has none.
func (l *link) Close() error {
	if l == nil || l.caller == nil {
		return nil
	}
	return l.caller.Close()
}

// member is an instance, or a broker, with the connection to it. The client's lock
// guards it.
type member struct {
	client    *Client
	instance  *mitterev1.Instance
	endpoints []string // by which it may be reached, the best first; at least one
	place     int      // of the endpoint in use
	link
	tried        time.Time // when it was last connected to
	retry        time.Time // when it is connected to again, if that failed
	failed       error     // why it is not connected to
	broken       bool      // it could not be, for a reason on this side
	wanted       bool      // a call named it
	rank         uint64    // its place among those that were not tried
	outstanding  int       // calls
	avoidedSince time.Time // when a call waited at this broker without success; zero if another was answered since
	gone         bool      // it gets no more calls, and is closed when it has none
}

// dial connects to an instance.
func (c *Client) dial(instance *mitterev1.Instance, endpoint string) (*link, error) {
	m := new(link)
	if instance.GetDialect() == mitterev1.Dialect_DIALECT_PLAIN {
		plain, err := call.DialPlain(c.zctx, endpoint, c.socket...)
		if err != nil {
			return nil, err
		}
		m.caller, m.ready, m.why = plain, func() bool { return true }, func() error { return nil }
		m.connecting = func() bool { return false }
		return m, nil
	}
	conn, err := call.Dial(c.zctx, endpoint, call.WithHeartbeat(c.heartbeat), call.WithService(c.name),
		call.WithKeys(c.keys), call.WithNotify(c.notify), call.WithSocket(c.socket...))
	if err != nil {
		return nil, err
	}
	m.caller, m.ready, m.why, m.connecting = conn, conn.Ready, conn.Err, conn.Connecting
	return m, nil
}

// endpoint returns the endpoint in use.
func (m *member) endpoint() string { return m.endpoints[m.place] }

// able reports whether the instance takes calls.
func (m *member) able() bool {
	if m.caller == nil {
		return false
	}
	switch m.instance.GetHealth() {
	case mitterev1.Health_HEALTH_NOT_SERVING, mitterev1.Health_HEALTH_DRAINING:
		return false
	default:
		return m.ready()
	}
}

// err says why the instance takes no calls.
func (m *member) err() error {
	if m.caller == nil {
		return cmp.Or(m.failed, errNotTried)
	}
	if err := m.why(); err != nil {
		return err
	}
	return messaging.Errorf(messaging.Unavailable, "%s is not serving", m.endpoint())
}

// call makes a call that was counted.
func (m *member) call(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
	defer m.leave()
	_, caller := m.client.callerOf(m)
	if caller == nil { // it was given up for another just now
		return messaging.Errorf(messaging.Unavailable, "%s is not connected to", m.endpoint()).AsRefused()
	}
	return caller.Call(ctx, r, each)
}

// leave notes that a call has ended. The last one closes a member that is gone,
// which is in the client's hands until it is closed, lest Close return before.
func (m *member) leave() {
	if m.last() {
		_ = m.close()
		m.remove()
	}
}

// remove takes a member out that is gone and closed.
func (m *member) remove() {
	m.client.mu.Lock()
	defer m.client.mu.Unlock()
	delete(m.client.leaving, m)
}

// last notes that a call has ended and reports whether the member is to be closed.
func (m *member) last() bool {
	m.client.mu.Lock()
	defer m.client.mu.Unlock()
	m.outstanding--
	return m.gone && m.outstanding == 0
}

// close ends the connection.
func (m *member) close() error { return m.link.Close() }

// dialAll connects to the endpoints of instances or brokers that are given.
func (c *Client) dialAll() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var wrong []error
	for _, endpoint := range slices.Concat(c.endpoints, c.brokers) {
		m := c.newMember(member{instance: &mitterev1.Instance{Name: c.name, Id: endpoint, Endpoints: []string{endpoint}}, endpoints: []string{endpoint}})
		conn, err := c.dial(m.instance, endpoint)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		m.link = *conn
		c.members = append(c.members, m)
	}
	return errors.Join(wrong...)
}

// follow keeps the members those that the registry knows.
func (c *Client) follow() {
	var grace gracePeriod
	for {
		changed := c.follower.Changed()
		view := c.follower.View()
		for _, m := range c.update(view, grace.observe(view.Epoch)) {
			_ = m.close()
		}
		c.notify()
		select {
		case <-changed:
		case <-grace.over:
			grace.end()
		case <-c.later():
		case <-c.closing.Done():
			return
		}
	}
}

// dialAgain is when an instance is tried again that cannot be connected to, as
// when this process has no descriptors left.
const dialAgain = time.Second

// later returns what tells when to try again, nil if all is well.
func (c *Client) later() <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unusable == nil {
		return nil
	}
	return time.After(dialAgain)
}

// update makes the members those of a list, and returns those that are to be
// closed. An instance that is not listed any more gets no calls; those that it has
// go on. What an instance says of itself may change; where it listens may not,
// unless it was started again. In a grace period an instance that is not listed stays
// while there is a session with it.
func (c *Client) update(view registry.View, inGrace bool) (gone []*member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var members []*member
	var unusable options.Checks
	for _, entry := range view.Entries {
		if entry.GetInstance().GetKind() != mitterev1.Kind_KIND_UNSPECIFIED {
			continue
		}
		m, err := c.enter(entry.GetInstance())
		if err != nil {
			unusable.Note(err)
			continue
		}
		members = append(members, m)
	}
	c.listed, c.unusable = !view.At.IsZero(), unusable.Err()
	for _, m := range c.members {
		switch {
		case slices.Contains(members, m):
		case inGrace && m.caller != nil && m.ready():
			members = append(members, m)
		case m.outstanding == 0:
			m.gone = true
			gone = append(gone, m)
		default:
			m.gone = true
			c.leaving[m] = struct{}{}
		}
	}
	slices.SortFunc(members, func(a, b *member) int { return cmp.Compare(a.instance.GetId(), b.instance.GetId()) })
	c.members = members
	return gone
}

// enter returns the member that an instance is, a new one if there is none.
func (c *Client) enter(instance *mitterev1.Instance) (*member, error) {
	endpoints := registry.Candidates(instance, c.zctx)
	if len(endpoints) == 0 {
		return nil, fmt.Errorf("%s has no endpoint for this process, only %q", instance.GetId(), instance.GetEndpoints())
	}
	if m := c.known(instance, endpoints); m != nil {
		m.instance, m.place = instance, slices.Index(endpoints, m.endpoint())
		m.endpoints = endpoints
		return m, nil
	}
	return c.newMember(member{instance: instance, endpoints: endpoints}), nil
}

// known returns the member that an instance is, nil if it is new or not reached any more
// by the endpoint in use.
func (c *Client) known(instance *mitterev1.Instance, endpoints []string) *member {
	i := slices.IndexFunc(c.members, func(m *member) bool {
		return m.instance.GetId() == instance.GetId() && slices.Contains(endpoints, m.endpoint()) && m.instance.GetDialect() == instance.GetDialect()
	})
	if i < 0 {
		return nil
	}
	return c.members[i]
}

// takeAll takes all members out, also those that only finish their calls.
func (c *Client) takeAll() []*member {
	c.mu.Lock()
	defer c.mu.Unlock()
	members := slices.AppendSeq(c.members, maps.Keys(c.leaving))
	c.members, c.leaving = nil, map[*member]struct{}{}
	return members
}
