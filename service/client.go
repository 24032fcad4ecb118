package service

import (
	"cmp"
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
	turn    int                  // of round robin
	changed chan struct{}
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

// Call makes a call; see [call.Caller]. It waits until an instance can take it,
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
	var last *member
	var failed error
	for r.Attempt = 1; ; r.Attempt++ {
		m, err := c.pick(ctx, last)
		if err != nil {
			return afterwards(err, failed)
		}
		failed = m.call(ctx, r, listen)
		if failed == nil || heard || r.Attempt >= c.tries || !mayRepeat(r, failed) {
			return failed
		}
		last = m
		if !c.rest(ctx, r.Attempt) {
			return failed
		}
	}
}

// afterwards returns why a call failed for which there is no instance any more:
// what went wrong before says more.
func afterwards(err, failed error) error {
	if failed == nil {
		return err
	}
	return messaging.Errorf(messaging.CodeOf(failed), "%w; and then: %v", failed, err)
}

// mayRepeat reports whether a call may be tried again: if it was surely not
// executed, for a reason that another instance, or another moment, may not have;
// or if a second execution does no harm and the instance went away.
func mayRepeat(r *call.Request, err error) bool {
	switch code := messaging.CodeOf(err); {
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
			return nil, messaging.Errorf(messaging.Unavailable, "%w: %w", c.nobody(), ctx.Err()).AsRefused()
		case <-c.closing.Done():
			return nil, messaging.Errorf(messaging.Unavailable, "the client was closed").AsRefused()
		}
	}
}

// nobody is the error of a call that nobody can take.
func (c *Client) nobody() *messaging.Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.members) == 0 {
		return messaging.Errorf(messaging.Unavailable, "no instance of %s is known", c.name).AsRefused()
	}
	why := c.members[0].err()
	return messaging.Errorf(messaging.Unavailable, "none of %d instances of %s can be reached: %w", len(c.members), c.name, why).AsRefused()
}

// choose returns the instance that gets the next call and counts the call there,
// nil if none can take it, and what is closed when that may have changed.
func (c *Client) choose(last *member) (*member, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	able := slices.DeleteFunc(slices.Clone(c.members), func(m *member) bool { return !m.able() })
	if len(able) > 1 {
		able = slices.DeleteFunc(able, func(m *member) bool { return m == last })
	}
	if len(able) == 0 {
		return nil, c.changed
	}
	c.turn++
	start := c.turn % len(able)
	chosen := able[start]
	if c.balance == LeastOutstanding {
		inTurn := slices.Concat(able[start:], able[:start])
		chosen = slices.MinFunc(inTurn, func(a, b *member) int { return cmp.Compare(a.outstanding, b.outstanding) })
	}
	chosen.outstanding++
	return chosen, nil
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
			return messaging.Errorf(messaging.Unavailable, "%w: %w", c.nobody(), ctx.Err()).AsRefused()
		case <-c.closing.Done():
			return messaging.Errorf(messaging.Unavailable, "the client was closed").AsRefused()
		}
	}
}
