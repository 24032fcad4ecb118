package registry

import (
	"context"
	"errors"
	"net"
	"os"
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
// no longer to those that go, until ctx ends. zmq is the context of the socket.
// While the registry is away the connections stay as they are. Where nobody can
// connect to does no harm; it is tried again at each change. A socket or a client
// that is closed is an error.
func (c *Client) Attach(ctx context.Context, zmq *comm.Context, name string, socket Connector) error {
	f := c.Follow(name)
	defer f.Close()
	connected := map[string]bool{}
	for {
		changed := f.Changed()
		if err := reconnect(socket, connected, publishersIn(f.View(), zmq)); err != nil {
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

// publishersIn returns where the publishers in a view are.
func publishersIn(v View, zmq *comm.Context) (endpoints []string) {
	for _, entry := range v.Entries {
		if entry.GetInstance().GetKind() == mitterev1.Kind_KIND_PUBLISHER {
			endpoints = append(endpoints, Reach(entry.GetInstance(), zmq))
		}
	}
	return endpoints
}

// reconnect changes what a socket is connected to. An instance that cannot be
// reached has no endpoint. The error is that of a closed socket: what else goes
// wrong is the fault of one instance, and no reason to leave the others.
func reconnect(socket Connector, connected map[string]bool, wanted []string) error {
	for _, endpoint := range wanted {
		if endpoint == "" || connected[endpoint] {
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

// Reach returns the endpoint by which sockets of a context reach an instance best:
// inproc if it is in the same context, ipc on the same host, else tcp; empty if
// there is none.
func Reach(instance *mitterev1.Instance, zmq *comm.Context) string {
	for _, usable := range []func(string) bool{
		func(e string) bool { return strings.HasPrefix(e, "inproc://") && instance.GetContext() == zmq.ID() },
		func(e string) bool {
			return strings.HasPrefix(e, "ipc://") && instance.GetHost() == Host() && Host() != ""
		},
		func(e string) bool { return strings.HasPrefix(e, "tcp://") },
	} {
		if i := slices.IndexFunc(instance.GetEndpoints(), usable); i >= 0 {
			return instance.GetEndpoints()[i]
		}
	}
	return ""
}

// Host returns the name by which instances tell which ipc endpoints they can
// reach; empty if it is not known.
func Host() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}
