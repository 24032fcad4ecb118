package broker

import (
	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/service/desk"
)

// take takes one message: to the peer's dialect, which is that of its first one.
func (b *Broker) take(socket int, m comm.Message) {
	b.stats.Received++
	now := b.now()
	p := b.peerOf(now, desk.Peer{Socket: socket, ID: string(m.Frames[0])}, m.Frames[1:])
	if p == nil {
		b.stats.Violations++
		return
	}
	p.heard = now
	p.received++
	works := b.desk.Registered(p.at)
	actions, answers, err := p.speaker.Read(now, m.Frames[1:])
	if err != nil {
		b.stats.Violations++
		b.log.Debug("message dropped", "dialect", p.dialect, "error", err)
	}
	if works && !b.desk.Registered(p.at) {
		b.recall(p)
	}
	b.answer(p, answers)
	b.perform(actions)
}

// answer sends a peer what its dialect wants said.
func (b *Broker) answer(p *peer, answers [][][]byte) {
	for _, frames := range answers {
		b.send(p, frames, letter{})
	}
}

// carryOut ends an event that is none of the loop's own. The caller has the lock.
func (b *Broker) carryOut(actions []desk.Action) {
	b.perform(actions)
	b.post()
	b.change()
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
		to, l := addressed(action)
		p := b.peers[to]
		if p == nil {
			continue // it was lost just now
		}
		if _, ends := action.(desk.Disconnect); ends {
			b.recall(p)
		}
		if frames := p.speaker.Write(action); frames != nil {
			b.send(p, frames, l)
		}
	}
}

// addressed returns to whom an action goes, and the letter for it without its
// frames.
func addressed(action desk.Action) (to desk.Peer, l letter) {
	switch a := action.(type) {
	case desk.Deliver:
		return a.To, letter{leg: a.Leg, work: true}
	case desk.CancelLeg:
		return a.To, letter{work: true}
	case desk.CreditLeg:
		return a.To, letter{work: true}
	case desk.Heartbeat:
		return a.To, letter{work: true}
	case desk.Disconnect:
		return a.To, letter{}
	case desk.Accepted:
		return a.To, letter{}
	case desk.Reply:
		return a.To, letter{}
	case desk.Item:
		return a.To, letter{}
	case desk.Event:
		return a.To, letter{}
	default:
		return desk.Peer{}, letter{}
	}
}
