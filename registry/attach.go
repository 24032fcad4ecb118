package registry

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
)

// Connector is a socket that connects to endpoints, such as a subscriber.
type Connector interface {
	// Connect adds endpoints to connect to.
	Connect(endpoints string) error
	// Disconnect ends the connection to an endpoint.
	Disconnect(endpoint string) error
}

// Attach connects a subscriber to the publishers of a name, to those that come and
// no longer to those that go, until ctx ends. zctx is the context of the socket.
// While the registry is away the connections stay as they are. Where nobody can
// connect to does no harm; it is tried again at each change. A socket or a client
// that is closed is an error.
func (c *Client) Attach(ctx context.Context, zctx *comm.Context, name string, socket Connector) error {
	f := c.Follow(name)
	defer f.Close()
	connected := map[string]bool{}
	for {
		changed := f.Changed()
		if err := reconnect(socket, connected, c.publishersIn(f.View(), zctx)); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-f.done:
			return errClientClosed
		case <-ctx.Done():
			return nil
		}
	}
}

// publishersIn returns where the publishers in a view are, and logs which cannot be
// reached.
func (c *Client) publishersIn(v View, zctx *comm.Context) (endpoints []string) {
	for _, entry := range v.Entries {
		i := entry.GetInstance()
		if i.GetKind() != mitterev1.Kind_KIND_PUBLISHER {
			continue
		}
		if endpoint := Reach(i, zctx); endpoint != "" {
			endpoints = append(endpoints, endpoint)
			continue
		}
		c.limited.Write(slog.LevelWarn, "a publisher cannot be reached", "name", i.GetName(), "id", i.GetId(),
			"endpoints", shorten(strings.Join(i.GetEndpoints(), ",")))
	}
	return endpoints
}

// reconnect changes what a socket is connected to. The error is that of a closed socket: what else goes
// wrong is the fault of one instance, and no reason to leave the others.
func reconnect(socket Connector, connected map[string]bool, wanted []string) error {
	for _, endpoint := range wanted {
		if connected[endpoint] {
			continue
		}
		err := socket.Connect(">" + endpoint)
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		connected[endpoint] = err == nil
	}
	for endpoint, is := range connected {
		if slices.Contains(wanted, endpoint) {
			continue
		}
		delete(connected, endpoint)
		if !is {
			continue
		}
		if err := socket.Disconnect(endpoint); errors.Is(err, net.ErrClosed) {
			return err
		}
	}
	return nil
}
