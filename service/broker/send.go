package broker

import (
	"context"
	"log/slog"
	"slices"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// outbound is a message on its way to a peer.
type outbound struct {
	to       *peer
	message  comm.Message
	action   desk.Action // that it says; nil if it is not the desk's
	delivery uint64      // that it gives to a worker; 0 if none
	work     bool        // it is nothing to a peer that is no worker any more
	wrong    error       // why it can never be sent; nil if it can
}

// send has a message with these frames sent when the event ends. Many at once cost
// less than each by itself.
func (b *Broker) send(p *peer, frames [][]byte, m outbound) {
	if p.keeper != nil {
		m.wrong = p.keeper.FrameLimit().Check(frames, "the peer")
	}
	m.to, m.message = p, comm.NewMessage(slices.Concat([][]byte{[]byte(p.at.ID)}, frames)...)
	b.outbox = append(b.outbox, m)
	p.queued++
}

// post sends what an event gave rise to, which may give rise to more.
func (b *Broker) post() {
	for b.posted < len(b.outbox) {
		if sent := b.sendRun(b.outbox[b.posted:]); sent > 0 {
			b.posted += sent
			continue
		}
		b.posted++
		b.outbox[b.posted-1].to.queued--
		b.sendOne(b.outbox[b.posted-1])
		b.perform(nil)
	}
	clear(b.outbox)
	b.outbox, b.posted = b.outbox[:0], 0
}

// sendRun sends messages of one socket together, up to one that needs a closer look,
// and returns how many it has sent.
func (b *Broker) sendRun(messages []outbound) (sent int) {
	clear(b.run)
	b.run = b.run[:0]
	for _, m := range messages {
		if m.to.gone || m.wrong != nil || len(m.to.waiting) > 0 || m.to.at.Socket != messages[0].to.at.Socket {
			break
		}
		b.run = append(b.run, m.message)
	}
	if len(b.run) < 2 {
		return 0
	}
	// An error is about the next message, or about any if nothing was sent.
	sent, _ = b.sockets[messages[0].to.at.Socket].router.SendBatch(context.Background(), b.run) // which never waits
	for _, m := range messages[:sent] {
		m.to.queued--
		b.sent(m)
	}
	return sent
}

// sent counts a message.
func (b *Broker) sent(m outbound) {
	b.show("sent", m.to, m.message)
	m.to.sent++
	b.stats.Sent++
}

// sendOne sends a message, or keeps it if the peer has no room, or the messages before
// it wait.
func (b *Broker) sendOne(m outbound) {
	switch {
	case m.to.gone: // with this message
	case m.wrong != nil:
		b.refuse(m, m.wrong)
	case len(m.to.waiting) > 0:
		b.keepWaiting(m)
	default:
		switch b.try(m) {
		case full:
			b.keepWaiting(m)
		case unreachable:
			b.losePeer(m.to, m)
		}
	}
}

// outcome says how sending a message ended.
type outcome int

const (
	over        outcome = iota // it was sent, or never will be
	full                       // the peer takes nothing now
	unreachable                // the peer is not there any more
)

// try tries to send a message.
func (b *Broker) try(m outbound) outcome {
	err := b.sockets[m.to.at.Socket].router.Send(context.Background(), m.message) // which never waits
	failed := messaging.FromComm(err)
	switch {
	case failed == nil:
		b.sent(m)
		return over
	case messaging.IsFull(failed):
		return full
	case messaging.IsUnreachable(failed):
		return unreachable
	default:
		b.refuse(m, failed)
		return over
	}
}

// refuse notes that a message cannot be sent at all.
func (b *Broker) refuse(m outbound, why error) {
	b.stats.Undeliverable++
	b.journal.limited.Write(slog.LevelWarn, "a message cannot be sent", "dialect", m.to.dialect, "error", why, "peer", m.to.at.String())
	b.refused = append(b.refused, refusal{m, why})
}

// unposted returns the part of the outbox that has not left.
func (b *Broker) unposted() []outbound { return b.outbox[b.posted:] }

// recall takes back what was for a peer as a worker and has not left: it is none any
// more. RFC 7 and RFC 18 have nothing sent to a worker that said DISCONNECT.
func (b *Broker) recall(p *peer) { b.takeBack(p, func(m outbound) bool { return m.work }) }

// takeBack takes messages for a peer back that have not left.
func (b *Broker) takeBack(p *peer, which func(outbound) bool) {
	if p.queued > 0 {
		before := len(b.outbox)
		left := slices.DeleteFunc(b.unposted(), func(m outbound) bool { return m.to == p && which(m) })
		b.outbox = b.outbox[:b.posted+len(left)]
		p.queued -= before - len(b.outbox)
	}
	b.backlog.takeBack(p, which)
}
