package service

import (
	"context"
	"errors"
	"maps"
	"slices"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
)

// connection is what a member calls through: a [call.Conn] or a [call.Plain].
type connection interface {
	call.Caller
	Close() error
}

// member is an instance with the connection to it. The client's lock guards it.
type member struct {
	client      *Client
	instance    *mitterev1.Instance
	endpoint    string
	caller      connection
	ready       func() bool
	why         func() error // why it is not ready
	outstanding int          // calls
	gone        bool         // it gets no more calls, and is closed when it has none
}

// dial connects to an instance.
func (c *Client) dial(instance *mitterev1.Instance, endpoint string) (*member, error) {
	m := &member{client: c, instance: instance, endpoint: endpoint}
	if instance.GetDialect() == mitterev1.Dialect_DIALECT_PLAIN {
		plain, err := call.DialPlain(c.zmq, endpoint, c.socket...)
		if err != nil {
			return nil, err
		}
		m.caller, m.ready, m.why = plain, func() bool { return true }, func() error { return nil }
		return m, nil
	}
	conn, err := call.Dial(c.zmq, endpoint, call.WithHeartbeat(c.heartbeat), call.WithService(c.name),
		call.WithKeys(c.keys), call.WithNotify(c.tell), call.WithSocket(c.socket...))
	if err != nil {
		return nil, err
	}
	m.caller, m.ready, m.why = conn, conn.Ready, conn.Err
	return m, nil
}

// able reports whether the instance takes calls.
func (m *member) able() bool {
	switch m.instance.GetHealth() {
	case mitterev1.Health_HEALTH_NOT_SERVING, mitterev1.Health_HEALTH_DRAINING:
		return false
	default:
		return m.ready()
	}
}

// err says why the instance takes no calls.
func (m *member) err() error {
	if err := m.why(); err != nil {
		return err
	}
	return messaging.Errorf(messaging.Unavailable, "%s is not serving", m.endpoint)
}

// call makes a call that was counted.
func (m *member) call(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
	defer m.leave()
	return m.caller.Call(ctx, r, each)
}

// leave notes that a call has ended. The last one closes a member that is gone.
func (m *member) leave() {
	if m.last() {
		_ = m.close()
	}
}

// last notes that a call has ended and reports whether the member is to be closed.
func (m *member) last() bool {
	m.client.mu.Lock()
	defer m.client.mu.Unlock()
	m.outstanding--
	if !m.gone || m.outstanding > 0 {
		return false
	}
	delete(m.client.leaving, m)
	return true
}

// close ends the connection.
func (m *member) close() error { return m.caller.Close() }

// dialAll connects to the endpoints of those who have no registry.
func (c *Client) dialAll() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var wrong []error
	for _, endpoint := range c.endpoints {
		m, err := c.dial(&mitterev1.Instance{Name: c.name, Id: endpoint, Endpoints: []string{endpoint}}, endpoint)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		c.members = append(c.members, m)
	}
	return errors.Join(wrong...)
}

// follow keeps the members those that the registry knows.
func (c *Client) follow() {
	for {
		changed := c.follower.Changed()
		for _, m := range c.update(c.follower.View().Entries) {
			_ = m.close()
		}
		c.tell()
		select {
		case <-changed:
		case <-c.closing.Done():
			return
		}
	}
}

// update makes the members those of a list, and returns those that are to be
// closed. An instance that is not listed any more gets no calls; those that it has
// go on. What an instance says of itself may change; where it listens may not,
// unless it was started again.
func (c *Client) update(entries []*mitterev1.Entry) (gone []*member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var members []*member
	for _, entry := range entries {
		instance := entry.GetInstance()
		endpoint := registry.Reach(instance, c.zmq)
		if instance.GetKind() != mitterev1.Kind_KIND_UNSPECIFIED || endpoint == "" {
			continue
		}
		if m := c.known(instance, endpoint); m != nil {
			m.instance = instance
			members = append(members, m)
			continue
		}
		if m, err := c.dial(instance, endpoint); err == nil {
			members = append(members, m)
		}
	}
	for _, m := range c.members {
		if slices.Contains(members, m) {
			continue
		}
		if m.gone = true; m.outstanding == 0 {
			gone = append(gone, m)
		} else {
			c.leaving[m] = struct{}{}
		}
	}
	c.members = members
	return gone
}

// known returns the member that an instance is, nil if it is new.
func (c *Client) known(instance *mitterev1.Instance, endpoint string) *member {
	i := slices.IndexFunc(c.members, func(m *member) bool {
		return m.instance.GetId() == instance.GetId() && m.endpoint == endpoint && m.instance.GetDialect() == instance.GetDialect()
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
