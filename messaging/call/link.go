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
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
)

// link is one session on a socket of its own. Callers send themselves, and one of the callers
// that wait receives for all; see receive.go. One goroutine keeps time.
type link struct {
	conn      *Conn
	dealer    *comm.Dealer
	session   uint64
	instance  string
	heartbeat time.Duration
	heard     atomic.Int64       // when something was last received, by the conn's clock
	said      atomic.Int64       // when something was last sent that tells the time
	frame     command.FrameLimit // of the server
	targets   bool               // the server gives requests to chosen workers
	draining  atomic.Bool        // the server takes no further requests
	settled   atomic.Bool        // the server said, as its last word, that it has answered all that it began

	reading chan struct{}           // holds a token; the goroutine that takes it receives for all
	broken  chan struct{}           // closed by the last receiver if it found the session broken
	batch   [inboxSize]comm.Message // belongs to the receiver
	handed  uint64                  // how many answers came for calls; the same
	stop    context.CancelCauseFunc // ends the session

	mu    sync.Mutex // guards what follows
	calls map[uint64]*exchange
	last  uint64 // number of the latest call
	why   error  // why the session ended; nil while it lasts
}

// shakeHands begins a session on a socket.
func (c *Conn) shakeHands(dealer *comm.Dealer) (*link, error) {
	ctx, cancel := context.WithTimeout(c.closing, c.handshake)
	defer cancel()
	l := &link{
		conn: c, dealer: dealer, calls: map[uint64]*exchange{},
		reading: make(chan struct{}, 1), broken: make(chan struct{}),
	}
	l.reading <- struct{}{}
	switch err := l.sayHello(ctx); {
	case c.closing.Err() != nil:
		return nil, errClosed()
	case errors.Is(err, context.DeadlineExceeded):
		return nil, c.unanswered(dealer)
	case err != nil:
		return nil, messaging.Errorf(messaging.CodeOf(err), "%s: %w", c.endpoint, err).AsRefused()
	}
	return l, nil
}

// sayHello sends a Hello and waits for the answer, no longer than the connection lasts: a
// server that the endpoint leads to later has got no Hello.
func (l *link) sayHello(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer stop(nil)
	watcher.Go(func() { stop(l.watch(ctx)) })
	watcher.Go(func() { l.conn.noteFailures(ctx, l.dealer) })
	c := l.conn
	err := l.send(ctx, &mitterev1.Hello{
		Instance: c.instance, Role: mitterev1.Role_ROLE_CLIENT,
		HeartbeatNano: int64(c.heartbeat), SentAtNano: c.clock(), Features: []string{command.FeatureTargets, command.FeatureWaiting},
		FrameBytes: uint64(l.dealer.MaxFrameSize()),
	}, nil)
	if err == nil {
		err = l.awaitWelcome(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// awaitWelcome waits for the answer to the Hello.
func (l *link) awaitWelcome(ctx context.Context) error {
	for {
		m, err := l.dealer.Recv(ctx)
		if err != nil {
			return messaging.FromComm(err)
		}
		command, err := command.Decode(withoutDelimiter(m.Frames))
		if err != nil {
			return messaging.Errorf(messaging.FailedPrecondition, "it does not speak this protocol: %w", err)
		}
		switch k := command.Kind.(type) {
		case *mitterev1.Welcome:
			return l.acceptWelcome(k)
		case *mitterev1.Disconnect:
			return refusedBy(k)
		}
	}
}

// acceptWelcome notes what was agreed.
func (l *link) acceptWelcome(w *mitterev1.Welcome) error {
	if wrong := command.CheckWelcome(w); wrong != nil {
		return wrong
	}
	l.session, l.instance = w.GetSession(), w.GetInstance()
	l.heartbeat, l.frame = time.Duration(w.GetHeartbeatNano()), command.FrameLimit(w.GetLimits().GetFrameBytes())
	l.targets = slices.Contains(w.GetFeatures(), command.FeatureTargets)
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

// serve keeps the session until it ends, and returns why.
func (l *link) serve(ctx context.Context) error {
	var helpers sync.WaitGroup
	helpers.Go(func() { l.stop(l.keepTime(ctx)) })
	helpers.Go(func() { l.stop(l.watch(ctx)) })
	l.standIn(ctx)
	helpers.Wait()
	if l.conn.closing.Err() != nil {
		l.disconnect()
		return errClosed()
	}
	return context.Cause(ctx)
}

// disconnect tells the server that the session is over, so that it cancels what runs.
func (l *link) disconnect() {
	l.sendSoon(&mitterev1.Disconnect{Status: &mitterev1.Status{
		Code: messaging.Cancelled, Message: "the client closed the connection",
	}})
}

// lastCommand is how long a command may wait for room whose sender cannot wait.
const lastCommand = 10 * time.Millisecond

// lastTries is how often such a command is sent. The time of one try may be over before it
// was sent, where this process is short of processors: then nothing was in its way.
const lastTries = 5

// sendSoon sends a command unless there is no room for it.
func (l *link) sendSoon(kind proto.Message) {
	for range lastTries {
		ctx, cancel := context.WithTimeout(context.Background(), lastCommand)
		err := l.send(ctx, kind, nil)
		cancel()
		if messaging.CodeOf(err) != messaging.DeadlineExceeded {
			return
		}
	}
}

// keepTime sends a heartbeat whenever no request was sent for a while, and ends
// the session when nothing was heard for three times as long, or when this process
// itself was paused for so long that the server must have ended it.
func (l *link) keepTime(ctx context.Context) error {
	patience := int64(command.Patience(l.heartbeat))
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
			return messaging.Errorf(messaging.Unavailable, "this process was paused for %v", time.Duration(now-last))
		case now-l.heard.Load() > patience:
			return messaging.Errorf(messaging.Unavailable, "nothing was heard of %s for %v", l.conn.endpoint, time.Duration(patience))
		case now-l.said.Load() >= int64(command.HeartbeatDue(l.heartbeat)):
			l.sendHeartbeat(ctx)
		}
		last = now
	}
}

// sendHeartbeat sends a heartbeat if there is room.
func (l *link) sendHeartbeat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastCommand)
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
	c, err := command.New(kind, message)
	if err != nil {
		return err
	}
	return messaging.FromComm(c.WithFrames(nil, func(frames [][]byte) error { return l.put(ctx, comm.NewMessage(frames...)) }))
}

// put puts a message into the socket, unless it would end the connection.
func (l *link) put(ctx context.Context, m comm.Message) error {
	if err := l.frame.Check(m.Frames, l.conn.endpoint); err != nil {
		return err
	}
	return l.dealer.Send(ctx, m)
}

// end ends the session and fails the calls that it had. Answers received before count, so
// that it waits for the receiver, which the end of the socket ends.
func (l *link) end(why error) {
	l.refuse(why)
	_ = l.dealer.Close() // whose error would tell nothing
	select {
	case <-l.reading:
	case <-l.broken:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.calls {
		x.lose()
	}
	clear(l.calls)
}

// refuse takes no further calls.
func (l *link) refuse(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.why = why
}

// lost is the error of a call whose session ended. Whether its request was executed is not
// known, unless nothing came of it and the server said that it began no such request.
func (l *link) lost(begun bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.settled.Load() && !begun {
		return messaging.Errorf(messaging.Unavailable, "%v; the request was not executed", l.why).AsRefused()
	}
	return messaging.Errorf(messaging.Unavailable, "%v; whether the request was executed is not known", l.why)
}
