package native

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"os"

	"github.com/mittere/mittere/comm/internal/engine"
)

// bound is an endpoint of the system that is listened on.
type bound struct {
	net.Listener
	endpoint string // with the real port or path
	remove   func() // takes the file away; nil if there is none
}

// close stops listening.
func (b *bound) close() {
	if b.remove != nil {
		b.remove() // first, so that nobody else has the path yet
	}
	_ = b.Close()
}

// listen listens on an endpoint of tcp or ipc.
func listen(e engine.Endpoint, mode os.FileMode) (*bound, error) {
	if e.Transport == engine.IPC {
		return listenIPC(e.Address, mode)
	}
	return listenTCP(e.Address)
}

// listenTCP listens on host:port. The host "*" is all addresses of IPv4.
func listenTCP(address string) (*bound, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, engine.Invalid
	}
	if port == "*" {
		port = "0"
	}
	ip, err := hostToBind(host)
	if err != nil {
		return nil, err
	}
	network := "tcp"
	if ip.Is4() {
		network = "tcp4"
	}
	config := net.ListenConfig{KeepAlive: -1}
	l, err := config.Listen(context.Background(), network, net.JoinHostPort(ip.String(), port))
	if err != nil {
		return nil, err
	}
	return &bound{Listener: l, endpoint: "tcp://" + l.Addr().String()}, nil
}

// errNoInterface is why a host cannot be bound.
var errNoInterface = errors.New("the host is neither an address nor a network interface of this machine, and names of hosts are not looked up to bind")

// hostToBind returns the address of a host: an address itself, as numbers, or that of a
// network interface.
func hostToBind(host string) (netip.Addr, error) {
	if host == "*" {
		return netip.IPv4Unspecified(), nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap(), nil
	}
	if ip, ok := parseNumbers(host); ok {
		return ip, nil
	}
	if ip, ok := interfaceAddress(host); ok {
		return ip, nil
	}
	return netip.Addr{}, errors.Join(engine.AddressUnavailable, errNoInterface)
}

// parseNumbers reads an address of IPv4 as inet_aton does, which libzmq uses: of one to
// four numbers, the last of which fills the rest.
func parseNumbers(host string) (netip.Addr, bool) {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var ip uint64
	for i, part := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (4 - i)
		}
		n, err := strconv.ParseUint(part, 0, bits)
		if err != nil {
			return netip.Addr{}, false
		}
		ip = ip<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}), true
}

// interfaceAddress returns the address of a network interface: the first of IPv4, or else
// the first.
func interfaceAddress(name string) (netip.Addr, bool) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return netip.Addr{}, false
	}
	addresses, _ := i.Addrs()
	var first netip.Addr
	for _, a := range addresses {
		prefix, err := netip.ParsePrefix(a.String())
		switch {
		case err != nil:
		case prefix.Addr().Is4():
			return prefix.Addr(), true
		case !first.IsValid():
			first = prefix.Addr().WithZone(name)
		}
	}
	return first, first.IsValid()
}

// keepAlive has the system test a tcp connection, of which a peer can vanish without a
// word.
func (s *socket) keepAlive(c net.Conn) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	interval, timeout := s.config.KeepAliveInterval, s.config.KeepAliveTimeout
	if interval == 0 {
		_ = tcp.SetKeepAlive(false)
		return
	}
	const mostTests = 127
	interval = max(interval, time.Second)
	tests := min(max(int(timeout/interval)-1, 1), mostTests) // after the first silent interval
	_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: interval, Interval: interval, Count: tests})
}
