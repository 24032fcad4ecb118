package comm_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
)

// load is traffic that is accounted for: what is sent must be received, once.
// It fails the test, and ends its context, when nothing happens for a while.
type load struct {
	*rig
	ctx            context.Context
	sent, received atomic.Int64

	mu   sync.Mutex
	seen map[uint64]bool // of those that are on their way: sent, or sent and received
}

// errStalled is why the context of a load ended.
var errStalled = errors.New("no progress")

// newLoad returns a load that reports a hang with the state of these sockets.
func newLoad(r *rig, sockets ...waiter) *load {
	ctx, cancel := context.WithCancelCause(context.Background())
	l := &load{rig: r, ctx: ctx, seen: map[uint64]bool{}}
	stopped := make(chan struct{})
	r.Cleanup(func() { cancel(nil); <-stopped })
	go func() {
		defer close(stopped)
		if l.watch(stallTime(r)) {
			r.Errorf("%v: sent %d, received %d%s", errStalled, l.sent.Load(), l.received.Load(), states(sockets))
			cancel(errStalled)
		}
	}()
	return l
}

// waiter is a socket that tells how many wait on it.
type waiter interface {
	socket
	Waiting() (receivers, senders int)
}

// states tells who waits on which socket.
func states(sockets []waiter) (text string) {
	for _, s := range sockets {
		receivers, senders := s.Waiting()
		text += fmt.Sprintf("; %v: %d wait to receive, %d to send", s.Kind(), receivers, senders)
	}
	return text
}

// stallTime is how long nothing may happen: long, since the machine may be busy
// with other things, unless STALL says otherwise.
func stallTime(t testing.TB) time.Duration {
	if text := os.Getenv("STALL"); text != "" {
		d, err := time.ParseDuration(text)
		return must(t, d, err)
	}
	return 20 * time.Second
}

// watch reports whether nothing was sent or received for that long, or returns
// false when the load's context ends.
func (l *load) watch(stall time.Duration) (stalled bool) {
	tick := time.NewTicker(stall / 4)
	defer tick.Stop()
	for last, still := int64(-1), 0; still < 4; still++ {
		if now := l.sent.Load() + l.received.Load(); now != last {
			last, still = now, 0
		}
		select {
		case <-l.ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// running reports whether the load shall go on until this time.
func (l *load) running(until time.Time) bool { return l.ctx.Err() == nil && time.Now().Before(until) }

// next returns the body of a message that was not there before.
func (l *load) next(random *rand.Rand) []byte {
	return binary.BigEndian.AppendUint64(nil, random.Uint64())
}

// note notes that one end, of two, has seen a message.
func (l *load) note(body []byte) {
	id := binary.BigEndian.Uint64(body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[id] {
		delete(l.seen, id)
	} else {
		l.seen[id] = true
	}
}

// noteSent notes a message that was sent.
func (l *load) noteSent(body []byte) {
	l.sent.Add(1)
	l.note(body)
}

// noteReceived notes a message that was received.
func (l *load) noteReceived(m comm.Message) {
	l.received.Add(1)
	l.note(m.Frames[len(m.Frames)-1])
	m.Release()
}

// balanced reports whether exactly what was sent has been received.
func (l *load) balanced() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.seen) == 0 && l.sent.Load() == l.received.Load()
}

// wantBalance ends the test unless exactly what was sent was received.
func (l *load) wantBalance() {
	l.Helper()
	if l.ctx.Err() == nil && !l.balanced() {
		l.Errorf("sent %d, received %d, %d of them not at both ends", l.sent.Load(), l.received.Load(), len(l.seen))
	}
}
