package serving

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
)

// calls are the sessions of a socket and what they wait for. Everything that is done under its
// lock begins by looking at the time, and never waits.
type calls struct {
	station *Station
	dropped atomic.Bool // an answer was dropped whose receiver may still wait for it

	mu       sync.Mutex // guards what follows
	sessions sessions
	dedup    dedup
}

// newCalls returns those of a socket without sessions.
func newCalls(s *Station) calls {
	return calls{station: s, sessions: newSessions(s.road.Heartbeat), dedup: newDedup()}
}

// Why the context of a handler ends whose caller waits no longer.
var (
	errPaused    = messaging.Errorf(messaging.Unavailable, "this process was paused for longer than a session lasts")
	errSilent    = messaging.Errorf(messaging.Unavailable, "nothing was heard of the caller")
	errGone      = messaging.Errorf(messaging.Unavailable, "the caller is gone")
	errReplaced  = messaging.Errorf(messaging.Unavailable, "the caller began a new session")
	errCancelled = messaging.Errorf(messaging.Cancelled, "the caller cancelled")
)

// look notes the time, ends the sessions that did not survive it, and returns it.
func (c *calls) look() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lookLocked()
}

// lookLocked is look under the lock.
func (c *calls) lookLocked() time.Duration {
	now := c.station.road.now()
	for _, s := range c.sessions.look(now) {
		c.drop(s, errPaused)
	}
	return now
}

// enter enters a session, in place of the one that its peer had; nil if there are too many.
func (c *calls) enter(path messaging.ReturnPath, k *mitterev1.Hello) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	begun, ended := c.sessions.enter(c.lookLocked(), path, k)
	if ended != nil {
		c.drop(ended, errReplaced)
	}
	return begun
}

// welcome enters the session with a broker. What that says in it comes after the Welcome that is
// handled now, so that what it says first is said of the offer.
func (c *calls) welcome(path messaging.ReturnPath, k *mitterev1.Welcome, met chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.lookLocked()
	c.sessions.byPeer[path.Peer()] = &session{
		Session: command.SessionOfWelcome(now, k), peer: path.Peer(), path: path, waiters: map[uint64]*waiter{}, met: met,
	}
}

// hear notes that a session lives, and measures its clock. False means that there is none.
func (c *calls) hear(peer string, id uint64, sentAtNano int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.lookLocked()
	s := c.sessions.hear(now, peer, id)
	if s == nil {
		return false
	}
	s.Sent(now, sentAtNano)
	return true
}

// pathTo returns the way to the sender of a command, within the limits of its session if it has
// one.
func (c *calls) pathTo(d *messaging.Delivery) messaging.ReturnPath {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.sessions.byPeer[d.Peer()]; s != nil {
		return s.path
	}
	return d.ReturnPath()
}

// withWaiter calls f, under the lock, with a waiter of a peer's session.
func (c *calls) withWaiter(peer string, number uint64, f func(*waiter)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.lookLocked()
	if s := c.sessions.of(now, peer); s != nil && s.waiters[number] != nil {
		f(s.waiters[number])
	}
}

// end ends the session of a peer, and returns it; nil if it has none.
func (c *calls) end(peer string, why *messaging.Error) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lookLocked()
	s := c.sessions.byPeer[peer]
	if s != nil {
		c.sessions.leave(s)
		c.drop(s, why)
	}
	return s
}

// endSession ends this session of a peer, if it is not over.
func (c *calls) endSession(s *session, why *messaging.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions.leave(s)
	c.drop(s, why)
}

// drop ends the calls of a session that has ended, under the lock.
func (c *calls) drop(s *session, why *messaging.Error) {
	for _, w := range s.waiters {
		c.leave(w, why)
	}
	c.station.side.ended(s.peer, why)
}

// leave takes a waiter out, under the lock. A call that nobody waits for is cancelled, and not
// begun if it has not. If a second execution does no harm, the request may come again as if it
// had never come: that it was cancelled is no answer to a caller whose session was lost and who
// tries again.
func (c *calls) leave(w *waiter, why *messaging.Error) {
	delete(w.session.waiters, w.number)
	left := w.call
	left.waiters = slices.DeleteFunc(left.waiters, func(other *waiter) bool { return other == w })
	if len(left.waiters) > 0 || left.command.GetOneWay() {
		return
	}
	left.cancel(why)
	withdrawn := left.Handler.track.Withdraw(&left.job)
	if key := left.command.GetKey(); (withdrawn || repeatable(left.command)) && c.dedup.running(key) == left {
		c.dedup.end(c.station.road.now(), key, messaging.Command{}, true)
	}
	if withdrawn {
		left.Request.leave()
	}
}

// join adds a waiter to a call, under the lock.
func (c *calls) join(joined *call, w *waiter, s *session, number uint64) {
	*w = waiter{session: s, number: number, call: joined}
	s.waiters[number] = w
	joined.waiters = append(joined.waiters, w)
}

// waiting returns who waits for a call.
func (c *calls) waiting(waited *call) []*waiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*waiter(nil), waited.waiters...)
}

// finish takes the waiters of a call out, addresses its answer to the first of them, and keeps
// it for retries.
func (c *calls) finish(ended *call, reply *mitterev1.Reply, answer messaging.Command) (waiters []*waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ended.command.GetOneWay() {
		return nil
	}
	if len(ended.waiters) > 0 {
		reply.Call = ended.waiters[0].number
	}
	if c.dedup.running(ended.command.GetKey()) == ended { // and not one that came after it was cancelled
		c.keep(ended, reply, answer)
	}
	waiters, ended.waiters = ended.waiters, nil
	for _, w := range waiters {
		delete(w.session.waiters, w.number)
	}
	return waiters
}

// keep keeps an answer, under the lock. Not the failure of what may be executed again: a retry
// shall have another try. Of what was cancelled there is none.
func (c *calls) keep(ended *call, reply *mitterev1.Reply, answer messaging.Command) {
	failed, key, now := reply.GetStatus() != nil, ended.command.GetKey(), c.station.road.now()
	if failed && ended.ctx.Err() != nil && !reply.GetRefused() && !repeatable(ended.command) {
		c.dedup.lose(now, key)
		return
	}
	c.dedup.end(now, key, answer, reply.GetRefused() || failed && repeatable(ended.command))
}

// due ends the sessions that are over and returns those in which a heartbeat is due.
func (c *calls) due(all bool) (due []*session, now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now = c.lookLocked()
	for _, s := range c.sessions.byPeer {
		c.dedup.keep(now, s.Client)
	}
	c.dedup.expire(now)
	for _, s := range c.sessions.silent(now) {
		c.drop(s, errSilent)
	}
	return c.sessions.due(now, all), now
}

// all returns the sessions.
func (c *calls) all() (all []*session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sessions.byPeer {
		all = append(all, s)
	}
	return all
}

// settled reports whether no call of a session waits for an answer, and none was dropped.
func (c *calls) settled(s *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(s.waiters) == 0 && !c.dropped.Load()
}
