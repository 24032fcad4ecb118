package serving

import (
	"context"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
)

// clients is the side of a [messaging.Server], to which clients come.
type clients struct {
	*Station
	server *messaging.Server
}

func (c *clients) parts() bool    { return true }
func (c *clients) coming() bool   { return false }
func (c *clients) frameSize() int { return c.server.MaxFrameSize() }

func (c *clients) serves(string) bool { return false }
func (c *clients) owns(s *session, key *mitterev1.Key) bool {
	return string(key.GetInstance()) == s.Client
}
func (c *clients) ended(string, error) {} // it may come back
func (c *clients) unread(peer string)  { c.calls.end(peer, errGone) }
func (c *clients) drain(s *session)    { c.say(s.path, &mitterev1.Drain{Session: s.ID}) }
func (c *clients) keep()               { c.road.readers.Go(c.watch) }

// quickly returns ctx: a server never waits for room.
func (c *clients) quickly(ctx context.Context) (context.Context, context.CancelFunc) {
	return ctx, func() {}
}

// unknown tells a peer that it has no session.
func (c *clients) unknown(path messaging.ReturnPath, why *messaging.Error) {
	c.say(path, &mitterev1.Disconnect{Status: why.Status()})
}

// greet takes a Hello.
func (c *clients) greet(d *messaging.Delivery) bool {
	k, hello := d.Command.Kind.(*mitterev1.Hello)
	if hello {
		c.hello(d.ReturnPath(), k)
	}
	return hello
}

// hello begins a session.
func (c *clients) hello(path messaging.ReturnPath, k *mitterev1.Hello) {
	switch wrong := command.CheckHello(k); {
	case wrong != nil:
		c.unknown(path, wrong)
		return
	case k.GetRole() == mitterev1.Role_ROLE_WORKER:
		c.unknown(path, messaging.Errorf(messaging.Unimplemented, "workers are for a broker, which this is not"))
		return
	case c.road.quits():
		c.unknown(path, errDraining)
		return
	}
	s := c.calls.enter(path.Limited(c.limitFor(k)), k)
	if s == nil {
		c.unknown(path, messaging.Errorf(messaging.ResourceExhausted, "too many sessions"))
		return
	}
	c.say(path, &mitterev1.Welcome{
		Session: s.ID, HeartbeatNano: int64(s.Heartbeat), Instance: c.road.Instance,
		Limits: &mitterev1.Limits{FrameBytes: uint64(c.frameSize()), Calls: uint32(c.road.policy.handlers.Limit() + c.road.Queue)},
	})
}

// limitFor returns how many bytes a frame to a client may have, by its Hello and by what the
// socket sends.
func (c *clients) limitFor(k *mitterev1.Hello) command.FrameLimit {
	most := command.FrameLimit(c.frameSize())
	if said := command.FrameLimit(k.GetFrameBytes()); said > 0 {
		return min(said, most)
	}
	return most
}

// watch sends a heartbeat in every session soon after a connection ended: those that cannot be
// reached are gone, and what they had asked for is cancelled. It takes at most a tenth of the
// time, however often connections end. Not at once: libzmq tells of the end before the socket
// itself knows, which until then takes what is sent to nobody.
func (c *clients) watch() {
	pause := leastProbe
	for seen := uint64(0); ; {
		var err error
		if seen, err = c.server.WaitDisconnect(c.road.receiving, seen); err != nil {
			return
		}
		select {
		case <-time.After(pause):
			began := time.Now()
			heartbeats{c.Station}.beat(true)
			pause = max(9*time.Since(began), leastProbe)
		case <-c.road.receiving.Done():
		}
	}
}
