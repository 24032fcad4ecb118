// Package outbox keeps outbound messages for peers that have no room, so that a slow consumer
// holds up nobody else. It stands below reactor/internal/serving, which gives it the answers of
// handlers, and uses messaging for the errors of sockets.
package outbox

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mittere/mittere/internal/broadcast"
	"github.com/mittere/mittere/messaging"
)

// Outbox keeps messages of one socket. What it keeps is bounded for each peer and in all. All
// methods may be called by any number of goroutines at once; one goroutine runs it.
type Outbox struct {
	Config
	filled chan struct{} // holds a token if something may be kept

	mu        sync.Mutex
	peers     map[string]*queue // by routing id; never empty
	bytes     int               // in all
	itemBytes int               // of those, of items
	moved     broadcast.Signal  // something left
	shut      map[string]bool   // peers for whom nothing is kept any more; see EvictIdle
}

// Config is what an outbox is made of.
type Config struct {
	// WaitRoom waits until a peer may have room; nil if sending does.
	WaitRoom func(context.Context) error
	// Limit is how many replies are kept for each peer, and as many items.
	Limit int
	// Bytes bounds all that is kept, unless a single message is larger.
	Bytes int
	// Sent is told of each message that was sent or kept.
	Sent func(Message)
	// Evicted is told of a peer whose messages made place for others.
	Evicted func(peer string, messages int)
}

// queue is what is kept for a peer, in order.
type queue struct {
	messages []*kept
	items    int // of those
	bytes    int
	since    time.Time // when one left last, or else the first came
}

const (
	// Bytes is what an outbox keeps on one socket unless tests say otherwise.
	Bytes = 64 << 20
	// overhead is about what a message takes up beside its content, so that many empty
	// ones are bounded too.
	overhead = 256
	// patience is how long a message may wait on a socket that does not say that it is
	// full.
	patience = 10 * time.Millisecond
	// leastPause stands between two tries to send to peers who had no room.
	leastPause = time.Millisecond
)

var (
	// ErrFull is why a message is dropped.
	ErrFull = messaging.Errorf(messaging.ResourceExhausted, "too many replies wait for slow peers")
	// errEvicted is why nothing is kept for a peer.
	errEvicted = messaging.Errorf(messaging.Unavailable, "the peer takes nothing, and the reactor stops")
)

// New returns an empty outbox.
func New(c Config) *Outbox {
	return &Outbox{
		Config: c, filled: make(chan struct{}, 1),
		peers: map[string]*queue{}, shut: map[string]bool{},
	}
}

// peerOf returns for whom a message waits. Where sending itself waits, there is one queue
// for all.
func (o *Outbox) peerOf(m Message) string {
	if o.WaitRoom == nil {
		return ""
	}
	return m.Peer()
}

// Send sends a message, or keeps it if its peer has no room, or others wait for that
// already.
func (o *Outbox) Send(ctx context.Context, m Message, r Rank) error {
	if o.keeps(m) {
		return o.keep(m, r)
	}
	full, err := o.try(ctx, m)
	if full {
		return o.keep(m, r)
	}
	return err
}

// SendItem is Send for a stream, which may well be longer than an outbox: it waits while
// that is full.
func (o *Outbox) SendItem(ctx context.Context, m Message) error {
	for {
		progress := o.progress()
		err := o.Send(ctx, m, Item)
		if err != ErrFull { // errors.Is would take an item that is too large for it
			return err
		}
		select {
		case <-progress:
		case <-time.After(patience): // the peer may have room, though nothing left
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Offer sends a message if its peer has room at once, and drops it if not: one that no
// peer waits for, and that shall take no answer's place.
func (o *Outbox) Offer(ctx context.Context, m Message) error {
	if o.keeps(m) {
		return nil
	}
	if full, err := o.try(ctx, m); !full {
		return err
	}
	return nil
}

// try sends a message if its peer has room.
func (o *Outbox) try(ctx context.Context, m Message) (full bool, err error) {
	if o.WaitRoom != nil {
		err = m.Send(ctx)
		full = messaging.IsFull(err)
	} else {
		short, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		err = m.Send(short)
		full = err != nil && short.Err() != nil && ctx.Err() == nil
	}
	if err == nil {
		o.Sent(m)
	}
	return full, err
}

// keeps reports whether messages wait for the peer; the next must wait behind them.
func (o *Outbox) keeps(m Message) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.peers) > 0 && o.peers[o.peerOf(m)] != nil
}

// keep adds a message, unless the outbox is full.
func (o *Outbox) keep(m Message, r Rank) error {
	peer, size := o.peerOf(m), m.Size()+overhead
	if !o.makesPlace(peer, size, r) {
		return ErrFull // without the work of a copy
	}
	if err := m.Check(); err != nil {
		return err // while its sender can be told
	}
	o.Sent(m) // in the log it is, and in order
	return o.add(peer, kept{m.Keep(), size, r})
}

// add puts a message behind the others for its peer.
func (o *Outbox) add(peer string, k kept) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.shut[peer]:
		return errEvicted
	case !o.hasPlace(peer, k.size, k.rank):
		return ErrFull
	}
	q := o.peers[peer]
	if q == nil {
		q = &queue{since: time.Now()}
		o.peers[peer] = q
	}
	q.messages = append(q.messages, &k)
	q.bytes += k.size
	if k.rank == Item {
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
func (o *Outbox) progress() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.moved.Changed()
}

// Wait waits until nothing is kept; false means that ctx ended first.
func (o *Outbox) Wait(ctx context.Context) bool {
	for {
		progress := o.progress()
		if o.Len() == 0 {
			return true
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return false
		}
	}
}

// Len returns how many messages are kept.
func (o *Outbox) Len() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, q := range o.peers {
		n += len(q.messages)
	}
	return n
}

// Size returns how many bytes they take up.
func (o *Outbox) Size() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}

// waiting returns the peers for whom messages are kept.
func (o *Outbox) waiting() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.peers))
}
