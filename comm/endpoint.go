package comm

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/mittere/mittere/comm/internal/engine"
)

// parseEndpoints reads a list of endpoints separated by commas; binds is what
// one does that does not say. Everything that is wrong is reported at once.
func parseEndpoints(binds bool, list string) ([]engine.Endpoint, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var endpoints []engine.Endpoint
	var wrong []error
	for text := range strings.SplitSeq(list, ",") {
		e, err := parseEndpoint(binds, strings.TrimSpace(text))
		endpoints = append(endpoints, e)
		wrong = append(wrong, err)
	}
	return endpoints, errors.Join(wrong...)
}

// parseEndpoint reads one endpoint.
func parseEndpoint(binds bool, text string) (engine.Endpoint, error) {
	rest, bind := strings.CutPrefix(text, "@")
	rest, connect := strings.CutPrefix(rest, ">")
	transport, address, ok := strings.Cut(rest, "://")
	switch {
	case bind && connect || strings.HasPrefix(rest, "@") || strings.HasPrefix(rest, ">"):
		return engine.Endpoint{}, invalid("endpoint", fmt.Sprintf("%q: has more than one of @, to bind, and >, to connect", text))
	case !ok || address == "":
		return engine.Endpoint{}, invalid("endpoint", fmt.Sprintf("%q: want transport://address, such as tcp://127.0.0.1:5555", rest))
	case strings.ContainsRune(text, 0):
		return engine.Endpoint{}, invalid("endpoint", fmt.Sprintf("%q: has a NUL byte", rest))
	}
	binds = bind || !connect && (binds || strings.Contains(address, "*"))
	// What is wrong is told without the sign, which layers above put in front.
	return check(engine.Endpoint{Transport: engine.Transport(transport), Address: address, Binds: binds}, rest)
}

// check completes the address as its transport needs it.
func check(e engine.Endpoint, text string) (engine.Endpoint, error) {
	switch {
	case e.Transport == engine.IPC && e.Address == "*" && !e.Binds:
		return e, invalid("endpoint", fmt.Sprintf("%q: to connect takes a path", text))
	case e.Transport == engine.Inproc && len(e.String()) > longestName:
		return e, invalid("endpoint", fmt.Sprintf("%.40q...: is longer than %d bytes", text, longestName))
	case e.Transport == engine.IPC || e.Transport == engine.Inproc:
		return e, nil
	case e.Transport == engine.TCP:
		return checkTCP(e, text)
	default:
		return e, invalid("endpoint", fmt.Sprintf("%q: transport is none of tcp, ipc and inproc", text))
	}
}

// checkTCP puts the loopback interface where a bound address names no host. It
// leaves the meaning of host to the engine, but not that of port: libzmq takes 65536
// more or less for the same, and says of no number nothing at all.
func checkTCP(e engine.Endpoint, text string) (engine.Endpoint, error) {
	host, port, err := net.SplitHostPort(e.Address)
	number, notNumber := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || port != "*" && notNumber != nil:
		return e, invalid("endpoint", fmt.Sprintf("%q: want tcp://host:port, with a port up to 65535", text))
	case !e.Binds && (host == "" || host == "*" || number == 0): // 0 is also what "*" is
		return e, invalid("endpoint", fmt.Sprintf("%q: to connect takes a host and a port", text))
	case host == "" || e.Binds && host == "localhost": // no name is looked up to bind
		e.Address = net.JoinHostPort("127.0.0.1", port)
	}
	return e, nil
}

// longestName is the longest inproc endpoint, in bytes: the longest of which libzmq, asked
// by pebbe, can tell that it was bound. A longer one would be waited for without end.
const longestName = 1023

// everywhere reports whether a bound endpoint is on all interfaces. It wants what
// the engine made of it: "0" and "[::ffff:0.0.0.0]" are on all of them too.
func everywhere(bound string) bool {
	address, _ := strings.CutPrefix(bound, "tcp://")
	at, err := netip.ParseAddrPort(address)
	return err == nil && at.Addr().Unmap().IsUnspecified()
}
