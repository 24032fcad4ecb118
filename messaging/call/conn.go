package call

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/broadcast"
	"github.com/mittere/mittere/messaging"
)

// Conn is a connection to one server, or to a broker. It begins a session, begins
// another one whenever that has ended, and makes any number of calls at once. A
// server that goes away ends the calls that it had with [messaging.Unavailable].
// All methods may be called by any number of goroutines at once.
type Conn struct {
	config
	zctx     *comm.Context
	endpoint string
	instance []byte    // of the client, as the server knows it
	began    time.Time // where its clock begins

	calls      atomic.Int64 // that have begun and not ended
	closing    context.Context
	close      context.CancelFunc
	background sync.WaitGroup

	mu      sync.Mutex // guards what follows
	link    *link      // nil while there is no session
	why     error      // why there is none
	failed  bool       // the last attempt to begin one failed
	changed broadcast.Signal
}

// Dial returns a connection to an endpoint, such as "tcp://127.0.0.1:5555". It
// does not wait for the server, which may come later and go and come back. It must
// be closed.
func Dial(zctx *comm.Context, endpoint string, options ...DialOption) (*Conn, error) {
	config, err := newConfig(options)
	if err != nil {
		return nil, messaging.Errorf(messaging.InvalidArgument, "dial %s: %w", endpoint, err)
	}
	if strings.Contains(endpoint, ",") {
		return nil, messaging.Errorf(messaging.InvalidArgument, "dial %s: want one endpoint; a Conn has one server", endpoint)
	}
	c := &Conn{
		config: config, zctx: zctx, endpoint: strings.TrimPrefix(endpoint, ">"), began: time.Now(),
		why: messaging.Errorf(messaging.Unavailable, "no answer from %s yet", endpoint),
	}
	c.instance = c.keys.instanceAt(c.endpoint)
	first, err := c.newDealer()
	if err != nil {
		return nil, err
	}
	c.closing, c.close = context.WithCancel(context.Background())
	c.background.Go(func() { c.run(first) })
	return c, nil
}

// newDealer returns a socket that connects to the endpoint.
func (c *Conn) newDealer() (*comm.Dealer, error) {
	dealer, err := comm.NewDealer(c.zctx, ">"+c.endpoint, c.socket...)
	if err != nil {
		return nil, messaging.FromComm(err)
	}
	return dealer, nil
}

// Close ends the session and the calls in it, and waits for everything that the
// connection started. Closing again does nothing.
func (c *Conn) Close() error {
	c.close()
	c.background.Wait()
	return nil
}

// Endpoint returns where the connection leads to.
func (c *Conn) Endpoint() string { return c.endpoint }

// Outstanding returns how many calls have begun and not ended.
func (c *Conn) Outstanding() int { return int(c.calls.Load()) }

// Ready reports whether there is a session that takes requests.
func (c *Conn) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link != nil && !c.link.draining.Load()
}

// Session returns a number that tells this session from others, 0 if there is
// none.
func (c *Conn) Session() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return 0
	}
	return c.link.session
}

// Changed returns a channel that is closed when Ready, or why it is not, may have
// changed.
func (c *Conn) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed.Changed()
}

// Err returns why there is no session, nil if there is one.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != nil {
		return nil
	}
	return c.why
}

// Connecting reports whether there is no session and it is not known yet whether one
// can be had: nothing went wrong since the connection was made, or since the last session
// ended.
func (c *Conn) Connecting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link == nil && !c.failed
}

// set notes the session that there is, or why there is none, and wakes the calls that wait
// for one.
func (c *Conn) set(l *link, why error) {
	c.change(func() { c.link, c.why, c.failed = l, why, false })
}

// fail notes why no session could be begun.
func (c *Conn) fail(why error) {
	c.change(func() { c.link, c.why, c.failed = nil, why, true })
}

// drained notes that the server takes no further requests.
func (c *Conn) drained() { c.change(func() {}) }

// change changes what others wait for, and tells them.
func (c *Conn) change(f func()) {
	defer c.notify() // outside the lock: it is the user's
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	c.changed.Notify()
}

// current waits for a session until ctx ends; with FailFast, until it is known why there
// is none.
func (c *Conn) current(ctx context.Context, r *Request) (*link, error) {
	for {
		l, changed, why := c.state()
		switch {
		case l != nil:
			return l, nil
		case r.FailFast && !c.Connecting():
			return nil, messaging.Errorf(messaging.Unavailable, "%w", why).AsRefused()
		}
		r.waits(why)
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, messaging.WaitError(ctx, why)
		case <-c.closing.Done():
			return nil, errClosed()
		}
	}
}

// state returns the session, what tells of a change, and why there is no session.
func (c *Conn) state() (l *link, changed <-chan struct{}, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link, c.changed.Changed(), c.why
}

// clock returns the connection's monotonic clock, in nanoseconds; never 0.
func (c *Conn) clock() int64 { return int64(time.Since(c.began)) + 1 }

// run keeps a session until the connection is closed.
func (c *Conn) run(dealer *comm.Dealer) {
	for c.closing.Err() == nil {
		began := time.Now()
		c.session(dealer)
		if time.Since(began) < pause {
			c.pauseRetry()
		}
		dealer = c.redial()
	}
	c.set(nil, errClosed())
}

// redial returns a new socket, nil if the connection is closed meanwhile.
func (c *Conn) redial() *comm.Dealer {
	for c.closing.Err() == nil {
		dealer, err := c.newDealer()
		if err == nil {
			return dealer
		}
		c.fail(err) // as when the process has no descriptors left
		c.pauseRetry()
	}
	return nil
}

// dropLink notes that a session has ended, if that is not known yet.
func (c *Conn) dropLink(l *link) {
	c.change(func() {
		if c.link == l {
			c.link, c.why, c.failed = nil, l.lost(true), false
		}
	})
}

// pauseRetry waits a moment.
func (c *Conn) pauseRetry() {
	select {
	case <-time.After(pause):
	case <-c.closing.Done():
	}
}

// session begins a session on a socket, serves it to its end and closes the
// socket.
func (c *Conn) session(dealer *comm.Dealer) {
	defer dealer.Close()
	l, err := c.shakeHands(dealer)
	if err != nil {
		c.fail(err)
		return
	}
	ctx, stop := context.WithCancelCause(c.closing)
	defer stop(nil)
	l.stop = stop
	c.set(l, nil)
	why := l.serve(ctx)
	c.set(nil, why)
	l.end(why)
}

// errClosed is what calls on a closed connection get.
func errClosed() *messaging.Error {
	return messaging.Errorf(messaging.Unavailable, "the connection was closed").AsRefused()
}
