//go:build cgo

package libzmq

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
)

// How names of hosts are connected to.
//
// libzmq looks a name up in its I/O thread, the only one by default: a look-up that
// hangs, as when no DNS server answers, stops all sockets of the context and their
// Close. So libzmq gets numbers only. A goroutine of the socket looks a name up, within a
// bound, and connects to the first address of its answer. When that cannot be connected
// to, or its connection ends, it looks the name up again, and goes to another address if
// the answer has another, or the next one.
//
// Until a name was looked up there is no queue for the peer, as with an inproc name that
// is not bound. What waits for an address that is left is dropped with it.

const (
	// lookupTimeout bounds one look-up.
	lookupTimeout = 5 * time.Second
	// firstLookup and longestLookup bound the time between two look-ups, which doubles
	// while there is no connection.
	firstLookup   = 100 * time.Millisecond
	longestLookup = 2 * time.Second
)

// lookup is the connection of a socket to a name.
type lookup struct {
	socket   *socket
	endpoint string // as it was given
	host     string
	port     string
	cancel   context.CancelFunc

	// What follows is guarded by the socket's lock.
	current string // what libzmq was told; empty if nothing
	ended   bool   // the socket is disconnected from the name
	wrong   error  // why the last look-up failed; nil if it did not
}

// hostName returns the host of an endpoint to connect to, if that is to be looked up.
func hostName(e engine.Endpoint) (host, port string, ok bool) {
	if e.Transport != engine.TCP || e.Binds {
		return "", "", false
	}
	host, port, err := net.SplitHostPort(e.Address)
	if err != nil {
		return "", "", false
	}
	_, err = netip.ParseAddr(host)
	return host, port, err != nil && !ipv6(e)
}

// follow connects to a name from now on. The caller has the lock.
func (s *socket) follow(e engine.Endpoint, host, port string) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &lookup{socket: s, endpoint: e.String(), host: host, port: port, cancel: cancel}
	s.lookups = append(s.lookups, l)
	s.background.Go(func() { l.run(ctx) })
}

// unfollow takes the connections to a name out, and returns what libzmq was told for
// them. The caller has the lock.
func (s *socket) unfollow(endpoint string) (told []string, known bool) {
	s.lookups = slices.DeleteFunc(s.lookups, func(l *lookup) bool {
		if l.endpoint != endpoint {
			return false
		}
		l.end()
		if known = true; l.current != "" {
			told = append(told, l.current)
		}
		return true
	})
	return told, known
}

// end ends a connection to a name; its goroutine ends soon.
func (l *lookup) end() {
	l.ended = true
	l.cancel()
}

// run looks the name up until the socket is closed or disconnected from it.
func (l *lookup) run(ctx context.Context) {
	for pause := firstLookup; ctx.Err() == nil; pause = min(2*pause, longestLookup) {
		addresses, err := l.resolve(ctx)
		if ctx.Err() != nil || l.take(addresses, err) != nil {
			return
		}
		if err == nil {
			lasted, ended := l.await(ctx)
			if ended != nil {
				return
			}
			if lasted > longestLookup {
				pause = firstLookup
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// resolve looks the name up.
func (l *lookup) resolve(ctx context.Context) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	addresses, err := l.socket.ctx.resolver.LookupNetIP(ctx, "ip4", l.host)
	var failed *net.DNSError
	switch {
	case errors.As(err, &failed) && failed.IsNotFound:
		err = engine.HostUnknown
	case errors.As(err, &failed) && failed.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		err = errors.New("the look-up was not answered")
	case err == nil && len(addresses) == 0:
		err = errors.New("the name has no address of IPv4")
	}
	return addresses, err
}

// take connects to an address that a look-up gave. The error says that the connection
// to the name has ended.
func (l *lookup) take(addresses []netip.Addr, wrong error) error {
	s := l.socket
	err := s.withOpen("connect", func() error {
		if l.ended {
			return &engine.Error{Op: "connect", Reason: engine.Closed}
		}
		defer s.settle()
		if l.wrong = wrong; wrong != nil {
			return nil // the old address may come back
		}
		return l.connect(addresses)
	})
	if wrong != nil {
		s.connections.failed(l.endpoint, hostUnknown)
	}
	if errors.Is(err, engine.Closed) {
		return err
	}
	if err != nil {
		s.ctx.log.Error("an address that a name stands for cannot be connected to", "endpoint", l.endpoint, "error", err)
	}
	return nil
}

// connect has libzmq connect to an address in place of the one before: to the one that
// follows that, so that each has its turn.
func (l *lookup) connect(addresses []netip.Addr) error {
	s := l.socket
	endpoints := make([]string, len(addresses))
	for i, a := range addresses {
		endpoints[i] = "tcp://" + net.JoinHostPort(a.Unmap().String(), l.port)
	}
	before := slices.Index(endpoints, l.current)
	next := endpoints[(before+1)%len(endpoints)]
	if next == l.current {
		return nil
	}
	return translate("connect", l.endpoint, withSpareDescriptor(func() error {
		if l.current != "" {
			if err := s.z.Disconnect(l.current); err != nil {
				return err
			}
			l.current = ""
		}
		if err := s.z.Connect(next); err != nil {
			return err
		}
		l.current = next
		return nil
	}))
}

// await waits until the connection to the address fails or ends, and returns how long
// that was.
func (l *lookup) await(ctx context.Context) (lasted time.Duration, ended error) {
	began := time.Now()
	s := l.socket
	s.mu.Lock()
	current := l.current
	s.mu.Unlock()
	if current == "" {
		return 0, nil
	}
	err := s.connections.awaitTrouble(ctx, s.done, current)
	return time.Since(began), err
}
