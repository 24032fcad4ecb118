package comm

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// inproc is the transport whose addresses are names.
const inproc = "inproc"

// endpoint is one address with what a socket shall do there.
type endpoint struct {
	transport string // "tcp", "ipc" or inproc
	address   string // what follows "://"
	binds     bool
}

// parseEndpoints reads a list of endpoints separated by commas; binds is what
// one does that does not say. Everything that is wrong is reported at once.
func parseEndpoints(binds bool, list string) ([]endpoint, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var endpoints []endpoint
	var wrong []error
	for text := range strings.SplitSeq(list, ",") {
		e, err := parseEndpoint(binds, strings.TrimSpace(text))
		endpoints = append(endpoints, e)
		wrong = append(wrong, err)
	}
	return endpoints, errors.Join(wrong...)
}

// parseEndpoint reads one endpoint.
func parseEndpoint(binds bool, text string) (endpoint, error) {
	rest, bind := strings.CutPrefix(text, "@")
	rest, connect := strings.CutPrefix(rest, ">")
	transport, address, ok := strings.Cut(rest, "://")
	switch {
	case bind && connect || strings.HasPrefix(rest, "@") || strings.HasPrefix(rest, ">"):
		return endpoint{}, invalid("endpoint", fmt.Sprintf("%q: has more than one of @, to bind, and >, to connect", text))
	case !ok || address == "":
		return endpoint{}, invalid("endpoint", fmt.Sprintf("%q: want transport://address, such as tcp://127.0.0.1:5555", rest))
	case strings.ContainsRune(text, 0):
		return endpoint{}, invalid("endpoint", fmt.Sprintf("%q: has a NUL byte", rest))
	}
	binds = bind || !connect && (binds || strings.Contains(address, "*"))
	// What is wrong is told without the sign, which layers above put in front.
	return endpoint{transport: transport, address: address, binds: binds}.check(rest)
}

// check completes the address as its transport needs it.
func (e endpoint) check(text string) (endpoint, error) {
	switch {
	case e.transport == "ipc" && e.address == "*" && !e.binds:
		return e, invalid("endpoint", fmt.Sprintf("%q: to connect takes a path", text))
	case e.named() && len(e.String()) > longestName:
		return e, invalid("endpoint", fmt.Sprintf("%.40q...: is longer than %d bytes", text, longestName))
	case e.transport == "ipc" || e.named():
		return e, nil
	case e.transport == "tcp":
		return e.checkTCP(text)
	default:
		return e, invalid("endpoint", fmt.Sprintf("%q: transport is none of tcp, ipc and inproc", text))
	}
}

// checkTCP puts the loopback interface where a bound address names no host. It
// leaves the meaning of host to libzmq, but not that of port: libzmq takes 65536
// more or less for the same, and says of no number nothing at all.
func (e endpoint) checkTCP(text string) (endpoint, error) {
	host, port, err := net.SplitHostPort(e.address)
	number, notNumber := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || port != "*" && notNumber != nil:
		return e, invalid("endpoint", fmt.Sprintf("%q: want tcp://host:port, with a port up to 65535", text))
	case !e.binds && (host == "" || host == "*" || number == 0): // 0 is also what "*" is
		return e, invalid("endpoint", fmt.Sprintf("%q: to connect takes a host and a port", text))
	case host == "" || e.binds && host == "localhost": // no name is looked up to bind
		e.address = net.JoinHostPort("127.0.0.1", port)
	}
	return e, nil
}

// longestName is the longest inproc endpoint of which libzmq, asked by pebbe, can
// tell that it was bound. Whoever connects to a longer one would wait for ever.
const longestName = 1023

// everywhere reports whether a bound endpoint is on all interfaces. It wants what
// libzmq made of it: "0" and "[::ffff:0.0.0.0]" are on all of them too.
func everywhere(bound string) bool {
	address, _ := strings.CutPrefix(bound, "tcp://")
	at, err := netip.ParseAddrPort(address)
	return err == nil && at.Addr().Unmap().IsUnspecified()
}

// ipv6 reports whether the address is one of IPv6.
func (e endpoint) ipv6() bool {
	return e.transport == "tcp" && strings.HasPrefix(e.address, "[")
}

// named reports whether the address is a name within one context.
func (e endpoint) named() bool { return e.transport == inproc }

// String returns the endpoint as libzmq reads it.
func (e endpoint) String() string { return e.transport + "://" + e.address }
