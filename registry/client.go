package registry

import (
	"context"
	"errors"
	"sync"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/internal/broadcast"
	"github.com/mittere/mittere/internal/ratelog"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// Client asks a registry, keeps instances registered there, and follows names. A
// registry that is not there is waited for: what was asked ends with its context,
// what was registered is registered when it comes, and what was followed stays as
// it was last known. It logs when the registry is away, a minute later again if it still
// is, and when it is back; see [WithLogger]. All methods may be called by any
// number of goroutines at once. It follows dīvidere's ServiceRegistry.Client.
type Client struct {
	conn    *call.Conn
	stub    *mitterev1mittere.RegistryServiceClient
	limited *ratelog.Log // of the registry and of instances, which come and go

	closing    context.Context
	close      context.CancelFunc
	background sync.WaitGroup

	mu      sync.Mutex       // guards what follows
	strange error            // why the server is no registry; nil if it may be one
	changed broadcast.Signal // when that is known anew
}

// clientHeartbeat makes a registry that hangs noticed within a lease.
const clientHeartbeat = 500 * time.Millisecond

// NewClient returns a client of the registry at an endpoint, such as
// "tcp://127.0.0.1:5000". It does not wait for the registry. It must be closed.
func NewClient(zctx *comm.Context, endpoint string, options ...ClientOption) (*Client, error) {
	config, err := newClientConfig(options)
	if err != nil {
		return nil, err
	}
	conn, err := call.Dial(zctx, endpoint, call.WithHeartbeat(clientHeartbeat), call.WithSocket(config.socket...))
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn, stub: mitterev1mittere.NewRegistryServiceClient(conn), limited: ratelog.New(config.log)}
	c.closing, c.close = context.WithCancel(context.Background())
	c.background.Go(func() { c.reportRegistry(c.closing) })
	return c, nil
}

// Close ends the client and what it started. Its instances are not
// withdrawn: they stay for their leases.
func (c *Client) Close() error {
	c.close()
	c.background.Wait()
	return c.conn.Close()
}

// Endpoint returns where the registry is.
func (c *Client) Endpoint() string { return c.conn.Endpoint() }

// Connected reports whether the registry answers.
func (c *Client) Connected() bool { return c.conn.Ready() }

// Changed returns a channel that is closed when Connected, or why it is not, may have
// changed.
func (c *Client) Changed() <-chan struct{} { return c.conn.Changed() }

// Connecting reports whether the registry does not answer and it is not known yet whether
// it will: nothing went wrong so far; see [call.Conn.Connecting].
func (c *Client) Connecting() bool { return c.conn.Connecting() }

// Resolve asks for the instances of a name, ordered by id. NOT_FOUND means that
// there is none.
func (c *Client) Resolve(ctx context.Context, name string) ([]*mitterev1.Entry, error) {
	resp, err := ask(ctx, c, c.stub.Resolve, &mitterev1.ResolveRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return resp.GetEntries(), nil
}

// List asks for all instances, ordered by name and id.
func (c *Client) List(ctx context.Context) ([]*mitterev1.Entry, error) {
	resp, err := ask(ctx, c, c.stub.List, &mitterev1.ListRequest{})
	if err != nil {
		return nil, err
	}
	return resp.GetEntries(), nil
}

// ask calls a method that changes nothing, again if the registry goes away meanwhile.
func ask[Req, Resp any](
	ctx context.Context, c *Client, method func(context.Context, Req, ...call.Option) (Resp, error), req Req,
) (Resp, error) {
	for {
		resp, err := method(ctx, req)
		if messaging.CodeOf(err) != messaging.Unavailable || ctx.Err() != nil || c.closing.Err() != nil {
			return resp, err
		}
		if c.rest(ctx); ctx.Err() != nil { // what went wrong says more
			return resp, err
		}
	}
}

// pause stands between two tries of what failed though the registry answers.
const pause = 200 * time.Millisecond

// rest waits a moment, or until the client is closed.
func (c *Client) rest(ctx context.Context) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-c.closing.Done():
	}
}

// ended returns a context that also ends when the client is closed.
func (c *Client) ended(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.closing, func() { cancel(errClientClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// errClientClosed is why what a client does ends.
var errClientClosed = messaging.Errorf(messaging.Unavailable, "the registry's client was closed")

// isReplaced reports whether the entry that was to be changed belongs to another
// registration.
func isReplaced(err error) bool { return messaging.CodeOf(err) == messaging.AlreadyExists }

// isNotFound reports whether the registry does not know what it was asked for.
func isNotFound(err error) bool { return errors.Is(err, &messaging.Error{Code: messaging.NotFound}) }
