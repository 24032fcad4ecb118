package service

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

// loopback is the address of servers that nobody elsewhere can know of.
const loopback = "127.0.0.1"

// localAddress returns this host's address on the way to an endpoint, as the
// kernel would route it; nothing is sent. It is the loopback address where the
// endpoint is no tcp one.
func localAddress(endpoint string) (string, error) {
	address, tcp := strings.CutPrefix(strings.TrimLeft(endpoint, ">@"), "tcp://")
	if !tcp {
		return loopback, nil
	}
	network := "udp4" // as comm takes a name
	if strings.HasPrefix(address, "[") {
		network = "udp6"
	}
	way, err := net.Dial(network, address)
	if err != nil {
		return "", messaging.Errorf(messaging.Unavailable, "no way to %s, whose side of this host is to be listened at: %w", endpoint, err)
	}
	defer way.Close()
	return way.LocalAddr().(*net.UDPAddr).IP.String(), nil
}

// needsAddress reports whether it must be known what others reach this host by.
func (c *serverConfig) needsAddress() bool {
	everywhere := func(endpoint string) bool {
		address, tcp := strings.CutPrefix(strings.TrimPrefix(endpoint, "@"), "tcp://")
		host, _, _ := net.SplitHostPort(address)
		return tcp && (host == "*" || net.ParseIP(host).IsUnspecified())
	}
	return len(c.bind) == 0 || len(c.advertise) == 0 && slices.ContainsFunc(c.bind, everywhere)
}

// listen binds a socket to endpoints.
func (c *serverConfig) listen(socket *messaging.Server, local string) error {
	endpoints := c.bind
	if len(endpoints) == 0 {
		endpoints = []string{"tcp://" + net.JoinHostPort(local, "*")}
	}
	for _, endpoint := range endpoints {
		if err := c.listenAt(socket, strings.TrimPrefix(endpoint, "@")); err != nil {
			return err
		}
	}
	return nil
}

// listenAt binds a socket to an endpoint, with a port of those to choose from if
// it says none.
func (c *serverConfig) listenAt(socket *messaging.Server, endpoint string) error {
	host, free := strings.CutSuffix(endpoint, ":*")
	if !free || c.first == 0 || !strings.HasPrefix(endpoint, "tcp://") {
		return socket.Bind(endpoint)
	}
	for port := c.first; port <= c.last; port++ {
		err := socket.Bind(host + ":" + strconv.Itoa(port))
		if err == nil || !isTaken(err) {
			return err
		}
	}
	return messaging.Errorf(messaging.ResourceExhausted, "%s: no port of %d to %d is free", host, c.first, c.last)
}

// advertised returns where others reach what listens at endpoints.
func (c *serverConfig) advertised(endpoints []string, local string) []string {
	if len(c.advertise) > 0 {
		return c.advertise
	}
	advertised := slices.Clone(endpoints)
	for i, endpoint := range advertised {
		address, tcp := strings.CutPrefix(endpoint, "tcp://")
		host, port, err := net.SplitHostPort(address)
		if tcp && err == nil && net.ParseIP(host).IsUnspecified() {
			advertised[i] = "tcp://" + net.JoinHostPort(local, port)
		}
	}
	return advertised
}

// isTaken reports whether another socket has the address.
func isTaken(err error) bool { return isReason(err, comm.AddressInUse) }
