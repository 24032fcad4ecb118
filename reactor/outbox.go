package reactor

import (
	"context"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// outbox keeps replies for peers that have no room, so that a slow one holds up
// nobody else. What it keeps is bounded for each peer and in all.
type outbox struct {
	limit int                         // replies for each peer
	room  func(context.Context) error // waits until a peer may have room

	mu     sync.Mutex
	peers  map[string][]kept // by routing id, in order
	bytes  int               // in all
	filled chan struct{}     // holds a token if something may be kept
}

// kept is a reply that waits.
type kept struct {
	path  messaging.ReturnPath
	reply proto.Message
	size  int
}

// outboxBytes bounds the messages that wait on one socket.
const outboxBytes = 64 << 20

// newOutbox returns an empty outbox.
func newOutbox(limit int, room func(context.Context) error) *outbox {
	return &outbox{limit: limit, room: room, peers: map[string][]kept{}, filled: make(chan struct{}, 1)}
}

// keeps reports whether replies wait for the peer; the next must wait behind
// them.
func (o *outbox) keeps(route messaging.Route) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.peers[string(route[0])]) > 0
}

// keep adds a reply, which must not be changed any more. A full outbox is an
// error.
func (o *outbox) keep(d *messaging.Delivery, m proto.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	peer, size := string(d.Route[0]), proto.Size(m)
	if len(o.peers[peer]) >= o.limit || o.bytes+size > outboxBytes {
		return messaging.Errorf(messaging.ResourceExhausted, "%d replies wait for a slow peer", len(o.peers[peer]))
	}
	o.peers[peer] = append(o.peers[peer], kept{d.ReturnPath(), m, size})
	o.bytes += size
	select {
	case o.filled <- struct{}{}:
	default:
	}
	return nil
}

// flush sends what can be sent. It returns how many replies were lost because
// their peer is gone, and whether nothing is left.
func (o *outbox) flush(ctx context.Context) (lost uint64, empty bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for peer, waiting := range o.peers {
		sent, failed := sendInOrder(ctx, waiting)
		lost += failed
		for _, k := range waiting[:sent] {
			o.bytes -= k.size
		}
		o.peers[peer] = waiting[sent:]
		if sent == len(waiting) {
			delete(o.peers, peer)
		}
	}
	return lost, len(o.peers) == 0
}

// sendInOrder sends replies to one peer until it is full. It returns how many
// are done with, and how many of those could not be sent.
func sendInOrder(ctx context.Context, waiting []kept) (done int, failed uint64) {
	for _, k := range waiting {
		err := k.path.Send(ctx, k.reply)
		if messaging.IsFull(err) || ctx.Err() != nil {
			return done, failed
		}
		if err != nil {
			failed++
		}
		done++
	}
	return done, failed
}

// empty sends what an outbox keeps, whenever there may be room, until the run is
// over.
func (u *run) empty(o *outbox) {
	for {
		select {
		case <-o.filled:
		case <-u.working.Done():
			return
		}
		u.emptyOnce(o)
	}
}

// emptyOnce sends until nothing is left.
func (u *run) emptyOnce(o *outbox) {
	for {
		lost, empty := o.flush(u.working)
		u.stats.undeliverable.Add(lost)
		if empty || o.room(u.working) != nil {
			return
		}
	}
}

// flushOutboxes sends what is left when all handlers have ended, for as long as
// the run has time.
func (u *run) flushOutboxes() {
	for _, s := range u.stations {
		if s.outbox != nil {
			u.emptyOnce(s.outbox)
		}
	}
}
