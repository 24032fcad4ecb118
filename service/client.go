package service

import (
	"context"
	"errors"
	"sync"
	"unicode/utf8"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/broadcast"
	"github.com/mittere/mittere/registry/store"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
)

// Client calls the instances of a name, directly or through a broker. It keeps a session with
// each of them, or with the broker, gives each call to one, and retries what may be retried,
// at another instance if there is one; all tries of a call have one key, by which a server
// recognises what it has executed (the Lazy Pirate of the ZeroMQ guide). Calls with a target, as [call.All] makes them, go to the instances that it
// means: by their ids, or by their endpoints if there is no registry. A broker knows
// its workers itself.
//
// Stubs run on it: it is a [call.Caller]. All methods may be called by any number
// of goroutines at once.
type Client struct {
	clientConfig
	zctx      *comm.Context
	name      string
	keys      *call.Keys
	invoke    call.Invoker
	ownClient *registry.Client   // to be closed; nil if it is not ours
	follower  *registry.Follower // nil without a registry

	closing    context.Context
	close      context.CancelFunc
	background sync.WaitGroup

	mu       sync.Mutex           // guards what follows
	members  []*member            // ordered by id
	leaving  map[*member]struct{} // that finish their calls and get no more
	cursor   int                  // the place of the member that is next
	changed  broadcast.Signal
	listed   bool  // the registry has told of instances, or of none
	unusable error // of instances that are known and cannot be connected to
}

// NewClient returns a client of the instances of a name, of 255 bytes of UTF-8 at most, that
// are found where from says. It does not wait for any. It must be closed. Everything that is
// wrong with its arguments is reported by one error with code INVALID_ARGUMENT.
func NewClient(zctx *comm.Context, name string, from Source, options ...ClientOption) (*Client, error) {
	config := newClientConfig(from, options)
	config.checks.Require(name != "" || len(config.endpoints) > 0, "no name") // a broker must know for whom
	config.checks.Require(len(name) <= store.MaxNameBytes && utf8.ValidString(name),
		"a name of %d bytes: want %d at most, of UTF-8", len(name), store.MaxNameBytes)
	if err := config.checks.Err(); err != nil {
		return nil, messaging.Errorf(messaging.InvalidArgument, "client of %.80q: %w", name, err)
	}
	c := &Client{clientConfig: config, zctx: zctx, name: name, keys: call.NewKeys(), leaving: map[*member]struct{}{}}
	c.closing, c.close = context.WithCancel(context.Background())
	c.invoke = call.Intercept(call.Invoker(c.route), config.interceptors...).Call
	if err := c.start(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// start begins to follow the instances.
func (c *Client) start() (err error) {
	if len(c.endpoints)+len(c.brokers) > 0 {
		return c.dialAll()
	}
	if c.client == nil {
		if c.ownClient, err = registry.NewClient(c.zctx, c.registry, registry.WithLogger(c.log)); err != nil {
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

// route makes a call where its target is.
func (c *Client) route(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
	err := r.Check()
	switch {
	case err != nil:
		return err
	case !r.Targeted() || c.brokered():
		return c.attempt(ctx, r, anyInstance, each)
	case r.Several == nil && len(r.Target.Names) == 1:
		return c.attempt(ctx, direct(r), r.Target.Names[0], each)
	default:
		return c.fanOut(ctx, r, each)
	}
}

// brokered reports whether calls go to a broker.
func (c *Client) brokered() bool { return len(c.brokers) > 0 }

// notify wakes the calls that wait for an instance.
func (c *Client) notify() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed.Notify()
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
		m, changed := c.choose(anyInstance, nil)
		if m != nil {
			m.leave()
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return c.waitError(ctx, anyInstance)
		case <-c.closing.Done():
			return errClosed()
		}
	}
}
