package outbox

import (
	"context"
	"time"

	"github.com/mittere/mittere/messaging"
)

// Run sends what is kept, whenever there may be room, until the channel is closed, as it is
// when no message comes any more, and the outbox is empty or ctx has ended. It tells the
// errors of messages that were lost, and returns how many were still kept.
func (o *Outbox) Run(ctx context.Context, last <-chan struct{}, lost func(error)) (left int) {
	for {
		select {
		case <-o.filled:
			o.empty(ctx, lost)
		case <-last:
			o.empty(ctx, lost)
			return o.Len()
		}
	}
}

// empty sends until nothing is left. Whether a peer has room is seen only by sending, and
// everything that happens on the socket is a reason to try, so that clients who do not read
// would cost the others much; they get at most a tenth of the time.
func (o *Outbox) empty(ctx context.Context, lost func(error)) {
	for o.Len() > 0 && ctx.Err() == nil {
		began := time.Now()
		if o.flush(ctx, lost) == 0 {
			o.awaitRoom(ctx, time.Since(began))
		}
	}
}

// awaitRoom waits until it makes sense to try again.
func (o *Outbox) awaitRoom(ctx context.Context, took time.Duration) {
	if o.WaitRoom == nil || o.WaitRoom(ctx) != nil {
		return
	}
	select {
	case <-time.After(max(9*took, leastPause)):
	case <-ctx.Done():
	}
}

// flush sends what can be sent, and returns how many messages left the outbox.
func (o *Outbox) flush(ctx context.Context, lost func(error)) (left int) {
	for _, peer := range o.waiting() {
		for o.flushOne(ctx, peer, lost) {
			left++
		}
	}
	return left
}

// flushOne sends the first message for a peer; false means that there is none, or no room
// for it. It stays in the outbox meanwhile, so that no other can overtake it.
func (o *Outbox) flushOne(ctx context.Context, peer string, lost func(error)) (left bool) {
	k, found := o.first(peer)
	if !found {
		return false
	}
	err := k.send(ctx)
	if messaging.IsFull(err) || ctx.Err() != nil {
		return false
	}
	o.remove(peer, k)
	if err != nil {
		lost(err)
	}
	return true
}

// first returns the first message for a peer.
func (o *Outbox) first(peer string) (k *kept, found bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := o.peers[peer]
	if q == nil {
		return nil, false
	}
	return q.messages[0], true
}

// remove takes a message for a peer out, if it is the first one. It is not if the peer was
// evicted meanwhile.
func (o *Outbox) remove(peer string, k *kept) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := o.peers[peer]
	if q == nil || q.messages[0] != k {
		return
	}
	q.messages[0] = nil // or the slice would hold it
	q.messages = q.messages[1:]
	q.since = time.Now()
	q.bytes -= k.size
	o.bytes -= k.size
	if k.rank == Item {
		q.items--
		o.itemBytes -= k.size
	}
	if len(q.messages) == 0 {
		delete(o.peers, peer)
	}
	o.moved.Notify()
}
