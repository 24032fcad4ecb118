package registry

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// loopback is where others on this host reach it, and no other host does.
const loopback = "127.0.0.1"

// lookupPatience bounds the look-up of a name.
const lookupPatience = 2 * time.Second

// LocalAddress returns this host's address on the way to an endpoint, as the kernel
// would route it; nothing is sent. It is the loopback address where the endpoint is no tcp
// one. UNAVAILABLE means that the name of its host is not known, within two seconds, or
// that there is no way to it, which may come later.
func LocalAddress(ctx context.Context, endpoint string) (string, error) {
	address, tcp := strings.CutPrefix(strings.TrimLeft(endpoint, ">@"), "tcp://")
	if !tcp {
		return loopback, nil
	}
	network := "udp4" // as comm takes a name
	if strings.HasPrefix(address, "[") {
		network = "udp6"
	}
	ctx, cancel := context.WithTimeout(ctx, lookupPatience)
	defer cancel()
	way, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return "", messaging.Errorf(messaging.Unavailable, "no way to %s, on which this host has the address that others reach it by: %w", endpoint, err)
	}
	defer way.Close()
	return way.LocalAddr().(*net.UDPAddr).IP.String(), nil
}

// Advertised returns endpoints as others reach them: a tcp one on all interfaces with
// the address of this host.
func Advertised(endpoints []string, local string) []string {
	advertised := slices.Clone(endpoints)
	for i, endpoint := range advertised {
		if port, is := everywhere(endpoint); is {
			advertised[i] = "tcp://" + net.JoinHostPort(local, port)
		}
	}
	return advertised
}

// Everywhere reports whether an endpoint listens on all interfaces, so that it says
// nothing of where others reach it.
func Everywhere(endpoint string) bool {
	_, is := everywhere(endpoint)
	return is
}

// everywhere returns the port of an endpoint on all interfaces.
func everywhere(endpoint string) (port string, is bool) {
	address, tcp := strings.CutPrefix(strings.TrimPrefix(endpoint, "@"), "tcp://")
	host, port, err := net.SplitHostPort(address)
	return port, tcp && err == nil && (host == "*" || net.ParseIP(host).IsUnspecified())
}

// reachable returns an instance as others reach it; see [Client.Register].
func (c *Client) reachable(ctx context.Context, instance *mitterev1.Instance) (*mitterev1.Instance, error) {
	if instance.GetHostId() == "" && instance.GetHost() == Host() && slices.ContainsFunc(instance.GetEndpoints(), isIPC) {
		instance = proto.CloneOf(instance)
		instance.HostId = HostID()
	}
	if !slices.ContainsFunc(instance.GetEndpoints(), Everywhere) {
		return instance, nil
	}
	local, err := LocalAddress(ctx, c.Endpoint())
	if err != nil {
		return nil, err
	}
	if net.ParseIP(local).IsLoopback() {
		c.limited.Write(slog.LevelWarn, "listens on all interfaces and is registered with the loopback address, by which it asks the registry: "+
			"other hosts will not reach it, see registry.WithAdvertise", "name", instance.GetName(), "id", instance.GetId(), "registry", c.Endpoint())
	}
	instance = proto.CloneOf(instance)
	instance.Endpoints = Advertised(instance.GetEndpoints(), local)
	return instance, nil
}
