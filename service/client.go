package service

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry/store"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
)

// Client calls the instances of a name, directly or through a broker. It keeps a
// session with each of them, or with the broker, gives each call to one, and tries
// again what may be tried again, rather elsewhere; all tries of a call have one key,
// by which a server recognises what it has executed (the Lazy Pirate of the ZeroMQ
// guide). Calls with a target, as [call.All] makes them, go to the instances that it
// means: by their ids, or by their endpoints if there is no registry. A broker knows
// its workers itself.
//
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
	listed  bool  // the registry has told of instances, or of none
	strange error // of instances that are known and cannot be connected to
}

// NewClient returns a client of the instances of a name, of 255 bytes of UTF-8 at most, that
// are found where from says. It does not wait for any. It must be closed. Everything that is
// wrong with its arguments is reported by one error with code INVALID_ARGUMENT.
func NewClient(zmq *comm.Context, name string, from Source, options ...ClientOption) (*Client, error) {
	config := newClientConfig(from, options)
	config.checks.Require(name != "" || len(config.endpoints) > 0, "no name") // a broker must know for whom
	config.checks.Require(len(name) <= store.MaxNameBytes && utf8.ValidString(name),
		"a name of %d bytes: want %d at most, of UTF-8", len(name), store.MaxNameBytes)
	if err := config.checks.Err(); err != nil {
		return nil, messaging.Errorf(messaging.InvalidArgument, "client of %.80q: %w", name, err)
	}
	c := &Client{clientConfig: config, zmq: zmq, name: name, keys: call.NewKeys(), changed: make(chan struct{}), leaving: map[*member]struct{}{}}
	c.closing, c.close = context.WithCancel(context.Background())
	c.invoke = call.Intercept(call.Invoker(c.begin), config.interceptors...).Call
	if err := c.open(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// open begins to follow the instances.
func (c *Client) open() (err error) {
	if len(c.endpoints)+len(c.brokers) > 0 {
		return c.dialAll()
	}
	if c.client == nil {
		if c.ownClient, err = registry.NewClient(c.zmq, c.registry, registry.WithLogger(c.log)); err != nil {
			return err
		}
		c.client = c.ownClient
	}
	c.follower = c.client.Follow(c.name)
	c.background.Go(c.follow)
	c.background.Go(c.dialer)
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
// Elsewhere itself. It waits until an instance can take it, for the client's patience at
// most, and then it is [messaging.Unavailable]; see [call.WithFailFast]. A call of
// several workers that was accepted is not tried again, but without a broker each
// instance's part is.
func (c *Client) Call(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
	return c.invoke(ctx, r, each)
}

// begin makes a call where its target is.
func (c *Client) begin(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
	err := r.Check()
	switch {
	case err != nil:
		return err
	case !r.Targeted() || c.brokered():
		return c.try(ctx, r, anyone, each)
	case r.Several == nil && len(r.Target.Names) == 1:
		return c.try(ctx, direct(r), r.Target.Names[0], each)
	default:
		return c.spread(ctx, r, each)
	}
}

// brokered reports whether calls go to a broker.
func (c *Client) brokered() bool { return len(c.brokers) > 0 }

// anyone is the name of an instance if it may be any.
const anyone = ""

// try makes a call, of an instance that has a name or of anyone, again if it fails in
// a way that allows it.
func (c *Client) try(ctx context.Context, r *call.Request, name string, each func(*messaging.Envelope) error) error {
	r.Key = c.keys.Begin()
	defer c.keys.End(r.Key)
	heard := false
	if r.Several != nil {
		r = hearAccepted(r, &heard)
	}
	listen := func(e *messaging.Envelope) error {
		heard = true
		return each(e)
	}
	r.Elsewhere = true // another instance may be there
	turns := c.turnsOf(ctx, r)
	defer func(wait time.Duration) { r.Wait = wait }(r.Wait)
	var last *member
	var failed error
	refused := true // every try was
	r.Attempt = 1   // but for those: to a server the request is new
	for try := 1; ; try++ {
		m, err := c.pick(ctx, r, name, last)
		if err != nil {
			return afterwards(err, failed, refused)
		}
		turns.take(r)
		failed = m.call(ctx, r, listen)
		turns.learn(m, r, failed)
		again := try < c.triesOf(r) && mayRepeat(r, failed)
		if turns.waited(r, failed) {
			again = !turns.over()
			try-- // that it waited is no failure
		}
		if failed == nil || heard || !again || !c.rest(ctx, try) {
			return outcome(failed, refused)
		}
		if !messaging.Refused(failed) {
			refused = false
			r.Attempt++
		}
		last = m
	}
}

// triesOf returns how often a call is tried at most. One that fails fast is not tried
// again at a broker, which has said that it has nobody.
func (c *Client) triesOf(r *call.Request) int {
	if r.FailFast && c.brokered() {
		return min(c.tries, len(c.brokers))
	}
	return c.tries
}

// mayRepeat reports whether a call may be tried again: if it was surely not
// executed, for a reason that another instance, or another moment, may not have;
// or if a second execution does no harm and the instance went away.
func mayRepeat(r *call.Request, err error) bool {
	switch code := messaging.CodeOf(err); {
	case messaging.IsTooLarge(err): // it stays so
		return false
	case code == messaging.Unavailable:
		return messaging.Refused(err) || r.Method.Repeatable()
	case code == messaging.ResourceExhausted:
		return messaging.Refused(err)
	case code == messaging.NotFound: // a worker that is named will not be there at once
		return messaging.Refused(err) && !r.Targeted()
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
// failed together do not come again together; false means that there is no time. An
// attempt that did not count is 0.
func (c *Client) rest(ctx context.Context, attempt int) bool {
	most := min(firstRest<<min(max(attempt-1, 0), 20), longestRest)
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
// waits for one. An instance with a name may be away, but must be known.
func (c *Client) pick(ctx context.Context, r *call.Request, name string, last *member) (*member, error) {
	var patience <-chan time.Time
	for {
		c.want(name)
		away := c.registryChanged()
		m, changed := c.choose(name, last)
		switch {
		case m != nil:
			if r.Waiting != nil {
				r.Waiting(nil)
			}
			return m, nil
		case c.stranger(name) && c.closing.Err() == nil:
			return nil, call.NoWorker(name)
		case r.FailFast && !c.hopes(name):
			return nil, c.nobody(name)
		case r.Waiting != nil:
			r.Waiting(c.nobody(name))
		}
		if patience == nil {
			timer := time.NewTimer(c.patience)
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case <-changed:
		case <-away:
		case <-patience:
			return nil, c.nobody(name)
		case <-ctx.Done():
			return nil, c.inVain(ctx, name)
		case <-c.closing.Done():
			return nil, errClosed()
		}
	}
}

// registryChanged returns what is closed when the registry went or came, nil if there is
// none.
func (c *Client) registryChanged() <-chan struct{} {
	if c.client == nil {
		return nil
	}
	return c.client.Changed()
}

// choose returns the instance that gets the next call and counts the call there,
// nil if none can take it, and what is closed when that may have changed.
func (c *Client) choose(name string, last *member) (*member, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.next(name, last)
	if at < 0 {
		return nil, c.changed
	}
	c.turn = at + 1
	c.members[at].count()
	return c.members[at], nil
}

// next returns the place of the instance that gets the next call, -1 if none can
// take it. Whether one can is asked of those only whose turn it would be.
func (c *Client) next(name string, last *member) int {
	best := -1
	for i := range c.members {
		at := (c.turn + i) % len(c.members)
		m := c.members[at]
		if m != last && m.called(name) && (best < 0 || c.prefers(m, c.members[best])) && m.able() {
			best = at
		}
	}
	if best < 0 { // better than none
		return slices.IndexFunc(c.members, func(m *member) bool { return m == last && m.called(name) && m.able() })
	}
	return best
}

// prefers reports whether a call rather goes to one instance than to another, whose
// turn it would be.
func (c *Client) prefers(m, other *member) bool {
	if m.doubted() != other.doubted() {
		return other.doubted()
	}
	return c.balance == LeastOutstanding && m.outstanding < other.outstanding
}

// tell wakes those who wait for an instance.
func (c *Client) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// Member is one instance, or broker, that a client calls.
type Member struct {
	// Instance is what the registry says of it; without a registry only its
	// endpoint, which is its id too.
	Instance *mitterev1.Instance
	// Ready says that it takes calls now.
	Ready bool
	// Caller calls this instance and no other; a broker's is the only one that takes
	// targets.
	Caller call.Caller
}

// Members returns the instances that are known, ordered by id; with [FromBroker] the
// brokers.
func (c *Client) Members() (members []Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		members = append(members, Member{Instance: m.instance, Ready: m.able(), Caller: c.callMember(m)})
	}
	return members
}

// Wait waits until there is an instance that takes calls; with [FromBroker], a
// broker, whether it has workers or not.
func (c *Client) Wait(ctx context.Context) error {
	for {
		m, changed := c.choose(anyone, nil)
		if m != nil {
			m.leave()
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return c.inVain(ctx, anyone)
		case <-c.closing.Done():
			return errClosed()
		}
	}
}
