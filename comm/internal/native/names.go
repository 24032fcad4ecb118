package native

import (
	"slices"
	"sync"
	"syscall"

	"github.com/mittere/mittere/comm/internal/engine"
)

// names are the names of inproc that are bound in a context, and those that were dialed
// before anybody bound them. The lock comes before those of all sockets.
type names struct {
	mu    sync.Mutex
	bound map[string]*name
	dials map[string][]*socket // in the order they were dialed
}

// name is a name that is bound.
type name struct {
	socket *socket
	open   bool // who dials it is connected; before that he waits
}

func newNames() *names {
	return &names{bound: map[string]*name{}, dials: map[string][]*socket{}}
}

// bind takes a name. Nobody is connected to it before open is called.
func (n *names) bind(s *socket, endpoint string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.bound[endpoint] != nil {
		return bindError(endpoint, syscall.EADDRINUSE)
	}
	n.bound[endpoint] = &name{socket: s}
	return nil
}

// open connects the sockets that dialed a name that was bound, and those that will dial it.
func (n *names) open(s *socket, endpoint string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := n.bound[endpoint]
	if name == nil || name.socket != s {
		return
	}
	name.open = true
	dials := n.dials[endpoint]
	delete(n.dials, endpoint)
	for _, dialer := range dials {
		dialer.join(s, endpoint)
	}
}

// dial connects a socket to a name, as soon as that is bound. A socket that is closed
// must leave nothing behind: it calls leave when done is closed.
func (n *names) dial(s *socket, endpoint string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-s.done:
		return closedError("connect")
	default:
	}
	if name := n.bound[endpoint]; name != nil && name.open {
		s.join(name.socket, endpoint)
		return nil
	}
	n.dials[endpoint] = append(n.dials[endpoint], s)
	return nil
}

// release gives a name back. Connected sockets stay connected.
func (n *names) release(s *socket, endpoint string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name := n.bound[endpoint]; name != nil && name.socket == s {
		delete(n.bound, endpoint)
	}
}

// undial takes back what a socket dialed without finding a listener, and says whether there was any.
func (n *names) undial(s *socket, endpoint string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := len(n.dials[endpoint])
	n.without(s, endpoint)
	return len(n.dials[endpoint]) < before
}

func (n *names) without(s *socket, endpoint string) {
	left := slices.DeleteFunc(n.dials[endpoint], func(dialer *socket) bool { return dialer == s })
	if n.dials[endpoint] = left; len(left) == 0 {
		delete(n.dials, endpoint)
	}
}

// leave takes all out that a socket bound and dialed.
func (n *names) leave(s *socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for endpoint, name := range n.bound {
		if name.socket == s {
			delete(n.bound, endpoint)
		}
	}
	for endpoint := range n.dials {
		n.without(s, endpoint)
	}
}

// count returns how many names are bound and how many only dialed.
func (n *names) count() (bound, dialed int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.bound), len(n.dials)
}

// join connects a socket to another that bound a name. The lock of the names is held, so
// that nobody closes them meanwhile unseen.
func (s *socket) join(other *socket, endpoint string) {
	near, far := newPipe(s, other)
	near.dialed = endpoint
	if err := other.admit(far, s.config.RoutingID, func() { other.greetPipe(far) }); err != nil {
		s.failures.add(&engine.Error{Op: "connect", Reason: engine.Foreign, Detail: endpoint, Cause: err})
		return
	}
	if err := s.admit(near, other.config.RoutingID, func() { s.greetPipe(near) }); err != nil {
		other.dismiss(far)
		return
	}
	other.openPipe(far)
	s.openPipe(near)
}

// greetPipe has a new peer know of all subscriptions. sendMu is held.
func (s *socket) greetPipe(p *peer) {
	sub, ok := s.pattern.(*subscribing)
	if !ok {
		return
	}
	for _, prefix := range sub.filter.all() {
		p.link.tell(true, prefix)
	}
}

// dropPipes ends the connections over inproc that were dialed at an endpoint; at "", all.
func (s *socket) dropPipes(endpoint string) (n int) {
	s.sendMu.Lock()
	var gone []*peer
	for p := range s.peers {
		if _, ok := p.link.(*pipe); ok && (endpoint == "" || p.dialed == endpoint) {
			gone = append(gone, p)
		}
	}
	for _, p := range gone {
		s.takeOut(p)
	}
	s.sendMu.Unlock()
	for _, p := range gone {
		p.link.cut()
	}
	return len(gone)
}
