package reactor

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
)

const (
	// handshake is how long a broker may take to be there, and to answer a Hello.
	handshake = 3 * time.Second
	// leastRest and longestRest are how long to wait before the next try to join a
	// broker that was reached and gave no session that lasted.
	leastRest, longestRest = 50 * time.Millisecond, 3 * time.Second
)

// Why there is no session with a broker.
var (
	errNobody    = messaging.Errorf(messaging.Unavailable, "the broker is not there")
	errNoWelcome = messaging.Errorf(messaging.Unavailable, "the broker does not answer")
	errBroken    = messaging.Errorf(messaging.Unavailable, "the connection to the broker ended")
)

// attend keeps a session with the broker, on a connection of its own each, until the
// reactor stops. It goes on until all handlers have ended, which a session that ends
// cancels; but it begins no new one once the reactor drains.
func (h *host) attend() {
	rest := leastRest
	for first := true; ; first = false {
		began := time.Now()
		reached, accepted, why := h.meet(first)
		switch {
		case h.u.handling.Err() != nil, h.quits():
			h.member.finish(errStopped)
			return
		case h.rename(why): // and it may come back
		case forGood(why, accepted):
			h.member.finish(why)
			h.u.stop(why)
			return
		case !reached, time.Since(began) > rest: // it was worth more than the wait for it
			rest = leastRest
		}
		h.u.noise.warn("no session with the broker", "socket", h.socket, "error", why)
		h.rest(rest/2 + rand.N(rest))
		rest = min(2*rest, longestRest)
	}
}

// rename gives the worker another name if its own was given to another one, and if it
// may come back; else it returns false.
func (h *host) rename(why error) bool {
	m := h.member
	if messaging.CodeOf(why) != messaging.AlreadyExists || !m.offer.Renames {
		return false
	}
	former, name := m.rename(h.u.offered().Name)
	h.u.log.Warn("another worker has the name at the broker", "socket", h.socket.String(), "name", former, "new name", name)
	return true
}

// quits reports whether no further session is to be begun.
func (h *host) quits() bool { return h.u.draining.Load() || h.u.receiving.Err() != nil }

// forGood reports whether there is no use in another try: another worker has the name,
// the socket was closed, or the broker, which has not accepted us, never will. That it
// has no room for us is another thing.
func forGood(why error, accepted bool) bool {
	switch messaging.CodeOf(why) {
	case messaging.AlreadyExists:
		return true
	case messaging.InvalidArgument, messaging.PermissionDenied, messaging.Unimplemented, messaging.FailedPrecondition:
		return !accepted && messaging.AsError(why).Remote() || errors.Is(why, net.ErrClosed)
	default:
		return errors.Is(why, net.ErrClosed)
	}
}

// rest waits, so that many workers do not come back at once, nor one that is not
// wanted again and again.
func (h *host) rest(d time.Duration) {
	select {
	case <-time.After(d):
	case <-h.u.receiving.Done():
	}
}

// meet has a session with the broker, from Hello to its end. It returns whether the
// broker was there at all, whether it accepted us, and why the session ended. When the
// reactor has stopped the connection stays, for the last words.
func (h *host) meet(first bool) (reached, accepted bool, why error) {
	m := h.member
	if !first {
		if err := m.worker.Dial(); err != nil {
			return false, false, err
		}
	}
	ctx, end := context.WithCancelCause(h.u.handling)
	path := m.worker.ReturnPath()
	met := m.begin(path.Peer(), end)
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer end(nil)
	watcher.Go(func() { end(h.watchLine(ctx)) })
	if reached = h.introduce(ctx, path, end, met); reached {
		<-ctx.Done()
	}
	why = context.Cause(ctx)
	if h.u.handling.Err() == nil {
		h.part(path.Peer(), why)
	}
	return reached, isClosed(met), why
}

// isClosed reports whether a channel is, on which nothing is sent.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// watchLine waits for the connection to end.
func (h *host) watchLine(ctx context.Context) error {
	if err := h.member.worker.WaitDisconnect(ctx); err != nil {
		return err
	}
	return errBroken
}

// noteFailure notes why the broker cannot be connected to until ctx ends, and returns
// what waits for that and then tells it.
func (h *host) noteFailure(ctx context.Context) (failure func() error) {
	why := make(chan error, 1)
	go func() {
		last := error(errNobody)
		for ctx.Err() == nil {
			failed := h.member.worker.WaitFailure(ctx)
			if failed == nil || ctx.Err() != nil || errors.Is(failed, net.ErrClosed) {
				break
			}
			last = messaging.Errorf(messaging.Unavailable, "%w: %v", errNobody, failed)
		}
		why <- last
	}()
	return sync.OnceValue(func() error { return <-why })
}

// introduce says Hello when the broker is there, and waits until that has accepted us.
// False means that the broker is not there.
func (h *host) introduce(ctx context.Context, path messaging.ReturnPath, end context.CancelCauseFunc, met <-chan struct{}) bool {
	giveUp := func(why error) func() { return func() { h.member.giveUp(path.Peer(), why) } }
	defer context.AfterFunc(h.u.receiving, giveUp(errStopped))()
	there, cancel := context.WithTimeout(ctx, handshake)
	failure := h.noteFailure(there)
	defer func() { _ = failure() }() // its goroutine ends here
	defer cancel()
	err := path.SendCommand(there, &messaging.Command{Kind: &mitterev1.Hello{
		Instance: h.member.offer.Instance, Role: mitterev1.Role_ROLE_WORKER,
		HeartbeatNano: int64(h.u.heartbeat), SentAtNano: int64(h.u.now()) + 1, FrameBytes: uint64(h.socket.frameSize()),
	}})
	switch {
	case err != nil && there.Err() != nil:
		end(failure())
		return false
	case err != nil:
		end(err)
		return false
	}
	late := time.AfterFunc(handshake, giveUp(errNoWelcome))
	defer late.Stop()
	select {
	case <-met:
		h.member.enter(path.Peer())
		h.u.log.Debug("joined the broker", "socket", h.socket.String())
	case <-ctx.Done():
	}
	return true
}

// part ends the connection, and the session if there is one, of which the broker may
// still hear.
func (h *host) part(peer string, why error) {
	if s := h.unenrol(peer); s != nil {
		_ = h.whisper(s.path, &mitterev1.Disconnect{Status: messaging.AsError(why).Status()})
	}
	h.member.leave(why)
	_ = h.member.worker.HangUp() // there is nobody to tell
}

// errBrokerLost is why the context of a handler ends whose request came of a broker
// that has gone: it may have given the request to another worker.
var errBrokerLost = messaging.Errorf(messaging.Unavailable, "the broker is lost")

// greet handles what begins a session: the Hello of a client, or the Welcome of a
// broker. False means that the command is for none of it.
func (h *host) greet(d *messaging.Delivery) bool {
	switch k := d.Command.Kind.(type) {
	case *mitterev1.Hello:
		if h.member == nil {
			h.hello(d, k)
			return true
		}
	case *mitterev1.Welcome:
		if h.member != nil {
			h.welcome(d, k)
			return true
		}
	case *mitterev1.Drain:
		if h.member != nil {
			h.release(d, k)
			return true
		}
	}
	return false
}

// release notes that the broker has answered our Drain: no request comes behind that.
func (h *host) release(d *messaging.Delivery, k *mitterev1.Drain) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions.hear(h.lookLocked(), d.Peer(), k.GetSession()) != nil && h.u.draining.Load() {
		h.member.release()
	}
}

// coming reports whether requests may still come of a broker that has not answered our
// Drain. They are served: it may have nobody else to give them to.
func (h *host) coming() bool { return h.member != nil && !h.member.released() }

// welcome begins a session with the broker, and offers what there is to offer. A
// second Welcome, or one of a former connection, is ignored.
func (h *host) welcome(d *messaging.Delivery, k *mitterev1.Welcome) {
	m, path := h.member, d.ReturnPath()
	met := m.agree(path.Peer())
	if met == nil {
		return
	}
	if wrong := command.CheckWelcome(k); wrong != nil {
		m.part(path.Peer(), wrong)
		return
	}
	m.worker.LimitFrames(k.GetLimits().GetFrameBytes())
	path = path.Limited(command.FrameLimit(h.socket.frameSize()))
	h.enrol(path, k, met)
	if h.quits() { // and it is too late to join
		m.part(path.Peer(), errStopped)
		return
	}
	if err := h.tell(path, k.GetSession()); err != nil {
		m.part(path.Peer(), err)
	}
}

// tell tells the broker what is offered, or that nothing is. The lock keeps what was
// true first from being said last.
func (h *host) tell(path messaging.ReturnPath, session uint64) error {
	h.member.telling.Lock()
	defer h.member.telling.Unlock()
	var kind proto.Message = h.u.ready(h.member.offer, session)
	if h.quits() || h.u.withheld.Load() {
		kind = &mitterev1.Drain{Session: session}
	}
	return h.socket.outbox.send(h.u.sending, &commandLetter{path, messaging.Command{Kind: kind}}, rankLast)
}

// enrol enters the session with the broker. What that says in it comes after the
// Welcome that is handled now, so that what it says first is said of the offer.
func (h *host) enrol(path messaging.ReturnPath, k *mitterev1.Welcome, met chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.lookLocked()
	h.sessions.byPeer[path.Peer()] = &session{
		Session: command.SessionOfWelcome(now, k), peer: path.Peer(), path: path, legs: map[uint64]*leg{}, met: met,
	}
}

// unenrol ends the session with the broker, and returns it; nil if there is none.
func (h *host) unenrol(peer string) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.sessions.byPeer[peer]
	if s != nil {
		h.sessions.close(s)
		h.drop(s, errBrokerLost)
	}
	return s
}
