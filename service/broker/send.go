package broker

import (
	"context"
	"log/slog"
	"slices"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// letter is a message on its way to a peer.
type letter struct {
	to      *peer
	message comm.Message
	action  desk.Action // that it says; nil if it is not the desk's
	leg     uint64      // that it gives to a worker; 0 if none
	work    bool        // it is nothing to a peer that is no worker any more
	wrong   error       // why it can never be sent; nil if it can
}

// send has a letter with these frames sent when the event ends. Many at once cost
// less than each by itself.
func (b *Broker) send(p *peer, frames [][]byte, l letter) {
	if p.keeper != nil {
		l.wrong = p.keeper.FrameLimit().Check(frames, "the peer")
	}
	l.to, l.message = p, comm.NewMessage(slices.Concat([][]byte{[]byte(p.at.ID)}, frames)...)
	b.outbox = append(b.outbox, l)
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

// sendRun sends letters of one socket together, up to one that needs a closer look,
// and returns how many it has sent.
func (b *Broker) sendRun(letters []letter) (sent int) {
	clear(b.run)
	b.run = b.run[:0]
	for _, l := range letters {
		if l.to.gone || l.wrong != nil || len(l.to.waiting) > 0 || l.to.at.Socket != letters[0].to.at.Socket {
			break
		}
		b.run = append(b.run, l.message)
	}
	if len(b.run) < 2 {
		return 0
	}
	// An error is about the next letter, or about any if nothing was sent.
	sent, _ = b.sockets[letters[0].to.at.Socket].router.SendBatch(context.Background(), b.run) // which never waits
	for _, l := range letters[:sent] {
		l.to.queued--
		b.sent(l)
	}
	return sent
}

// sent counts a letter.
func (b *Broker) sent(l letter) {
	b.show("sent", l.to, l.message)
	l.to.sent++
	b.stats.Sent++
}

// sendOne sends a letter, or keeps it if the peer has no room, or the letters before
// it wait.
func (b *Broker) sendOne(l letter) {
	switch {
	case l.to.gone: // with this letter
	case l.wrong != nil:
		b.refuse(l, l.wrong)
	case len(l.to.waiting) > 0:
		b.keep(l)
	default:
		switch b.try(l) {
		case full:
			b.keep(l)
		case unreachable:
			b.lose(l.to, l)
		}
	}
}

// outcome is what came of a letter that was tried.
type outcome int

const (
	over        outcome = iota // it was sent, or never will be
	full                       // the peer takes nothing now
	unreachable                // the peer is not there any more
)

// try tries to send a letter.
func (b *Broker) try(l letter) outcome {
	err := b.sockets[l.to.at.Socket].router.Send(context.Background(), l.message) // which never waits
	failed := messaging.FromComm(err)
	switch {
	case failed == nil:
		b.sent(l)
		return over
	case messaging.IsFull(failed):
		return full
	case messaging.IsUnreachable(failed):
		return unreachable
	default:
		b.refuse(l, failed)
		return over
	}
}

// refuse notes that a letter can be sent to nobody.
func (b *Broker) refuse(l letter, why error) {
	b.stats.Undeliverable++
	b.journal.limited.Write(slog.LevelWarn, "a message cannot be sent", "dialect", l.to.dialect, "error", why, "peer", l.to.at.String())
	b.refused = append(b.refused, refusal{l, why})
}

// unposted returns the part of the outbox that has not left.
func (b *Broker) unposted() []letter { return b.outbox[b.posted:] }

// recall takes back what was for a peer as a worker and has not left: it is none any
// more. RFC 7 and RFC 18 have nothing sent to a worker that said DISCONNECT.
func (b *Broker) recall(p *peer) { b.takeBack(p, func(l letter) bool { return l.work }) }

// takeBack takes letters for a peer back that have not left.
func (b *Broker) takeBack(p *peer, which func(letter) bool) {
	if p.queued > 0 {
		before := len(b.outbox)
		left := slices.DeleteFunc(b.unposted(), func(l letter) bool { return l.to == p && which(l) })
		b.outbox = b.outbox[:b.posted+len(left)]
		p.queued -= before - len(b.outbox)
	}
	b.backlog.takeBack(p, which)
}
