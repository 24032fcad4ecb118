package service

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
)

// Client calls the instances of a name. It keeps a session with each of them,
// gives each call to one, and tries again elsewhere what may be tried again; all
// tries of a call have one key, by which a server recognises what it has executed.
// Stubs run on it: it is a [call.Caller]. All methods may be called by any number
// of goroutines at once.
type Client struct {
	clientConfig
	zmq       *comm.Context
	name      string
	keys      *call.Keys
	invoke    call.Invoker
	ownClient *registry.Client   // to be closed; nil if it is not ours
	follower  *registry.Follower // nil without a registry

	closing    context.Context
	close      context.CancelFunc
	background sync.WaitGroup

	mu      sync.Mutex           // guards what follows
	members []*member            // ordered by id
	leaving map[*member]struct{} // that finish their calls and get no more
	turn    int                  // the place of the member whose turn is next
	changed chan struct{}
	strange error // of instances that are known and cannot be connected to
}

// NewClient returns a client of the instances of a name. It does not wait for any.
// It must be closed.
func NewClient(zmq *comm.Context, name string, options ...ClientOption) (*Client, error) {
	config, err := newClientConfig(options)
	if name == "" && len(config.endpoints) == 0 {
		err = errors.Join(err, errors.New("no name"))
	}
	if err != nil {
		return nil, messaging.Errorf(messaging.InvalidArgument, "client of %q: %s", name, oneLine(err))
	}
	c := &Client{clientConfig: config, zmq: zmq, name: name, keys: call.NewKeys(), changed: make(chan struct{}), leaving: map[*member]struct{}{}}
	c.closing, c.close = context.WithCancel(context.Background())
	c.invoke = call.Intercept(call.Invoker(c.try), config.interceptors...).Call
	if err := c.open(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// open begins to follow the instances.
func (c *Client) open() (err error) {
	if len(c.endpoints) > 0 {
		return c.dialAll()
	}
	if c.client == nil {
		if c.ownClient, err = registry.NewClient(c.zmq, c.registry); err != nil {
			return err
		}
		c.client = c.ownClient
	}
	c.follower = c.client.Follow(c.name)
	c.background.Go(c.follow)
	return nil
}

// Close ends the sessions and the calls in them, and waits for everything that the
// client started.
func (c *Client) Close() (err error) {
	c.close()
	c.background.Wait()
	if c.follower != nil {
		c.follower.Close()
	}
	for _, m := range c.takeAll() {
		err = errors.Join(err, m.close())
	}
	if c.ownClient != nil {
		err = errors.Join(err, c.ownClient.Close())
	}
	return err
}

// Name returns the name that the client calls.
func (c *Client) Name() string { return c.name }

// View returns what is known of the instances, and how old that is. Without a
// registry it is empty.
func (c *Client) View() registry.View {
	if c.follower == nil {
		return registry.View{}
	}
	return c.follower.View()
}

// Call makes a call; see [call.Caller]. It sets the request's Key, Attempt and
// FailFast itself. It waits until an instance can take it,
// for the client's patience at most, and then it is [messaging.Unavailable].
func (c *Client) Call(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
	return c.invoke(ctx, r, each)
}

// try makes a call, again if it fails in a way that allows it.
func (c *Client) try(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
	r.Key = c.keys.Begin()
	defer c.keys.End(r.Key)
	heard := false
	listen := func(e *messaging.Envelope) error {
		heard = true
		return each(e)
	}
	r.FailFast = true // another instance may be there
	var last *member
	var failed error
	refused := true // every try was
	r.Attempt = 1   // but for those: to a server the request is new
	for try := 1; ; try++ {
		m, err := c.pick(ctx, last)
		if err != nil {
			return afterwards(err, failed, refused)
		}
		failed = m.call(ctx, r, listen)
		if failed == nil || heard || try >= c.tries || !mayRepeat(r, failed) || !c.rest(ctx, try) {
			return outcome(failed, refused)
		}
		if !messaging.Refused(failed) {
			refused = false
			r.Attempt++
		}
		last = m
	}
}

// outcome returns the error of the last try as that of the call: it was refused
// only if all tries were.
func outcome(failed error, refused bool) error {
	if refused || !messaging.Refused(failed) {
		return failed
	}
	return again(failed, "%w; whether it was executed before is not known", failed)
}

// afterwards returns why a call failed for which there is no instance any more:
// what went wrong before says more.
func afterwards(err, failed error, refused bool) error {
	switch {
	case failed == nil:
		return err
	case refused:
		return again(failed, "%w; and then: %v", failed, err).AsRefused()
	default:
		return again(failed, "%w; and then: %v", failed, err)
	}
}

// again returns an error that says more, for programs the same.
func again(err error, format string, args ...any) *messaging.Error {
	said := messaging.Errorf(messaging.CodeOf(err), format, args...)
	said.Details = messaging.AsError(err).Details
	return said
}

// mayRepeat reports whether a call may be tried again: if it was surely not
// executed, for a reason that another instance, or another moment, may not have;
// or if a second execution does no harm and the instance went away.
func mayRepeat(r *call.Request, err error) bool {
	switch code := messaging.CodeOf(err); {
	case errors.Is(err, comm.TooLarge): // it stays so
		return false
	case code == messaging.Unavailable:
		return messaging.Refused(err) || r.Method.Repeatable()
	case code == messaging.ResourceExhausted, code == messaging.NotFound:
		return messaging.Refused(err)
	default:
		return false
	}
}

const (
	// firstRest and longestRest bound the time between two tries, which doubles.
	firstRest   = 10 * time.Millisecond
	longestRest = time.Second
)

// rest waits between two tries, a random part of the time so that callers who
// failed together do not come again together; false means that there is no time.
func (c *Client) rest(ctx context.Context, attempt int) bool {
	most := min(firstRest<<min(attempt-1, 20), longestRest)
	timer := time.NewTimer(most/2 + rand.N(most/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	case <-c.closing.Done():
		return false
	}
}

// pick returns the instance that gets the next call, rather not the last one. It
// waits for one.
func (c *Client) pick(ctx context.Context, last *member) (*member, error) {
	var patience <-chan time.Time
	for {
		m, changed := c.choose(last)
		if m != nil {
			return m, nil
		}
		if patience == nil {
			timer := time.NewTimer(c.patience)
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case <-changed:
		case <-patience:
			return nil, c.nobody()
		case <-ctx.Done():
			return nil, c.inVain(ctx)
		case <-c.closing.Done():
			return nil, errClosed()
		}
	}
}

// errClosed is the error of a call on a closed client.
func errClosed() *messaging.Error {
	return messaging.Errorf(messaging.Unavailable, "the client was closed").AsRefused()
}

// inVain is the error of a call that nobody could take until its context ended.
func (c *Client) inVain(ctx context.Context) *messaging.Error {
	if c.closing.Err() != nil {
		return errClosed()
	}
	return messaging.InVain(ctx, c.nobody())
}

// nobody is the error of a call that nobody can take.
func (c *Client) nobody() *messaging.Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.members) == 0 {
		return c.stranger()
	}
	why := c.members[0].err()
	if c.name == "" {
		return messaging.Errorf(messaging.Unavailable, "%s cannot be reached: %w", c.members[0].endpoint, why).AsRefused()
	}
	return messaging.Errorf(messaging.Unavailable, "none of %d instances of %s can be reached: %w", len(c.members), c.name, why).AsRefused()
}

// stranger is the error of a call while no instance is known, under the lock.
func (c *Client) stranger() *messaging.Error {
	why := ""
	switch view := c.View(); {
	case c.strange != nil:
		return messaging.Errorf(messaging.Unavailable, "no instance of %s can be connected to: %s", c.name, oneLine(c.strange)).AsRefused()
	case c.follower == nil, view.Live:
	case view.At.IsZero() && c.client.Connected() && c.follower.Err() != nil:
		why = ": " + c.follower.Err().Error()
	case view.At.IsZero():
		why = ": the registry at " + c.client.Endpoint() + " has not answered yet"
	default:
		why = ", and the registry at " + c.client.Endpoint() + " is away"
	}
	return messaging.Errorf(messaging.Unavailable, "no instance of %s is known%s", c.name, why).AsRefused()
}

// choose returns the instance that gets the next call and counts the call there,
// nil if none can take it, and what is closed when that may have changed.
func (c *Client) choose(last *member) (*member, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.next(last)
	if at < 0 {
		return nil, c.changed
	}
	c.turn = at + 1
	c.members[at].outstanding++
	return c.members[at], nil
}

// next returns the place of the instance that gets the next call, -1 if none can
// take it. Whether one can is asked of those only whose turn it would be.
func (c *Client) next(last *member) int {
	best := -1
	for i := range c.members {
		at := (c.turn + i) % len(c.members)
		m := c.members[at]
		worse := best >= 0 && (c.balance == RoundRobin || m.outstanding >= c.members[best].outstanding)
		if m != last && !worse && m.able() {
			best = at
		}
	}
	if best < 0 { // better than none
		return slices.IndexFunc(c.members, func(m *member) bool { return m == last && m.able() })
	}
	return best
}

// tell wakes those who wait for an instance.
func (c *Client) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// Member is one instance that a client calls.
type Member struct {
	// Instance is what the registry says of it; without a registry only its
	// endpoint.
	Instance *mitterev1.Instance
	// Ready says that it takes calls now.
	Ready bool
	// Caller calls this instance and no other.
	Caller call.Caller
}

// Members returns the instances that are known, ordered by id.
func (c *Client) Members() (members []Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		members = append(members, Member{Instance: m.instance, Ready: m.able(), Caller: call.Invoker(m.caller.Call)})
	}
	return members
}

// Wait waits until there is an instance that takes calls.
func (c *Client) Wait(ctx context.Context) error {
	for {
		m, changed := c.choose(nil)
		if m != nil {
			m.leave()
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return c.inVain(ctx)
		case <-c.closing.Done():
			return errClosed()
		}
	}
}
