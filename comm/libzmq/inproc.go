//go:build cgo

package libzmq

import (
	"container/list"
	"errors"
	"slices"
	"sync"

	"github.com/mittere/mittere/comm/internal/engine"
)

// How inproc names find each other.
//
// A socket may connect to a name before another binds it. libzmq 4.3.4 keeps such
// a connection, with its pipe, also when the socket is closed. When the context
// ends it binds a socket of its own to the name, which takes the first pipe and
// ends the others, on the caller's thread, while its reaper ends the same pipes for
// the sockets that were closed. With two of them the process crashes, now and then;
// and it is aborted if the context may have no more sockets. So libzmq never gets a
// connection to a name that is not bound: it waits in a table of the context, and
// is made when a socket binds the name.
//
// libzmq binds and connects under the table's lock. A name is entered when libzmq
// has bound it, and taken out before the socket is closed, since libzmq lets go of
// its names some time after. So a name in the table has a listener in libzmq as
// long as the lock is held.
//
// The lock of a socket comes before that of the table. A binding socket has the lock of
// its own and must not take those of others; it connects them when it has
// let go of all locks. In between the name may be unbound: then they wait on.

// names is the table of a context's inproc names.
type names struct {
	mu    sync.Mutex
	bound map[string]*socket
	dials map[string]*list.List // of *dial, in the order they were made
}

// dial is a connection to a name that was not bound when it was asked for. It is
// in its socket's list and in the table.
type dial struct {
	socket *socket
	name   string
	place  *list.Element // in the table
}

// newNames returns an empty table.
func newNames() *names {
	return &names{bound: map[string]*socket{}, dials: map[string]*list.List{}}
}

// bind has libzmq bind a name. The caller has the socket's lock, here and below.
func (n *names) bind(s *socket, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := s.z.Bind(name); err != nil {
		return err
	}
	n.bound[name] = s
	return nil
}

// connect has libzmq connect to a name if it is bound, and else keeps that for
// the socket that binds it.
func (n *names) connect(s *socket, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.bound[name] != nil {
		return s.z.Connect(name)
	}
	line := n.dials[name]
	if line == nil {
		line = list.New()
		n.dials[name] = line
	}
	d := &dial{socket: s, name: name}
	d.place = line.PushBack(d)
	s.dials = append(s.dials, d)
	return nil
}

// detach has libzmq unbind or disconnect, which do the same there, and ends what
// waits.
func (n *names) detach(s *socket, name string, do func(string) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	waited := n.remove(s, name)
	err := do(name)
	if err == nil && n.bound[name] == s {
		delete(n.bound, name)
	}
	if waited > 0 && reasonOf(err) == engine.AddressUnavailable {
		return nil // libzmq had not heard of it
	}
	return err
}

// leave takes out all that a socket bound and waits for, before it is closed.
func (n *names) leave(s *socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range s.bound {
		if n.bound[name] == s {
			delete(n.bound, name)
		}
	}
	for len(s.dials) > 0 {
		n.remove(s, s.dials[0].name)
	}
}

// remove takes out what a socket waits for at one name, and returns how many
// connections that are.
func (n *names) remove(s *socket, name string) int {
	before := len(s.dials)
	s.dials = slices.DeleteFunc(s.dials, func(d *dial) bool {
		if d.name != name {
			return false
		}
		line := n.dials[name]
		line.Remove(d.place)
		if line.Len() == 0 {
			delete(n.dials, name)
		}
		return true
	})
	return before - len(s.dials)
}

// dialers returns who waits for a name, in order. No lock of a socket is needed.
func (n *names) dialers(name string) []*socket {
	n.mu.Lock()
	defer n.mu.Unlock()
	line := n.dials[name]
	if line == nil {
		return nil
	}
	var waiting []*socket
	for place := line.Front(); place != nil; place = place.Next() {
		waiting = append(waiting, place.Value.(*dial).socket)
	}
	return waiting
}

// redial makes the connections of a socket that waited for a name, if it is bound
// still.
func (n *names) redial(s *socket, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.bound[name] == nil {
		return nil
	}
	var wrong []error
	for range n.remove(s, name) {
		wrong = append(wrong, s.z.Connect(name))
	}
	return errors.Join(wrong...)
}

// redial connects the sockets that wait for an endpoint, if it is one that was
// just bound on inproc. No lock may be held: it takes theirs, and the logger's
// handler is the user's code.
func (c *zmqContext) redial(e engine.Endpoint) {
	if !e.Binds || !named(e) {
		return
	}
	name := e.String()
	for _, s := range c.names.dialers(name) {
		err := s.withOpen("connect", func() error {
			defer s.settle()
			return translate("connect", name, c.names.redial(s, name))
		})
		if err != nil && !errors.Is(err, engine.Closed) {
			c.log.Error("an inproc endpoint was bound and could not be connected to", "error", err)
		}
	}
}
