package reactor

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// outbox keeps replies for peers that have no room, so that a slow one holds up
// nobody else. What it keeps is bounded for each peer and in all. Many may give it
// replies; one goroutine sends them.
type outbox struct {
	limit  int                         // replies for each peer
	most   int                         // bytes in all, unless a single reply is larger
	room   func(context.Context) error // waits until a peer may have room; nil if sending does
	filled chan struct{}               // holds a token if something may be kept

	mu    sync.Mutex
	peers map[string][]kept // by routing id, in order; never empty
	bytes int               // in all
	moved chan struct{}     // closed and replaced when something left
}

// kept is a reply that waits.
type kept struct {
	path  messaging.ReturnPath
	reply proto.Message
	size  int
}

const (
	// outboxBytes bounds the replies that wait on one socket.
	outboxBytes = 64 << 20
	// keptOverhead is about what a reply takes up beside its content, so that
	// many empty ones are bounded too.
	keptOverhead = 256
	// replyPatience is how long a reply may wait on a socket that does not say
	// that it is full.
	replyPatience = 10 * time.Millisecond
	// leastPause stands between two tries to send to peers who had no room.
	leastPause = time.Millisecond
)

// errOutboxFull is why a reply is dropped.
var errOutboxFull = messaging.Errorf(messaging.ResourceExhausted, "too many replies wait for slow peers")

// newOutbox returns an empty outbox for a socket, or nil if that cannot send.
func newOutbox(socket Socket, c config) *outbox {
	o := &outbox{
		limit: c.outbox, most: c.outboxBytes, filled: make(chan struct{}, 1),
		peers: map[string][]kept{}, moved: make(chan struct{}),
	}
	switch s := socket.(type) {
	case interface{ WaitRoom(context.Context) error }: // a Response or Router
		o.room = s.WaitRoom
		return o
	case interface { // a Dealer or Pair
		Send(context.Context, proto.Message, ...messaging.SendOption) error
	}:
		return o
	default:
		return nil
	}
}

// peerOf returns for whom a reply waits: the peer to whom it goes first. Where
// sending itself waits, there is one queue for all.
func (o *outbox) peerOf(d *messaging.Delivery) string {
	if o.room == nil || len(d.Route) == 0 {
		return ""
	}
	return string(d.Route[0])
}

// send sends a reply, or keeps it if its peer has no room, or others wait for
// that already. last says that it ends a stream.
func (o *outbox) send(ctx context.Context, d *messaging.Delivery, m proto.Message, last bool) error {
	if o.keeps(d) {
		return o.keep(d, m, last)
	}
	full, err := o.try(ctx, d, m)
	if full {
		return o.keep(d, m, last)
	}
	return err
}

// try sends a reply if its peer has room.
func (o *outbox) try(ctx context.Context, d *messaging.Delivery, m proto.Message) (full bool, err error) {
	if o.room != nil {
		err = d.Reply(ctx, m)
		return messaging.IsFull(err), err
	}
	short, cancel := context.WithTimeout(ctx, replyPatience)
	defer cancel()
	err = d.Reply(short, m)
	return err != nil && short.Err() != nil && ctx.Err() == nil, err
}

// keeps reports whether replies wait for the peer; the next must wait behind
// them.
func (o *outbox) keeps(d *messaging.Delivery) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.peers) > 0 && len(o.peers[o.peerOf(d)]) > 0
}

// keep adds a copy of a reply, which the handler may change afterwards. A full
// outbox is an error.
func (o *outbox) keep(d *messaging.Delivery, m proto.Message, last bool) error {
	peer, size := o.peerOf(d), proto.Size(m)+keptOverhead
	if !o.fits(peer, size, last) {
		return errOutboxFull // without the work of a copy
	}
	return o.add(peer, kept{d.ReturnPath(), proto.Clone(m), size}, last)
}

// fits reports whether there is a place for a reply.
func (o *outbox) fits(peer string, size int, last bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.hasPlace(peer, size, last)
}

// hasPlace is fits under the lock. What ends a stream has a place beyond the
// limits, which no item can take: without it the receiver would wait for ever.
// That place is bounded too, for a peer may start streams and never read.
func (o *outbox) hasPlace(peer string, size int, last bool) bool {
	most := o.most
	if last {
		most += o.most / 4
	}
	return (last || len(o.peers[peer]) < o.limit) && (o.bytes == 0 || o.bytes+size <= most)
}

// add puts a reply behind the others for its peer.
func (o *outbox) add(peer string, k kept, last bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.hasPlace(peer, k.size, last) {
		return errOutboxFull
	}
	o.peers[peer] = append(o.peers[peer], k)
	o.bytes += k.size
	select {
	case o.filled <- struct{}{}:
	default:
	}
	return nil
}

// progress returns a channel that is closed when the outbox has more room.
func (o *outbox) progress() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.moved
}

// size returns how many replies are kept.
func (o *outbox) size() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, waiting := range o.peers {
		n += len(waiting)
	}
	return n
}

// flush sends what can be sent. It returns how many replies left the outbox, and
// the errors of those that were lost because their peer is gone.
func (o *outbox) flush(ctx context.Context) (left int, lost []error) {
	for _, peer := range o.waiting() {
		for {
			gone, err := o.flushOne(ctx, peer)
			if !gone {
				break
			}
			left++
			if err != nil {
				lost = append(lost, err)
			}
		}
	}
	return left, lost
}

// waiting returns the peers for whom replies are kept.
func (o *outbox) waiting() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.peers))
}

// flushOne sends the first reply for a peer; false means that there is none, or no
// room for it. It stays in the outbox meanwhile, so that no other can overtake it.
func (o *outbox) flushOne(ctx context.Context, peer string) (gone bool, lost error) {
	k, found := o.first(peer)
	if !found {
		return false, nil
	}
	err := k.path.Send(ctx, k.reply)
	if messaging.IsFull(err) || ctx.Err() != nil {
		return false, nil
	}
	o.remove(peer)
	return true, err
}

// first returns the first reply for a peer.
func (o *outbox) first(peer string) (k kept, found bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.peers[peer]) == 0 {
		return kept{}, false
	}
	return o.peers[peer][0], true
}

// remove takes the first reply for a peer out.
func (o *outbox) remove(peer string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= o.peers[peer][0].size
	o.peers[peer][0] = kept{} // or the slice would hold it
	o.peers[peer] = o.peers[peer][1:]
	if len(o.peers[peer]) == 0 {
		delete(o.peers, peer)
	}
	close(o.moved)
	o.moved = make(chan struct{})
}

// empty sends what the outbox of a socket keeps, whenever there may be room,
// until all handlers have ended and the outbox is empty or time is up.
func (u *run) empty(s *station) {
	for {
		select {
		case <-s.outbox.filled:
			u.emptyOnce(s)
		case <-u.answered:
			u.emptyOnce(s)
			u.stats.undeliverable.Add(uint64(s.outbox.size()))
			return
		}
	}
}

// emptyOnce sends until nothing is left. Whether a peer has room is seen only by
// sending, and everything that happens on the socket is a reason to try, so that
// clients who do not read would cost the others much; they get at most a tenth of
// the time.
func (u *run) emptyOnce(s *station) {
	for s.outbox.size() > 0 && u.working.Err() == nil {
		began := time.Now()
		left, lost := s.outbox.flush(u.working)
		took := time.Since(began)
		for _, err := range lost {
			u.stats.undeliverable.Add(1)
			u.noise.warn("reply not sent", "socket", s, "error", err)
		}
		if left == 0 {
			u.awaitRoom(s.outbox, took)
		}
	}
}

// awaitRoom waits until it makes sense to try again.
func (u *run) awaitRoom(o *outbox, took time.Duration) {
	if o.room == nil || o.room(u.working) != nil {
		return
	}
	select {
	case <-time.After(max(9*took, leastPause)):
	case <-u.working.Done():
	}
}
