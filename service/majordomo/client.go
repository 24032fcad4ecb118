package majordomo

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/mdp"
	"github.com/mittere/mittere/messaging"
)

// Client sends requests to services by a broker, as RFC 7 recommends ("Reliability",
// the guide's Lazy Pirate): a request without a reply in time is sent again on a new
// socket, so that it may be executed more than once, for workers are taken to be
// idempotent. The socket of the try before is closed, and a late reply goes nowhere.
//
// The protocol has no number that tells replies apart. Each connection has therefore one
// request at a time, and a socket is used again only after a complete reply, for brokers
// send one to each request; see [WithConnections]. All methods may be called by any number of
// goroutines at once.
type Client struct {
	clientConfig
	spelling *mdp.Spelling
	lines    chan *line // those without a request
	closing  context.Context
	close    func() error
}

// NewClient returns a client of the broker at an endpoint. It does not wait for it, and
// must be closed.
func NewClient(zctx *comm.Context, endpoint string, options ...ClientOption) (*Client, error) {
	config := clientConfig{common: newCommon(V1), timeout: DefaultTimeout, retries: DefaultRetries, connections: DefaultConnections}
	for _, o := range options {
		o.applyClient(&config)
	}
	if err := config.check("client"); err != nil {
		return nil, err
	}
	// What was not sent when a try ended is not to be sent: it has been given up.
	socket := slices.Concat(config.socket, []comm.Option{comm.WithLinger(0)})
	c := &Client{clientConfig: config, spelling: config.version.spelling(), lines: make(chan *line, config.connections)}
	for range config.connections {
		c.lines <- &line{zctx: zctx, endpoint: endpoint, options: socket, id: config.routingID}
	}
	closing, end := context.WithCancel(context.Background())
	c.closing = closing
	c.close = sync.OnceValue(func() error { end(); return c.closeAll() })
	if err := c.connectOne(); err != nil {
		return nil, err
	}
	return c, nil
}

// connectOne opens the first connection, which tells whether the endpoint and the options of
// the socket are any good.
func (c *Client) connectOne() error {
	l := <-c.lines
	_, err := l.socket()
	c.lines <- l
	if err != nil {
		return errors.Join(messaging.FromComm(err), c.close())
	}
	return nil
}

// Close ends the requests that are under way, and all connections. Closing again does
// nothing.
func (c *Client) Close() error { return c.close() }

// closeAll closes the connections as their requests end.
func (c *Client) closeAll() (err error) {
	for range c.connections {
		l := <-c.lines
		err = errors.Join(err, l.close())
	}
	return messaging.FromComm(err)
}

// Request sends a request to a service and returns the body of the reply, one frame or
// more; a body without frames is sent as an empty one. PARTIALs are dropped. It waits in
// line while all connections are busy.
//
// The error is DEADLINE_EXCEEDED if no try had a reply in time, and that of ctx if it
// ended before; it is refused ([messaging.Refused]) if nothing was sent. An error that
// the service or the broker answered with is Remote. One that is net.ErrClosed means that
// the client was closed.
func (c *Client) Request(ctx context.Context, service string, body ...[]byte) (reply [][]byte, err error) {
	return c.RequestParts(ctx, service, nil, body...)
}

// RequestParts is Request for replies in parts (RFC 18). It calls each, in this
// goroutine, with the body of every PARTIAL, and returns that of the FINAL. An error of
// each ends the request and is returned as it is. A request of which each has seen a part
// is not sent again. In MDP/0.1 there are no PARTIALs, and each, which may be nil, is not
// called.
func (c *Client) RequestParts(
	ctx context.Context, service string, each func(part [][]byte) error, body ...[]byte,
) (reply [][]byte, err error) {
	if err := mdp.CheckName(service); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.closing, cancel)()
	request := c.spelling.Encode(mdp.Message{Role: mdp.Client, Kind: mdp.Request, Service: service, Body: body})
	t := &try{Client: c, service: service, each: each, message: comm.NewMessage(request...)}
	select {
	case l := <-c.lines:
		defer func() { c.lines <- l }()
		return t.run(ctx, l)
	case <-ctx.Done():
		return nil, t.ended(ctx)
	}
}
