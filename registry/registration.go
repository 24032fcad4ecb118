package registry

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// Registration keeps an instance registered: it registers it as soon as the
// registry is there, renews its lease three times as often as it must, and
// registers it again when the registry has forgotten it or was started again. All
// methods may be called by any number of goroutines at once.
type Registration struct {
	client *Client
	wished time.Duration
	ended  context.Context // when it is withdrawn
	end    context.CancelFunc
	done   chan struct{} // closed when nothing is renewed any more

	mu       sync.Mutex // guards what follows
	instance *mitterev1.Instance
	session  uint64 // in which it was last registered; 0 if it is not
	err      error  // why it is not
	changed  chan struct{}
}

// Register keeps an instance registered until it is withdrawn or the client is
// closed. It does not wait for the registry; [Registration.Wait] does. A lease of
// 0 is the registry's default.
func (c *Client) Register(instance *mitterev1.Instance, lease time.Duration) *Registration {
	r := &Registration{
		client: c, wished: lease, instance: proto.CloneOf(instance), done: make(chan struct{}), changed: make(chan struct{}),
		err: messaging.Errorf(messaging.Unavailable, "the registry at %s has not answered yet", c.Endpoint()),
	}
	ctx, cancel := context.WithCancel(c.closing)
	r.ended, r.end = ctx, cancel
	c.background.Go(r.keep)
	return r
}

// Wait waits until the instance is registered, or the registry refuses it: then
// it returns why.
func (r *Registration) Wait(ctx context.Context) error {
	for {
		session, err, changed := r.state()
		switch {
		case session != 0:
			return nil
		case messaging.CodeOf(err) == messaging.InvalidArgument:
			return err
		}
		select {
		case <-changed:
		case <-r.done:
			return errClientClosed
		case <-ctx.Done():
			return messaging.Errorf(messaging.CodeOf(ctx.Err()), "not registered: %w: %w", err, ctx.Err())
		}
	}
}

// Err returns why the instance is not registered, nil if it is.
func (r *Registration) Err() error {
	session, err, _ := r.state()
	if session != 0 {
		return nil
	}
	return err
}

// SetHealth changes the instance's health, at the registry as soon as it answers.
func (r *Registration) SetHealth(health mitterev1.Health) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.instance = proto.CloneOf(r.instance)
	r.instance.Health = health
	r.session = 0 // to be registered with it
	r.tell()
}

// Withdraw ends the registration: the instance is gone at once if the registry
// answers, else when its lease ends, and the error says so.
func (r *Registration) Withdraw(ctx context.Context) error {
	r.end()
	select {
	case <-r.done:
	case <-ctx.Done():
		return messaging.AsError(ctx.Err())
	}
	instance := r.current()
	_, err := r.client.stub.Withdraw(ctx, &mitterev1.WithdrawRequest{Name: instance.GetName(), Id: instance.GetId()})
	return err
}

// current returns the instance as it is now.
func (r *Registration) current() *mitterev1.Instance {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.instance
}

// state returns in which session the instance is registered, or why not, and
// what tells of a change.
func (r *Registration) state() (session uint64, err error, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session, r.err, r.changed
}

// tell wakes those who wait for a change, under the lock.
func (r *Registration) tell() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// note notes what became of a try with an instance. A newer one is still to be
// registered.
func (r *Registration) note(instance *mitterev1.Instance, session uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.instance != instance {
		session = 0
	}
	if r.session == session && r.err == err {
		return
	}
	r.session, r.err = session, err
	r.tell()
}

// keep registers and renews until the registration ends.
func (r *Registration) keep() {
	defer close(r.done)
	for r.ended.Err() == nil {
		registered, _, changed := r.state()
		conn := r.client.conn
		online := conn.Changed()
		session := conn.Session()
		var next <-chan time.Time
		switch {
		case session == 0: // the registry is away
		case registered != session:
			next = time.After(r.register(session))
		default:
			next = time.After(r.renew(session))
		}
		r.await(next, changed, online)
	}
}

// await waits until there is something to do.
func (r *Registration) await(next <-chan time.Time, changed, online <-chan struct{}) {
	select {
	case <-next:
	case <-changed:
	case <-online:
	case <-r.ended.Done():
	}
}

// attempt bounds one try: a registry that does not answer for so long is asked
// again.
const attempt = 2 * time.Second

// refusedPause stands between two tries to register what the registry finds
// wrong: another one may not.
const refusedPause = 5 * time.Second

// register registers the instance in a session and returns when to renew it.
func (r *Registration) register(session uint64) (next time.Duration) {
	ctx, cancel := context.WithTimeout(r.ended, attempt)
	defer cancel()
	instance := r.current()
	resp, err := r.client.stub.Register(ctx, &mitterev1.RegisterRequest{Instance: instance, LeaseNano: int64(r.wished)})
	if err != nil {
		r.note(instance, 0, err)
		if messaging.CodeOf(err) == messaging.InvalidArgument {
			return refusedPause
		}
		return pause
	}
	r.note(instance, session, nil)
	return time.Duration(resp.GetLeaseNano()) / 3
}

// renew renews the lease and returns when to do it again.
func (r *Registration) renew(session uint64) (next time.Duration) {
	ctx, cancel := context.WithTimeout(r.ended, attempt)
	defer cancel()
	instance := r.current()
	resp, err := r.client.stub.Renew(ctx, &mitterev1.RenewRequest{
		Name: instance.GetName(), Id: instance.GetId(), Health: instance.GetHealth(),
	})
	switch {
	case isNotFound(err): // its lease had ended, as while this process stood still
		return r.register(session)
	case err != nil:
		return pause
	default:
		return time.Duration(resp.GetLeaseNano()) / 3
	}
}
