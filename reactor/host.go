package reactor

import (
	"cmp"
	"context"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
)

// host is the serving end of Command on one socket: it takes commands, keeps the
// sessions, and answers. It never waits for a handler or a peer. On a
// [messaging.Worker] its one session is that with the broker; see join.go.
type host struct {
	u      *run
	socket *station
	member *member // where a broker is; nil where clients come

	dropped atomic.Bool // an answer was dropped whose receiver may still wait for it

	mu       sync.Mutex // guards what follows
	sessions sessions
	memory   memory
}

// newHost returns a host without sessions.
func newHost(u *run, s *station) *host {
	return &host{u: u, socket: s, member: s.member, sessions: newSessions(u.heartbeat), memory: newMemory()}
}

// frameSize returns how many bytes a frame may have.
func (s *station) frameSize() int {
	if sized, ok := s.Socket.(interface{ MaxFrameSize() int }); ok {
		return sized.MaxFrameSize()
	}
	return 0
}

// now returns the time since the run began, which is the host's clock.
func (u *run) now() time.Duration { return time.Since(u.began) }

// stack returns the stack of a panic.
func stack() []byte { return debug.Stack() }

// look notes the time, ends the sessions that did not survive it, and returns it.
func (h *host) look() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lookLocked()
}

// lookLocked is look under the lock.
func (h *host) lookLocked() time.Duration {
	now := h.u.now()
	for _, s := range h.sessions.look(now) {
		h.drop(s, errAsleep)
	}
	return now
}

// Why the context of a handler ends whose caller waits no longer.
var (
	errAsleep    = messaging.Errorf(messaging.Unavailable, "this process stood still for longer than a session lasts")
	errSilent    = messaging.Errorf(messaging.Unavailable, "nothing was heard of the caller")
	errGone      = messaging.Errorf(messaging.Unavailable, "the caller is gone")
	errReplaced  = messaging.Errorf(messaging.Unavailable, "the caller began a new session")
	errCancelled = messaging.Errorf(messaging.Cancelled, "the caller cancelled")
)

// take handles one command.
func (h *host) take(d *messaging.Delivery) {
	if d.Wrong != nil {
		h.reject(d)
		d.Release()
		return
	}
	switch k := d.Command.Kind.(type) {
	case *mitterev1.Request:
		h.u.begin()
		h.request(d, k)
		return
	case *mitterev1.Heartbeat:
		h.heartbeat(d, k)
	case *mitterev1.Credit:
		h.onLeg(d, k.GetCall(), func(l *leg) {
			if l.work.credit != nil {
				l.work.credit.give(k.GetItems())
			}
		})
	case *mitterev1.Cancel:
		h.onLeg(d, k.GetCall(), func(l *leg) { h.leave(l, errCancelled) })
	case *mitterev1.Disconnect:
		h.hangUp(d, messaging.FromStatus(k.GetStatus()))
	default:
		if !h.greet(d) { // of a later version, or not for this end
			h.u.stats.unknown.Add(1)
		}
	}
	d.Release()
}

// reject ends the session of a peer that sent what is no command of ours.
func (h *host) reject(d *messaging.Delivery) {
	h.u.stats.malformed.Add(1)
	h.u.noise.warn("command dropped", "socket", h.socket, "error", d.Wrong, "peer", peerOf(d))
	h.say(d.ReturnPath(), &mitterev1.Disconnect{
		Status: messaging.AsError(d.Wrong).Status(), Versions: []uint32{command.Version},
	})
	h.hangUp(d, d.Wrong)
}

// hello begins a session.
func (h *host) hello(d *messaging.Delivery, k *mitterev1.Hello) {
	path := d.ReturnPath()
	switch wrong := command.CheckHello(k); {
	case wrong != nil:
		h.dismiss(path, wrong)
		return
	case k.GetRole() == mitterev1.Role_ROLE_WORKER:
		h.dismiss(path, messaging.Errorf(messaging.Unimplemented, "workers are for a broker, which this is not"))
		return
	case h.u.draining.Load() || h.u.receiving.Err() != nil:
		h.dismiss(path, errDraining)
		return
	}
	s := h.open(path.Limited(h.limitFor(k)), k)
	if s == nil {
		h.dismiss(path, messaging.Errorf(messaging.ResourceExhausted, "too many sessions"))
		return
	}
	h.say(path, &mitterev1.Welcome{
		Session: s.ID, HeartbeatNano: int64(s.Heartbeat), Instance: h.u.instance,
		Limits: &mitterev1.Limits{FrameBytes: uint64(h.socket.frameSize()), Calls: uint32(h.u.gate.limit + h.u.gate.room)},
	})
}

// limitFor returns how many bytes a frame to a client may have, by its Hello and by what
// the socket sends.
func (h *host) limitFor(k *mitterev1.Hello) command.FrameLimit {
	most := command.FrameLimit(h.socket.frameSize())
	if said := command.FrameLimit(k.GetFrameBytes()); said > 0 {
		return min(said, most)
	}
	return most
}

// open enters a session.
func (h *host) open(path messaging.ReturnPath, k *mitterev1.Hello) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.lookLocked()
	begun, ended := h.sessions.open(now, path, k)
	if ended != nil {
		h.drop(ended, errReplaced)
	}
	return begun
}

// dismiss tells a peer that it has no session. A broker is not told: the session that
// we have with it is another one.
func (h *host) dismiss(path messaging.ReturnPath, why *messaging.Error) {
	if h.member != nil {
		return
	}
	h.say(path, &mitterev1.Disconnect{Status: why.Status()})
}

// errUnknownSession is what a peer gets whose session ended.
var errUnknownSession = messaging.Errorf(messaging.Unavailable, "the session is not known here")

// heartbeat notes that a peer lives.
func (h *host) heartbeat(d *messaging.Delivery, k *mitterev1.Heartbeat) {
	if !h.hear(d.Peer(), k) {
		h.dismiss(d.ReturnPath(), errUnknownSession)
	}
}

// hear notes that a session lives, and measures its clock.
func (h *host) hear(peer string, k *mitterev1.Heartbeat) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.lookLocked()
	s := h.sessions.hear(now, peer, k.GetSession())
	if s == nil {
		return false
	}
	s.Sent(now, k.GetSentAtNano())
	return true
}

// pathTo returns the way to the sender of a command, within the limits of its session if
// it has one.
func (h *host) pathTo(d *messaging.Delivery) messaging.ReturnPath {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.sessions.byPeer[d.Peer()]; s != nil {
		return s.path
	}
	return d.ReturnPath()
}

// onLeg calls f, under the lock, with a call of the peer's session that runs.
func (h *host) onLeg(d *messaging.Delivery, call uint64, f func(*leg)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.lookLocked()
	if s := h.sessions.of(now, d.Peer()); s != nil && s.legs[call] != nil {
		f(s.legs[call])
	}
}

// hangUp ends the session of a peer, which gave a reason or is one.
func (h *host) hangUp(d *messaging.Delivery, why error) {
	if h.member != nil {
		h.member.part(d.Peer(), cmp.Or(why, error(errGone)))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.sessions.of(h.lookLocked(), d.Peer()); s != nil {
		h.sessions.close(s)
		h.drop(s, errGone)
	}
}

// drop ends the calls of a session that has ended, under the lock.
func (h *host) drop(s *session, why *messaging.Error) {
	for _, l := range s.legs {
		h.leave(l, why)
	}
	if h.member != nil {
		h.member.part(s.peer, why)
	}
}

// leave takes a call out that is waited for no longer, under the lock. Work that
// nobody waits for is cancelled, and not begun if it has not. If a second execution
// does no harm, the request may come again as if it had never come: that it was
// cancelled is no answer to a caller whose session was lost and who asks again.
func (h *host) leave(l *leg, why *messaging.Error) {
	delete(l.session.legs, l.call)
	w := l.work
	w.legs = slices.DeleteFunc(w.legs, func(other *leg) bool { return other == l })
	if len(w.legs) > 0 || w.request.GetOneWay() {
		return
	}
	w.cancel(why)
	withdrawn := h.u.gateOf(w).withdraw(&w.job)
	if key := w.request.GetKey(); (withdrawn || repeatable(w.request)) && h.memory.running(key) == w {
		h.memory.end(h.u.now(), key, messaging.Command{}, true)
	}
	if withdrawn {
		w.stopWaiting()
		h.u.end(w.delivery)
	}
}

// first returns who waits for a stream, nil if nobody does any more.
func (h *host) first(w *work) *leg {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(w.legs) == 0 {
		return nil
	}
	return w.legs[0]
}

// say sends a command, and keeps it while the peer has no room.
func (h *host) say(path messaging.ReturnPath, kind proto.Message) {
	h.post(path, messaging.Command{Kind: kind})
}

// post sends a command, and counts one that cannot be sent.
func (h *host) post(path messaging.ReturnPath, c messaging.Command) {
	err := h.socket.outbox.send(h.u.sending, &commandLetter{path, c}, rankLast)
	if err != nil {
		h.undeliverable(err)
	}
	if err == errOutboxFull && h.member == nil { // the peer would wait for it without end
		h.endOf(path.Peer())
	}
}

// undeliverable counts what could not be sent, and logs it unless its receiver is
// gone, which receivers may be at any time.
func (h *host) undeliverable(err error) {
	h.u.stats.undeliverable.Add(1)
	if !messaging.IsUnreachable(err) {
		h.dropped.Store(true)
		h.u.noise.warn("command not sent", "socket", h.socket, "error", err)
	}
}

// stream sends an item, and waits while the outbox is full.
func (h *host) stream(ctx context.Context, path messaging.ReturnPath, c messaging.Command) error {
	return h.socket.outbox.sendWhenRoom(ctx, &commandLetter{path, c})
}
