package serving

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

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

// joining keeps a session of a member with its broker.
type joining struct{ *member }

// run keeps a session with the broker, on a connection of its own each, until the reactor
// stops. It goes on until all handlers have ended, which a session that ends cancels; but it
// begins no new one once the reactor drains.
func (j joining) run() {
	rest := leastRest
	for first := true; ; first = false {
		began := time.Now()
		reached, accepted, why := j.meet(first)
		switch {
		case j.road.handling.Err() != nil, j.road.quits():
			j.state.finish(ErrStopped)
			return
		case j.rename(why): // and it may come back
		case forGood(why, accepted):
			j.state.finish(why)
			j.road.stop(why)
			return
		case !reached, time.Since(began) > rest: // it was worth more than the wait for it
			rest = leastRest
		}
		j.road.warn("no session with the broker", "socket", j.Station, "error", why)
		j.rest(rest/2 + rand.N(rest))
		rest = min(2*rest, longestRest)
	}
}

// rename gives the worker another name if its own was given to another one, and if it
// may come back; else it returns false.
func (j joining) rename(why error) bool {
	if messaging.CodeOf(why) != messaging.AlreadyExists || !j.road.Offer.Renames {
		return false
	}
	former, name := j.newName()
	j.road.Log.Warn("another worker has the name at the broker", "socket", j.String(), "name", former, "new name", name)
	return true
}

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
func (j joining) rest(d time.Duration) {
	select {
	case <-time.After(d):
	case <-j.road.receiving.Done():
	}
}

// meet has a session with the broker, from Hello to its end. It returns whether the
// broker was there at all, whether it accepted us, and why the session ended. When the
// reactor has stopped the connection stays, for the last words.
func (j joining) meet(first bool) (reached, accepted bool, why error) {
	if !first {
		if err := j.worker.Dial(); err != nil {
			return false, false, err
		}
	}
	ctx, end := context.WithCancelCause(j.road.handling)
	path := j.worker.ReturnPath()
	met := j.state.try(path.Peer(), end)
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer end(nil)
	watcher.Go(func() { end(j.watchLine(ctx)) })
	if reached = j.introduce(ctx, path, end, met); reached {
		<-ctx.Done()
	}
	why = context.Cause(ctx)
	if j.road.handling.Err() == nil {
		j.end(path.Peer(), why)
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
func (j joining) watchLine(ctx context.Context) error {
	if err := j.worker.WaitDisconnect(ctx); err != nil {
		return err
	}
	return errBroken
}

// noteFailure notes why the broker cannot be connected to until ctx ends, and returns
// what waits for that and then tells it.
func (j joining) noteFailure(ctx context.Context) (failure func() error) {
	why := make(chan error, 1)
	go func() {
		last := error(errNobody)
		for ctx.Err() == nil {
			failed := j.worker.WaitFailure(ctx)
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
func (j joining) introduce(ctx context.Context, path messaging.ReturnPath, end context.CancelCauseFunc, met <-chan struct{}) bool {
	giveUp := func(why error) func() { return func() { j.state.giveUp(path.Peer(), why) } }
	defer context.AfterFunc(j.road.receiving, giveUp(ErrStopped))()
	there, cancel := context.WithTimeout(ctx, handshake)
	failure := j.noteFailure(there)
	defer func() { _ = failure() }() // its goroutine ends here
	defer cancel()
	err := path.SendCommand(there, &messaging.Command{Kind: &mitterev1.Hello{
		Instance: j.road.Offer.Instance, Role: mitterev1.Role_ROLE_WORKER,
		HeartbeatNano: int64(j.road.Heartbeat), SentAtNano: int64(j.road.now()) + 1, FrameBytes: uint64(j.frameSize()),
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
		j.state.enter(path.Peer())
		j.road.Log.Debug("joined the broker", "socket", j.String())
	case <-ctx.Done():
	}
	return true
}

// end ends the connection, and the session if there is one, of which the broker may
// still hear.
func (j joining) end(peer string, why error) {
	if s := j.calls.end(peer, errBrokerLost); s != nil {
		_ = j.whisper(s.path, &mitterev1.Disconnect{Status: messaging.AsError(why).Status()})
	}
	j.state.leave(why)
	_ = j.worker.HangUp() // there is nobody to tell
}

// errBrokerLost is why the context of a handler ends whose request came of a broker
// that has gone: it may have given the request to another worker.
var errBrokerLost = messaging.Errorf(messaging.Unavailable, "the broker is lost")
