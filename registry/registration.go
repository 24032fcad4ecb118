package registry

import (
	"cmp"
	"context"
	"crypto/rand"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/broadcast"
	"github.com/mittere/mittere/messaging"
)

// Registration keeps an instance registered: it registers it as soon as the
// registry is there, renews its lease three times as often as it must, and
// registers it again when the registry has forgotten it or was started again.
//
// The entry is this registration's own: no other can renew or withdraw it. A later
// registration of the same name and id, such as that of a process that was started
// anew with a fixed id, replaces it. Then this one has ended: [Registration.Err] is
// ALREADY_EXISTS, and it never registers again by itself.
//
// All methods may be called by any number of goroutines at once.
type Registration struct {
	client *Client
	wished time.Duration
	token  []byte          // proves that the entry is ours
	ended  context.Context // when it is withdrawn
	end    context.CancelFunc
	done   chan struct{} // closed when nothing is renewed any more
	urgent chan struct{} // holds a token if the instance is to be registered again

	mu       sync.Mutex // guards what follows
	instance *mitterev1.Instance
	session  uint64    // in which it was last registered as it is; 0 if in none
	since    time.Time // when it was first registered; zero if it never was
	err      error     // of the last try
	replaced error     // why it never tries again; nil while it does
	changed  broadcast.Signal
}

// Register keeps an instance registered until it is withdrawn or the client is
// closed. It does not wait for the registry; [Registration.Wait] does. A lease of
// 0 is the registry's default.
//
// The endpoints are where others connect to. A tcp one on all interfaces, as a
// publisher that is bound to "tcp://*:5555" has, is registered with this host's address on
// the way to the registry. Which file system ipc ones are in is added if the host of the
// instance is [Host]. Where others reach it by another one, as behind NAT, give that.
func (c *Client) Register(instance *mitterev1.Instance, lease time.Duration) *Registration {
	r := &Registration{
		client: c, wished: lease, token: newToken(), instance: proto.CloneOf(instance),
		done: make(chan struct{}), urgent: make(chan struct{}, 1),
	}
	ctx, cancel := context.WithCancel(c.closing)
	r.ended, r.end = ctx, cancel
	c.background.Go(r.keep)
	return r
}

// newToken returns a token that cannot be guessed.
func newToken() []byte {
	token := make([]byte, 16)
	_, _ = rand.Read(token) // it never fails
	return token
}

// Wait waits until the instance is registered, or the registry refuses it: then
// it returns why. A registration that has ended is an error, with code ALREADY_EXISTS if
// another one has replaced it.
func (r *Registration) Wait(ctx context.Context) error {
	for {
		online := r.client.conn.Changed()
		changed, err := r.state()
		switch messaging.CodeOf(err) {
		case messaging.OK, messaging.InvalidArgument, messaging.AlreadyExists:
			return err
		}
		select {
		case <-changed:
		case <-online:
		case <-r.ended.Done():
			return errEnded
		case <-ctx.Done():
			return messaging.Errorf(messaging.CodeOf(ctx.Err()), "not registered: %w: %w", err, ctx.Err())
		}
	}
}

// Changed returns a channel that is closed when [Registration.Err] may have changed.
func (r *Registration) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed.Changed()
}

// Err returns why the instance is not registered, nil if it is. While the registry
// is away the instance is not: its lease may have ended there. ALREADY_EXISTS means that
// a later registration has replaced this one, for good.
func (r *Registration) Err() error {
	_, err := r.state()
	return err
}

// SetHealth changes the instance's health, at the registry as soon as it answers.
func (r *Registration) SetHealth(health mitterev1.Health) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.instance = proto.CloneOf(r.instance)
	r.instance.Health = health
	r.session = 0 // to be registered with it
	select {
	case r.urgent <- struct{}{}:
	default:
	}
}

// Withdraw ends the registration: the instance is gone at once if the registry
// answers, else when its lease ends, and the error says so. It is tried again until ctx
// ends. That another registration has replaced this one is no error: the entry is not
// ours to withdraw.
func (r *Registration) Withdraw(ctx context.Context) error {
	r.end()
	select {
	case <-r.done:
	case <-ctx.Done():
		return messaging.AsError(ctx.Err())
	}
	instance := r.current()
	_, err := ask(ctx, r.client, r.client.stub.Withdraw, &mitterev1.WithdrawRequest{
		Name: instance.GetName(), Id: instance.GetId(), Token: r.token,
	})
	if isReplaced(err) {
		return nil
	}
	return err
}

// current returns the instance as it is now.
func (r *Registration) current() *mitterev1.Instance {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.instance
}

// Why an instance is not registered that is about to be, or has been.
var (
	errPending = messaging.Errorf(messaging.Unavailable, "the registry has not answered yet")
	errEnded   = messaging.Errorf(messaging.Unavailable, "the registration was withdrawn, or its client closed")
)

// state returns why the instance is not registered, nil if it is, and what tells
// that a try has ended.
func (r *Registration) state() (changed <-chan struct{}, err error) {
	session, away := r.client.conn.Session(), r.client.conn.Err()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.replaced != nil:
		return r.changed.Changed(), r.replaced
	case r.ended.Err() != nil:
		return r.changed.Changed(), errEnded
	case session != 0 && r.session == session:
		return r.changed.Changed(), nil
	case session == 0:
		return r.changed.Changed(), cmp.Or(away, error(errPending))
	default:
		return r.changed.Changed(), cmp.Or(r.err, error(errPending))
	}
}

// registeredIn returns the session in which the instance is registered as it is, 0
// if it is not.
func (r *Registration) registeredIn() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session
}

// note notes what became of a try with an instance. A newer one is still to be
// registered.
func (r *Registration) note(instance *mitterev1.Instance, session uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && r.since.IsZero() {
		r.since = time.Now()
	}
	if r.instance != instance {
		session = 0
	}
	if isReplaced(err) {
		r.replaced = err
	}
	r.session, r.err = session, err
	r.changed.Notify()
}

// keep registers and renews until the registration ends.
func (r *Registration) keep() {
	defer close(r.done)
	for r.ended.Err() == nil && !r.isOver() {
		conn := r.client.conn
		online := conn.Changed()
		session := conn.Session()
		var next <-chan time.Time
		switch {
		case session == 0: // the registry is away
			r.note(r.current(), 0, errPending)
		case r.registeredIn() != session:
			next = time.After(r.register(session))
		default:
			next = time.After(r.renew(session))
		}
		r.await(next, online)
	}
}

// isOver reports whether another registration has replaced this one.
func (r *Registration) isOver() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.replaced != nil
}

// await waits until there is something to do.
func (r *Registration) await(next <-chan time.Time, online <-chan struct{}) {
	select {
	case <-next:
	case <-r.urgent:
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
	reachable, err := r.client.reachable(ctx, instance)
	if err != nil {
		r.note(instance, 0, err)
		return pause
	}
	resp, err := r.client.stub.Register(ctx, &mitterev1.RegisterRequest{
		Instance: reachable, LeaseNano: int64(r.wished), Token: r.token, AgeNano: int64(r.age()),
	})
	r.client.observe(err)
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

// age returns how long ago the instance was first registered, 0 if it never was.
func (r *Registration) age() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.since.IsZero() {
		return 0
	}
	return max(time.Since(r.since), 1)
}

// renew renews the lease and returns when to do it again.
func (r *Registration) renew(session uint64) (next time.Duration) {
	ctx, cancel := context.WithTimeout(r.ended, attempt)
	defer cancel()
	instance := r.current()
	resp, err := r.client.stub.Renew(ctx, &mitterev1.RenewRequest{
		Name: instance.GetName(), Id: instance.GetId(), Health: instance.GetHealth(), Token: r.token,
	})
	switch {
	case isReplaced(err):
		r.note(instance, 0, err)
		return 0
	case isNotFound(err): // its lease had ended, as in a process pause
		return r.register(session)
	case err != nil:
		return pause
	default:
		return time.Duration(resp.GetLeaseNano()) / 3
	}
}
