package call

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

// link is one session on a socket of its own. One goroutine receives, one keeps
// time; callers send themselves.
type link struct {
	conn      *Conn
	dealer    *comm.Dealer
	session   uint64
	instance  string
	heartbeat time.Duration
	heard     atomic.Int64 // when something was last received, by the conn's clock
	said      atomic.Int64 // when something was last sent that tells the time
	frame     uint64       // bytes of a frame that the server takes; 0 if it does not say
	targets   bool         // the server gives requests to chosen workers
	draining  atomic.Bool  // the server takes no further requests

	mu    sync.Mutex // guards what follows
	calls map[uint64]*exchange
	last  uint64        // number of the latest call
	why   error         // why the session ended; nil while it lasts
	over  chan struct{} // closed when it has
}

// shakeHands begins a session on a socket.
func (c *Conn) shakeHands(dealer *comm.Dealer) (*link, error) {
	late := messaging.Errorf(messaging.Unavailable, "no answer within %v", c.handshake)
	ctx, cancel := context.WithTimeoutCause(c.closing, c.handshake, late)
	defer cancel()
	l := &link{conn: c, dealer: dealer, calls: map[uint64]*exchange{}, over: make(chan struct{})}
	switch err := l.introduce(ctx); {
	case c.closing.Err() != nil:
		return nil, errClosed()
	case err != nil:
		return nil, messaging.Errorf(messaging.CodeOf(err), "%s: %w", c.endpoint, err).AsRefused()
	}
	return l, nil
}

// introduce says Hello and waits for the answer, no longer than the connection
// lasts: whoever comes next at the endpoint has heard no Hello.
func (l *link) introduce(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer stop(nil)
	watcher.Go(func() { stop(l.watch(ctx)) })
	c := l.conn
	err := l.send(ctx, &mitterev1.Hello{
		Instance: c.keys.instance, Role: mitterev1.Role_ROLE_CLIENT,
		HeartbeatNano: int64(c.heartbeat), SentAtNano: c.clock(), Features: []string{messaging.FeatureTargets},
	}, nil)
	if err == nil {
		err = l.await(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// await waits for the answer to the Hello.
func (l *link) await(ctx context.Context) error {
	for {
		m, err := l.dealer.Recv(ctx)
		if err != nil {
			return messaging.FromComm(err)
		}
		command, err := messaging.DecodeCommand(withoutDelimiter(m.Frames))
		if err != nil {
			return messaging.Errorf(messaging.FailedPrecondition, "it does not speak this protocol: %w", err)
		}
		switch k := command.Kind.(type) {
		case *mitterev1.Welcome:
			return l.welcome(k)
		case *mitterev1.Disconnect:
			return refusedBy(k)
		}
	}
}

// welcome takes what was agreed.
func (l *link) welcome(w *mitterev1.Welcome) error {
	l.session, l.instance = w.GetSession(), w.GetInstance()
	l.heartbeat, l.frame = time.Duration(w.GetHeartbeatNano()), w.GetLimits().GetFrameBytes()
	l.targets = slices.Contains(w.GetFeatures(), messaging.FeatureTargets)
	if l.session == 0 || l.heartbeat <= 0 {
		return messaging.Errorf(messaging.Internal, "a welcome without session or heartbeat")
	}
	l.heard.Store(l.conn.clock())
	return nil
}

// refusedBy returns why a server wants no session.
func refusedBy(d *mitterev1.Disconnect) error {
	if err := messaging.FromStatus(d.GetStatus()); err != nil {
		return err
	}
	return messaging.Errorf(messaging.Unavailable, "the server ended the session")
}

// withoutDelimiter takes away the empty frame that some peers write in front.
func withoutDelimiter(frames [][]byte) [][]byte {
	if len(frames) > 1 && len(frames[0]) == 0 {
		return frames[1:]
	}
	return frames
}

// serve receives and keeps time until the session ends, and returns why.
func (l *link) serve() error {
	ctx, stop := context.WithCancelCause(l.conn.closing)
	defer stop(nil)
	var helpers sync.WaitGroup
	helpers.Go(func() { stop(l.keepTime(ctx)) })
	helpers.Go(func() { stop(l.watch(ctx)) })
	stop(l.receive(ctx))
	helpers.Wait()
	if l.conn.closing.Err() != nil {
		l.bye()
		return errClosed()
	}
	return context.Cause(ctx)
}

// bye tells the server that the session is over, so that it cancels what runs.
func (l *link) bye() {
	ctx, cancel := context.WithTimeout(context.Background(), lastWord)
	defer cancel()
	_ = l.send(ctx, &mitterev1.Disconnect{Status: &mitterev1.Status{
		Code: messaging.Cancelled, Message: "the client closed the connection",
	}}, nil)
}

// lastWord is how long a command may take that is worth little.
const lastWord = 10 * time.Millisecond

// inboxSize is how many messages are taken off the socket at once.
const inboxSize = 64

// receive takes what the server sends, until the session ends. It never waits for
// a caller.
func (l *link) receive(ctx context.Context) error {
	var batch [inboxSize]comm.Message
	for {
		n, err := l.dealer.RecvBatch(ctx, batch[:])
		for i, m := range batch[:n] {
			if wrong := l.take(m); wrong != nil {
				return wrong
			}
			batch[i] = comm.Message{}
		}
		if err != nil && !errors.Is(err, comm.TooLarge) {
			return messaging.FromComm(err)
		}
	}
}

// take handles one message. An error ends the session.
func (l *link) take(m comm.Message) error {
	l.heard.Store(l.conn.clock())
	command, err := messaging.DecodeCommand(withoutDelimiter(m.Frames))
	if err != nil {
		m.Release()
		return messaging.Errorf(messaging.Unavailable, "%s sent what is no command: %w", l.conn.endpoint, err)
	}
	switch k := command.Kind.(type) {
	case *mitterev1.Reply:
		return l.hand(k.GetCall(), answer{reply: k, body: command.Body, message: m})
	case *mitterev1.Item:
		return l.hand(k.GetCall(), answer{item: k, body: command.Body, message: m})
	case *mitterev1.Event:
		return l.hand(k.GetCall(), answer{event: k, body: command.Body, message: m})
	case *mitterev1.Accepted:
		return l.hand(k.GetCall(), answer{accepted: k, message: m})
	case *mitterev1.Drain:
		l.draining.Store(true)
		l.conn.drained()
	case *mitterev1.Disconnect:
		m.Release()
		return refusedBy(k)
	}
	m.Release() // a heartbeat, or something to ignore
	return nil
}

// hand gives an answer to the call that it is for, if that still waits. A server
// that sends more than it has credit for ends the session: it would have to be
// waited for.
func (l *link) hand(call uint64, a answer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.calls[call]
	if x == nil {
		a.message.Release()
		return nil
	}
	if !x.put(a) {
		return messaging.Errorf(messaging.Unavailable, "%s sent more items of a stream than it had credit for", l.conn.endpoint)
	}
	return nil
}

// keepTime sends a heartbeat whenever no request was sent for a while, and ends
// the session when nothing was heard for three times as long, or when this process
// itself stood still for so long that the server must have ended it.
func (l *link) keepTime(ctx context.Context) error {
	patience := int64(heartbeatsMissed * l.heartbeat)
	tick := time.NewTicker(max(l.heartbeat/4, time.Millisecond))
	defer tick.Stop()
	for last := l.conn.clock(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := l.conn.clock()
		switch {
		case now-last > patience:
			return messaging.Errorf(messaging.Unavailable, "this process stood still for %v", time.Duration(now-last))
		case now-l.heard.Load() > patience:
			return messaging.Errorf(messaging.Unavailable, "nothing was heard of %s for %v", l.conn.endpoint, time.Duration(patience))
		case now-l.said.Load() >= int64(l.heartbeat*3/4):
			l.beat(ctx)
		}
		last = now
	}
}

// beat sends a heartbeat if there is room.
func (l *link) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastWord)
	defer cancel()
	now := l.conn.clock()
	if l.send(ctx, &mitterev1.Heartbeat{Session: l.session, SentAtNano: now}, nil) == nil {
		l.said.Store(now)
	}
}

// watch waits for the connection to end.
func (l *link) watch(ctx context.Context) error {
	if _, err := l.dealer.WaitDisconnect(ctx, 0); err != nil {
		return messaging.FromComm(err)
	}
	return messaging.Errorf(messaging.Unavailable, "the connection to %s ended", l.conn.endpoint)
}

// send sends a command. An error means that nothing was sent.
func (l *link) send(ctx context.Context, kind, message proto.Message) error {
	command, err := messaging.NewCommand(kind, message)
	if err != nil {
		return err
	}
	frames, err := command.Frames()
	if err != nil {
		return err
	}
	for _, frame := range frames {
		if l.frame > 0 && uint64(len(frame)) > l.frame { // it would end the connection
			return messaging.Errorf(messaging.ResourceExhausted, "%w: %d bytes, of which %s takes %d", comm.TooLarge, len(frame), l.conn.endpoint, l.frame)
		}
	}
	if err := l.dealer.Send(ctx, comm.NewMessage(frames...)); err != nil {
		return messaging.FromComm(err)
	}
	return nil
}

// end fails the calls that the session had.
func (l *link) end(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.why = why
	close(l.over)
}

// lost is the error of a call whose session ended: whether its request was
// executed is not known.
func (l *link) lost() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return messaging.Errorf(messaging.Unavailable, "%v; whether the request was executed is not known", l.why)
}
