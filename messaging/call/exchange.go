package call

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// exchange is a call that waits for its answers.
type exchange struct {
	link         *link
	id           uint64
	group        *group                            // if several may answer; what follows is for one
	answers      chan answer                       // has room for all that the server may send
	events       atomic.Int64                      // that wait there
	wantsEvents  bool                              // whether they are read
	waiting      atomic.Pointer[mitterev1.Waiting] // what the server said last of that; nil if nothing
	wantsReasons bool                              // whether the caller is told
	unread       atomic.Bool                       // there is something of it among the answers
	streaming    bool                              // whether items are
	window       int                               // of those, how many may be on their way
	items        uint64                            // received
	begun        bool                              // something came of it
	unpaid       int                               // of those, for how many the server has no new credit
}

// Call makes a call; see [Caller]. While there is no session it waits for one
// until ctx ends, which is then [messaging.Unavailable].
func (c *Conn) Call(ctx context.Context, r *Request, each func(*messaging.Envelope) error) error {
	if err := r.Check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return messaging.AsError(err).AsRefused()
	}
	c.calls.Add(1)
	defer c.calls.Add(-1)
	key := r.Key
	if key.Number == 0 {
		key = c.keys.Begin()
		defer c.keys.End(key)
	}
	x, err := c.start(ctx, r, key)
	if err != nil || r.OneWay {
		return err
	}
	defer x.link.remove(x)
	if x.group != nil {
		return x.gather(ctx, r, each)
	}
	return x.follow(ctx, r, each)
}

// start sends a request in a session. A session that ends before something was sent is as if
// there had been none.
func (c *Conn) start(ctx context.Context, r *Request, key Key) (*exchange, error) {
	for {
		l, err := c.linkFor(ctx, r)
		if err != nil {
			return nil, err
		}
		x, err := l.startCall(ctx, r, key)
		if err == nil || r.Elsewhere || !errors.Is(err, errNoSession) {
			return x, err
		}
		c.dropLink(l)
	}
}

// linkFor returns the session that a request goes into.
func (c *Conn) linkFor(ctx context.Context, r *Request) (*link, error) {
	if !r.Elsewhere {
		return c.current(ctx, r)
	}
	l, _, why := c.state()
	switch {
	case l == nil:
		return nil, messaging.Errorf(messaging.Unavailable, "%w", why).AsRefused()
	case l.draining.Load():
		return nil, messaging.Errorf(messaging.Unavailable, "%s takes no further requests", c.endpoint).AsRefused()
	default:
		return l, nil
	}
}

// errNoSession is why nothing was sent in a session.
var errNoSession = errors.New("the session has ended")

// startCall sends a request. An error means that nothing was sent.
func (l *link) startCall(ctx context.Context, r *Request, key Key) (*exchange, error) {
	if r.Targeted() && !l.targets {
		return nil, messaging.Errorf(messaging.Unimplemented, "%s is no broker that gives a request to chosen workers", l.conn.endpoint).AsRefused()
	}
	x := l.enter(r)
	if x == nil {
		return nil, messaging.Errorf(messaging.Unavailable, "%w with %s", errNoSession, l.conn.endpoint).AsRefused()
	}
	request := l.request(ctx, x, r, key)
	err := l.send(ctx, request, r.Message)
	if err != nil || r.OneWay {
		l.remove(x)
	}
	if err != nil {
		return nil, messaging.AsError(err).AsRefused()
	}
	l.said.Store(request.GetSentAtNano())
	return x, nil
}

// request returns the command that begins a call.
func (l *link) request(ctx context.Context, x *exchange, r *Request, key Key) *mitterev1.Request {
	trace := messaging.TraceContextFrom(ctx)
	request := &mitterev1.Request{
		Call: x.id, Session: l.session, Service: l.conn.service, Method: r.Method.Name,
		Key:    &mitterev1.Key{Instance: l.conn.instance, Number: key.Number, Settled: key.Settled},
		Target: r.Target.wire(), WaitNano: int64(r.Wait), SentAtNano: l.conn.clock(), Attempt: uint32(max(r.Attempt, 1)),
		Idempotency: r.Method.Idempotency.wire(), OneWay: r.OneWay, FailFast: r.FailFast,
		Traceparent: trace.Parent, Tracestate: trace.State, Metadata: r.Metadata,
	}
	if r.Method.Streaming {
		request.Credit = uint32(x.window)
	}
	if deadline, ok := ctx.Deadline(); ok {
		request.TimeoutNano = max(int64(time.Until(deadline)), 1)
	}
	return request
}

// largestWindow bounds the memory that a call takes up before it has begun.
const largestWindow = 1 << 16

// enter makes an exchange; nil means that the session has ended.
func (l *link) enter(r *Request) *exchange {
	x := &exchange{link: l, window: r.Window, wantsEvents: r.Progress != nil, wantsReasons: r.Waiting != nil, streaming: r.Method.Streaming}
	if x.window <= 0 {
		x.window = DefaultWindow
	}
	x.window = min(x.window, largestWindow)
	if r.gathers() {
		x.group = newGroup(r, x.window)
	} else {
		x.answers = make(chan answer, x.room())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why != nil {
		return nil
	}
	l.last++
	x.id = l.last
	l.calls[x.id] = x
	return x
}

// remove ends an exchange.
func (l *link) remove(x *exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.calls, x.id)
}

// follow gives the answers to each until the call ends.
func (x *exchange) follow(ctx context.Context, r *Request, each func(*messaging.Envelope) error) error {
	for {
		a, err := x.next(ctx)
		if err != nil {
			return err
		}
		if over, err := x.handle(ctx, a, r, each); over || err != nil {
			return err
		}
	}
}

// next waits for an answer. An answer that came before the session ended counts.
func (x *exchange) next(ctx context.Context) (answer, error) {
	for {
		select {
		case a, more := <-x.answers:
			if !more {
				return answer{}, x.link.lost(x.begun)
			}
			return a, nil
		case <-ctx.Done():
			return answer{}, x.expired(ctx)
		case <-x.link.reading:
			x.link.read(ctx, func() bool { return len(x.answers) > 0 })
		}
	}
}

// lose notes that nothing follows what has come, since the session has ended.
func (x *exchange) lose() {
	if x.group != nil {
		x.group.lose()
		return
	}
	close(x.answers)
}

// expired ends a call whose caller waits no longer. The server knows the deadline
// itself.
func (x *exchange) expired(ctx context.Context) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		x.cancel()
	}
	said := "no answer"
	if why := x.waiting.Load(); why.GetReason() != mitterev1.Waiting_REASON_UNSPECIFIED {
		said = why.GetMessage() + ": no answer"
	}
	return messaging.Errorf(messaging.CodeOf(ctx.Err()), "%s from %s: %w", said, x.link.conn.endpoint, errors.Join(ctx.Err(), causeOf(ctx)))
}

// causeOf returns why a context ended, if that was given.
func causeOf(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return cause
	}
	return nil
}

// cancel tells the server that the caller waits no longer.
func (x *exchange) cancel() {
	x.link.sendSoon(&mitterev1.Cancel{Call: x.id})
}

// handle takes one answer. over means that the server has done with the call; if
// it has not, an error ends the call on this side, and the server is told.
func (x *exchange) handle(ctx context.Context, a answer, r *Request, each func(*messaging.Envelope) error) (over bool, err error) {
	defer a.message.Release()
	x.begun = x.begun || a.waiting == nil
	switch {
	case a.reply != nil:
		return true, x.reply(a, r, each)
	case a.event != nil:
		x.events.Add(-1)
		r.progress(a)
		return false, nil
	case a.waiting != nil:
		x.unread.Store(false)
		x.tellWaiting(r)
		return false, nil
	}
	if err := x.item(ctx, a, each); err != nil {
		x.cancel()
		return false, err
	}
	return false, nil
}

// item takes one message of a stream and gives the server credit for others.
func (x *exchange) item(ctx context.Context, a answer, each func(*messaging.Envelope) error) error {
	x.items++
	if a.item.GetIndex() != x.items {
		return messaging.Errorf(messaging.DataLoss, "item %d of the stream came as number %d", a.item.GetIndex(), x.items)
	}
	if err := open(a.body, each); err != nil {
		return err
	}
	x.unpaid++
	if 2*x.unpaid < x.window {
		return nil
	}
	credit := &mitterev1.Credit{Call: x.id, Items: uint32(x.unpaid)}
	x.unpaid = 0
	_ = x.link.send(ctx, credit, nil) // if it fails, the call or the session is over, and next says so
	return nil
}

// reply takes the end of a call.
func (x *exchange) reply(a answer, r *Request, each func(*messaging.Envelope) error) error {
	r.time(a.reply)
	switch err := failureOf(a.reply); {
	case err != nil:
		return err
	case a.reply.GetIndex() != x.items:
		return messaging.Errorf(messaging.DataLoss, "the stream had %d items, of which %d came", a.reply.GetIndex(), x.items)
	case a.body == nil:
		return nil
	default:
		return open(a.body, each)
	}
}
