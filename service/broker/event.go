package broker

import (
	"log/slog"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// handle takes one message to the peer's dialect, which is that of its first one.
func (b *Broker) handle(socket int, m comm.Message) {
	b.stats.Received++
	now := b.now()
	at := desk.Peer{Socket: socket, ID: string(m.Frames[0])}
	p, err := b.peerOf(now, at, m.Frames[1:])
	b.show("received", p, m)
	if err != nil {
		b.countViolation(at, "none", err)
		return
	}
	p.heard = now
	p.received++
	works := b.desk.Registered(p.at)
	actions, answers, err := p.speaker.Read(now, m.Frames[1:])
	if err != nil {
		b.countViolation(at, p.dialect, err)
	}
	left := works && !b.desk.Registered(p.at)
	if left {
		b.recall(p)
	}
	b.answer(p, answers)
	b.perform(actions)
	if left {
		b.journal.left(p.at, "it said so") // or the desk has told it why
	}
}

// countViolation counts a message that is dropped.
func (b *Broker) countViolation(at desk.Peer, dialect string, why error) {
	b.stats.Violations++
	b.journal.limited.Write(slog.LevelDebug, "a message is dropped", "dialect", dialect, "error", why, "peer", at.String())
}

// answer sends a peer what its dialect wants said.
func (b *Broker) answer(p *peer, answers [][][]byte) {
	for _, frames := range answers {
		b.send(p, frames, outbound{})
	}
}

// carryOut ends an event that is none of the loop's own. The caller has the lock.
func (b *Broker) carryOut(actions []desk.Action) {
	b.perform(actions)
	b.post()
	b.wake()
}

// perform does what the desk wants done, and tells it of what cannot be sent until
// nothing is left to do.
func (b *Broker) perform(actions []desk.Action) {
	b.write(actions)
	for {
		switch {
		case len(b.lost) > 0:
			l := b.lost[0]
			b.lost = b.lost[1:]
			b.write(b.desk.Gone(b.now(), l.peer, l.unsent...))
		case len(b.refused) > 0:
			r := b.refused[0]
			b.refused = b.refused[1:]
			b.write(b.reject(r))
		default:
			return
		}
	}
}

// write sends what actions say.
func (b *Broker) write(actions []desk.Action) {
	for _, action := range actions {
		if a, answers := action.(desk.Reply); answers {
			b.journal.poison(b.desk, a)
		}
		p := b.peers[action.Receiver()]
		if p == nil {
			continue // it was lost just now
		}
		if a, ends := action.(desk.Disconnect); ends {
			b.recall(p)
			b.journal.disconnected(p, a.Status)
		}
		if frames := p.speaker.Write(action); frames != nil {
			b.send(p, frames, outboundOf(action))
		}
	}
}

// outboundOf returns the message for an action, without its frames.
func outboundOf(action desk.Action) outbound {
	m := outbound{action: action}
	switch a := action.(type) {
	case desk.Deliver:
		m.delivery, m.work = a.Delivery, true
	case desk.CancelDelivery, desk.CreditDelivery, desk.Heartbeat:
		m.work = true
	}
	return m
}
