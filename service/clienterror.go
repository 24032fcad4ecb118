package service

import (
	"context"
	"slices"

	"github.com/mittere/mittere/messaging"
)

// outcome returns the error of the last try as that of the call: it was refused
// only if all tries were.
func outcome(failed error, refused bool) error {
	if refused || !messaging.Refused(failed) {
		return failed
	}
	return again(failed, "%w; whether it was executed before is not known", failed)
}

// afterwards returns why a call failed for which there is no instance any more:
// what went wrong before says more.
func afterwards(err, failed error, refused bool) error {
	switch {
	case failed == nil:
		return err
	case refused:
		return again(failed, "%w; and then: %v", failed, err).AsRefused()
	default:
		return again(failed, "%w; and then: %v", failed, err)
	}
}

// again returns an error that says more, for programs the same.
func again(err error, format string, args ...any) *messaging.Error {
	said := messaging.Errorf(messaging.CodeOf(err), format, args...)
	said.Details = messaging.AsError(err).Details
	return said
}

// errClosed is the error of a call on a closed client.
func errClosed() *messaging.Error {
	return messaging.Errorf(messaging.Unavailable, "the client was closed").AsRefused()
}

// waitError is the error of a call that no instance could take until its context ended.
func (c *Client) waitError(ctx context.Context, name string) *messaging.Error {
	if c.closing.Err() != nil {
		return errClosed()
	}
	return messaging.WaitError(ctx, c.unavailable(name))
}

// unavailable is the error of a call that no instance of a name can take, or none at all.
func (c *Client) unavailable(name string) *messaging.Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.called(name)
	if len(known) == 0 {
		return c.noneKnown()
	}
	if i := slices.IndexFunc(known, func(m *member) bool { return !m.broken }); i >= 0 {
		known[0], known[i] = known[i], known[0]
	} else {
		return c.noneUsable(known[0].failed)
	}
	first, why := known[0].endpoint(), known[0].err()
	switch {
	case c.brokered() && len(known) == 1:
		return messaging.Errorf(messaging.Unavailable, "the broker at %s cannot be reached: %w", first, why).AsRefused()
	case c.brokered():
		return messaging.Errorf(messaging.Unavailable, "none of %d brokers can be reached: %w", len(known), why).AsRefused()
	case name != anyInstance:
		return messaging.Errorf(messaging.Unavailable, "the instance %s of %s cannot be reached: %w", name, c.name, why).AsRefused()
	case c.name == "":
		return messaging.Errorf(messaging.Unavailable, "%s cannot be reached: %w", first, why).AsRefused()
	default:
		return messaging.Errorf(messaging.Unavailable, "none of %d instances of %s can be reached: %w", len(known), c.name, why).AsRefused()
	}
}

// mayConnect reports whether an instance of a name, or any, may become able to take calls
// at any moment: it is being connected to, or the registry has not answered and may do.
func (c *Client) mayConnect(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.called(name) {
		switch {
		case m.caller == nil && m.failed == nil, m.caller != nil && m.connecting():
			return true
		case m.caller == nil && m.place > 0, m.caller != nil && m.place+1 < len(m.endpoints):
			return true // by another endpoint
		}
	}
	return c.follower != nil && !c.listed && (c.follower.Pending() || !c.follower.View().At.IsZero())
}

// noneUsable is the error of a call while no instance can be connected to.
func (c *Client) noneUsable(why error) *messaging.Error {
	return messaging.Errorf(messaging.Unavailable, "no instance of %s can be connected to: %w", c.name, why).AsRefused()
}

// noneKnown is the error of a call while no instance is known, under the lock.
func (c *Client) noneKnown() *messaging.Error {
	why := ""
	switch view := c.View(); {
	case c.unusable != nil:
		return c.noneUsable(c.unusable)
	case c.follower == nil, view.Live:
	case view.At.IsZero() && c.client.Connected() && c.follower.Err() != nil:
		why = ": " + c.follower.Err().Error()
	case view.At.IsZero():
		why = ": the registry at " + c.client.Endpoint() + " has not answered yet"
	default:
		why = ", and the registry at " + c.client.Endpoint() + " is away"
	}
	return messaging.Errorf(messaging.Unavailable, "no instance of %s is known%s", c.name, why).AsRefused()
}
