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
	shower shower
	limit  int                            // replies for each peer, and as many items
	most   int                            // bytes in all, unless a single reply is larger
	room   func(context.Context) error    // waits until a peer may have room; nil if sending does
	filled chan struct{}                  // holds a token if something may be kept
	lost   func(peer string, letters int) // is told of a peer that made place for others

	mu        sync.Mutex
	peers     map[string]*queue // by routing id; never empty
	bytes     int               // in all
	itemBytes int               // of those, of items
	moved     chan struct{}     // closed and replaced when something left
	forsaken  map[string]bool   // peers for whom nothing is kept any more; see forsake.go
}

// queue is what is kept for a peer, in order.
type queue struct {
	letters []*kept
	items   int // of those
	bytes   int
	since   time.Time // when one left last, or else the first came
}

// rank is for what a letter finds room.
type rank int

const (
	// rankItem is one of a stream, which waits for room. All of them leave at least half of
	// the bytes, and of the replies of each peer all, to others.
	rankItem rank = iota
	// rankReply is an answer, for which there is no room where its peer reads nothing.
	rankReply
	// rankLast is what a peer must not miss: the end of a stream, which its receiver would
	// wait for without end, an error, a step of a session.
	rankLast
)

// letter is something to send to a peer.
type letter interface {
	// peer is to whom it goes first.
	peer() string
	// send sends it.
	send(context.Context) error
	// kind is what it is, in the log.
	kind() (dialect, name string, bytes int)
	// size is about how many bytes it has.
	size() int
	// check returns why it can never be sent, nil if it can.
	check() error
	// keep returns what sends it later, when its sender may have changed it.
	keep() func(context.Context) error
}

// kept is a letter that waits.
type kept struct {
	send func(context.Context) error
	size int
	rank rank
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
		shower: shower{c.log},
		limit:  c.outbox, most: c.outboxBytes, filled: make(chan struct{}, 1),
		peers: map[string]*queue{}, moved: make(chan struct{}), forsaken: map[string]bool{},
		lost: func(string, int) {},
	}
	switch s := socket.(type) {
	case interface{ WaitRoom(context.Context) error }: // a Response or Router
		o.room = s.WaitRoom
		return o
	case interface { // a Dealer or Pair
		Send(context.Context, proto.Message, ...messaging.SendOption) error
	}:
		return o
	case *messaging.Worker:
		return o
	default:
		return nil
	}
}

// peerOf returns for whom a letter waits. Where sending itself waits, there is one
// queue for all.
func (o *outbox) peerOf(l letter) string {
	if o.room == nil {
		return ""
	}
	return l.peer()
}

// send sends a letter, or keeps it if its peer has no room, or others wait for
// that already.
func (o *outbox) send(ctx context.Context, l letter, r rank) error {
	if o.keeps(l) {
		return o.keep(l, r)
	}
	full, err := o.try(ctx, l)
	if full {
		return o.keep(l, r)
	}
	return err
}

// sendWhenRoom is send for a stream, which may well be longer than an outbox: it
// waits while that is full.
func (o *outbox) sendWhenRoom(ctx context.Context, l letter) error {
	for {
		progress := o.progress()
		err := o.send(ctx, l, rankItem)
		if err != errOutboxFull { // errors.Is would take an item that is too large for it
			return err
		}
		select {
		case <-progress:
		case <-time.After(replyPatience): // the peer may have room, though nothing left
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// offer sends a letter if its peer has room at once, and drops it if not: such as
// nobody may wait for, nor keep answers out for.
func (o *outbox) offer(ctx context.Context, l letter) error {
	if o.keeps(l) {
		return nil
	}
	if full, err := o.try(ctx, l); !full {
		return err
	}
	return nil
}

// try sends a letter if its peer has room.
func (o *outbox) try(ctx context.Context, l letter) (full bool, err error) {
	if o.room != nil {
		if err = l.send(ctx); err == nil {
			o.shower.sent(l)
		}
		return messaging.IsFull(err), err
	}
	short, cancel := context.WithTimeout(ctx, replyPatience)
	defer cancel()
	if err = l.send(short); err == nil {
		o.shower.sent(l)
	}
	return err != nil && short.Err() != nil && ctx.Err() == nil, err
}

// keeps reports whether letters wait for the peer; the next must wait behind
// them.
func (o *outbox) keeps(l letter) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.peers) > 0 && o.peers[o.peerOf(l)] != nil
}

// keep adds a letter, unless the outbox is full.
func (o *outbox) keep(l letter, r rank) error {
	peer, size := o.peerOf(l), l.size()+keptOverhead
	if !o.makesPlace(peer, size, r) {
		return errOutboxFull // without the work of a copy
	}
	if err := l.check(); err != nil {
		return err // while its sender can be told
	}
	o.shower.sent(l) // as good as
	return o.add(peer, kept{l.keep(), size, r})
}

// add puts a letter behind the others for its peer.
func (o *outbox) add(peer string, k kept) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.forsaken[peer]:
		return errForsaken
	case !o.hasPlace(peer, k.size, k.rank):
		return errOutboxFull
	}
	q := o.peers[peer]
	if q == nil {
		q = &queue{since: time.Now()}
		o.peers[peer] = q
	}
	q.letters = append(q.letters, &k)
	q.bytes += k.size
	if k.rank == rankItem {
		q.items++
		o.itemBytes += k.size
	}
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

// await waits until nothing is kept; false means that ctx ended first.
func (o *outbox) await(ctx context.Context) bool {
	for {
		progress := o.progress()
		if o.size() == 0 {
			return true
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return false
		}
	}
}

// size returns how many replies are kept.
func (o *outbox) size() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, q := range o.peers {
		n += len(q.letters)
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
	err := k.send(ctx)
	if messaging.IsFull(err) || ctx.Err() != nil {
		return false, nil
	}
	o.remove(peer, k)
	return true, err
}

// first returns the first letter for a peer.
func (o *outbox) first(peer string) (k *kept, found bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := o.peers[peer]
	if q == nil {
		return nil, false
	}
	return q.letters[0], true
}

// remove takes a letter for a peer out, if it is the first one. It is not if the peer was
// forsaken meanwhile.
func (o *outbox) remove(peer string, k *kept) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := o.peers[peer]
	if q == nil || q.letters[0] != k {
		return
	}
	q.letters[0] = nil // or the slice would hold it
	q.letters = q.letters[1:]
	q.since = time.Now()
	q.bytes -= k.size
	o.bytes -= k.size
	if k.rank == rankItem {
		q.items--
		o.itemBytes -= k.size
	}
	if len(q.letters) == 0 {
		delete(o.peers, peer)
	}
	o.move()
}

// move tells those who wait for it that something left.
func (o *outbox) move() {
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
		case <-u.handling.Done():
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
			if s.host != nil && !messaging.IsUnreachable(err) {
				s.host.dropped.Store(true)
			}
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
