package serving

import (
	"cmp"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/outbox"
)

// commands handles the incoming messages of a socket with sessions.
type commands struct{ *Station }

// take handles one command.
func (c commands) take(d *messaging.Delivery, alone bool) {
	if d.Wrong != nil {
		c.malformed(d)
		d.Release()
		return
	}
	switch k := d.Command.Kind.(type) {
	case *mitterev1.Request:
		c.request(d, k, alone)
		return
	case *mitterev1.Heartbeat:
		if !c.calls.hear(d.Peer(), k.GetSession(), k.GetSentAtNano()) {
			c.side.unknown(d.ReturnPath(), errUnknownSession)
		}
	case *mitterev1.Credit:
		c.calls.withWaiter(d.Peer(), k.GetCall(), func(w *waiter) {
			if w.call.credit != nil {
				w.call.credit.give(k.GetItems())
			}
		})
	case *mitterev1.Cancel:
		c.calls.withWaiter(d.Peer(), k.GetCall(), func(w *waiter) { c.calls.leave(w, errCancelled) })
	case *mitterev1.Disconnect:
		c.disconnect(d, messaging.FromStatus(k.GetStatus()))
	default:
		if !c.side.greet(d) { // of a later version, or not for this end
			c.road.stats.Unknown.Add(1)
		}
	}
	d.Release()
}

// request takes a request.
func (c commands) request(d *messaging.Delivery, k *mitterev1.Request, alone bool) {
	c.road.activity.begin(&c.road.phases)
	v := c.calls.judge(d, k)
	if v.call != nil {
		c.schedule(&v.call.Request, alone)
		return
	}
	defer c.road.activity.end(&c.road.phases)
	defer d.Release()
	path := c.calls.pathTo(d)
	if !k.GetOneWay() {
		c.reply(path, k.GetCall(), v)
	}
	if v.stale {
		c.side.unknown(path, errUnknownSession)
	}
}

// reply answers a request that is not executed now.
func (c commands) reply(path messaging.ReturnPath, call uint64, v verdict) {
	switch {
	case v.answer != nil:
		c.answer(path, readdressed(*v.answer, call), outbox.Reply)
	case v.aborted != nil:
		c.answer(path, messaging.Command{Kind: &mitterev1.Reply{Call: call, Instance: c.road.Instance, Status: v.aborted.Status()}}, outbox.Last)
	case v.refused != nil:
		refused := refusal(v.refused)
		refused.Call, refused.Instance = call, c.road.Instance
		c.answer(path, messaging.Command{Kind: refused}, outbox.Last)
	}
}

// malformed ends the session of a peer that sent what is no command of ours.
func (c commands) malformed(d *messaging.Delivery) {
	c.road.stats.Malformed.Add(1)
	c.road.warn("command dropped", "socket", c.Station, "error", d.Wrong, "peer", peerOf(d))
	c.say(d.ReturnPath(), &mitterev1.Disconnect{
		Status: messaging.AsError(d.Wrong).Status(), Versions: []uint32{command.Version},
	})
	c.disconnect(d, d.Wrong)
}

// disconnect ends the session of a peer, which gave a reason or is one.
func (c commands) disconnect(d *messaging.Delivery, why error) {
	c.side.ended(d.Peer(), cmp.Or(why, error(errGone)))
	c.calls.end(d.Peer(), errGone)
}
