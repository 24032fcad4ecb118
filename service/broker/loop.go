package broker

import (
	"context"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// loop is a broker while it runs. A goroutine for each socket receives, another
// looks for connections that end, and one does all else.
type loop struct {
	*Broker
	serving  context.Context // ends with the loop; its cause is why a socket gives nothing more
	received chan arrival
}

// serve handles incoming messages, and what is due, until ctx ended and all requests have,
// or there is no time for them.
func (l *loop) serve(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	stopping := ctx.Done()
	var deadline <-chan time.Time
	for {
		select {
		case a := <-l.received:
			l.handleBatch(a)
		case <-timer.C:
		case <-l.changed:
		case <-stopping:
			stopping = nil
			deadline = time.After(l.drain)
			l.shut()
		case <-deadline:
			l.bye()
			return
		case <-l.serving.Done():
			return
		}
		next := l.tick()
		if stopping == nil && l.empty() {
			l.bye()
			return
		}
		timer.Reset(next)
	}
}

const (
	// lastWords is how long peers may take to read what they are sent last, where nobody
	// can know when they have.
	lastWords = 100 * time.Millisecond
	// longestFarewell is how long peers with a session may take, which hang up then.
	longestFarewell = 3 * time.Second
)

// linger keeps the connections until all peers with a session have hung up, which they do
// when they have read the last word, and for a moment if there are others. libzmq drops
// what a peer with ZMQ_IMMEDIATE has not read when its connection ends.
func (l *loop) linger() {
	began := time.Now()
	look, retry := time.NewTicker(lastWords), time.NewTicker(retryPause)
	defer look.Stop()
	defer retry.Stop()
	for {
		sessions, peers := l.parting()
		if took := time.Since(began); peers == 0 || took > longestFarewell || sessions == 0 && took > lastWords {
			return
		}
		select {
		case a := <-l.received:
			l.handleLate(a)
		case <-l.changed: // as when a peer was found gone
		case <-retry.C:
			l.flushLate()
		case <-look.C:
			for i := range l.sockets { // inproc tells of no end
				l.probe(i)
			}
		case <-l.serving.Done():
			return
		}
	}
}

// flushLate sends what slow peers have not got, which may be their answers and their last word.
func (b *Broker) flushLate() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flush(b.now())
	b.post()
}

// handleLate handles messages after the end: those of peers without a session are refused, and
// others were told what becomes of theirs.
func (b *Broker) handleLate(a arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range a.messages {
		if p := b.peers[desk.Peer{Socket: a.socket, ID: string(m.Frames[0])}]; p != nil && p.keeper == nil {
			b.handle(a.socket, m)
		}
	}
	b.post()
}

// handleBatch handles messages.
func (b *Broker) handleBatch(a arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range a.messages {
		b.handle(a.socket, m)
	}
	b.post()
}

// wake has the loop look again when something is due.
func (b *Broker) wake() {
	select {
	case b.changed <- struct{}{}:
	default: // it will
	}
}

// longestPause is how long the loop sleeps when nothing is due.
const longestPause = time.Second

// dates is when what the desk knows nothing of is due.
type dates struct{ flush, beat, sweep, admit time.Duration }

// tick does what is due, and returns when to look again.
func (b *Broker) tick() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.perform(b.desk.Tick(now))
	b.flush(now)
	b.evictUnread(now)
	b.resume(now)
	b.keepSessions(now)
	b.post()
	b.sweep(now)
	b.logWorkers(now)
	return b.pause(now)
}

// pause returns how long nothing is due.
func (b *Broker) pause(now time.Duration) time.Duration {
	next := now + longestPause
	if at, ok := b.desk.Next(); ok {
		next = min(next, at)
	}
	if len(b.keepers) > 0 {
		next = min(next, b.due.beat)
	}
	if b.backlog.messages > 0 {
		next = min(next, b.due.flush)
	}
	if b.journal.stale(b.desk) {
		next = min(next, b.journal.due)
	}
	return max(next-now, 0)
}

// empty reports whether no client waits for anything, but for what the broker itself
// answers.
func (b *Broker) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	own, _ := b.desk.Service(ServiceName)
	return b.desk.Load().Calls <= own.Queued+own.InFlight && b.backlog.messages == 0
}
