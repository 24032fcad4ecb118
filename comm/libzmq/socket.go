//go:build cgo

package libzmq

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	zmq "github.com/pebbe/zmq4"

	"github.com/mittere/mittere/comm/internal/engine"
)

// socket is a socket of libzmq, or the monitor of one.
type socket struct {
	ctx    *zmqContext
	config engine.Config
	stats  engine.Counters

	absorb     func() bool     // takes what arrives; nil where the user receives
	publishes  *subscriptions  // of a publisher whose user does not receive them; nil on others
	file       *os.File        // a copy of libzmq's event descriptor, on the netpoller
	edges      syscall.RawConn // the same
	lead       chan struct{}   // holds a token; its holder waits for edges
	background sync.WaitGroup  // of goroutines that wait for edges and are no callers
	idle       *time.Timer     // calls standIn; nil where that is for good
	done       chan struct{}   // closed by Close
	monitor    *socket         // receives this socket's events; nil on a monitor
	watched    *socket         // whose events this socket receives; nil but on a monitor

	connections connections // as the monitor tells; guarded by its lock

	mu        sync.Mutex // guards what follows and every call on z
	z         *zmq.Socket
	bound     []string
	dials     []*dial        // connections that wait for their inproc name to be bound
	lookups   []*lookup      // connections to names of hosts
	prefixes  map[string]int // that were subscribed to, by Sub once, by XSub so often
	receivers waitlist
	senders   waitlist
	leader    waiting     // who waits for edges, and sleeps; nil if nobody
	standing  bool        // whether a stand-in waits for edges
	deadline  bool        // whether the file has one
	late      *time.Timer // calls settleLate
	settling  bool        // whether it will
	closed    bool
}

// newSocket returns a socket at its endpoints, of which none that are dialed on inproc
// is connected yet; with a socket that is watched, its monitor.
func (c *zmqContext) newSocket(config engine.Config, watched *socket, endpoints []engine.Endpoint) (*socket, error) {
	z, err := c.z.NewSocket(traits[config.Pattern].zmq)
	if err != nil {
		return nil, translate("new "+config.Kind, "", err)
	}
	// pebbe's finalizer would close a lost socket on a foreign thread, outside every lock.
	runtime.SetFinalizer(z, nil)
	s := &socket{
		ctx: c, config: config, z: z, watched: watched, prefixes: map[string]int{},
		done: make(chan struct{}), lead: make(chan struct{}, 1),
	}
	switch {
	case watched != nil:
		s.absorb = s.drainEvent
	case config.Pattern == engine.Pub:
		s.publishes, s.absorb = newSubscriptions(), s.absorbSubscription
	}
	if err := s.start(endpoints); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// start makes the socket work: options, event descriptor, monitor, endpoints.
func (s *socket) start(endpoints []engine.Endpoint) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.configure(); err != nil {
		return translate("configure "+s.config.Kind, "", err)
	}
	if err := s.watch(); err != nil {
		return translate("watch "+s.config.Kind, "", err)
	}
	if s.watched == nil {
		if err := s.startMonitor(); err != nil {
			return err
		}
	}
	for _, e := range endpoints {
		if err := s.attach(e); err != nil {
			return err
		}
	}
	return nil
}

// withOpen calls f under the lock if the socket is open.
func (s *socket) withOpen(op string, f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return &engine.Error{Op: op, Reason: engine.Closed}
	}
	return f()
}

// Stats returns the counters. Connections are counted as their events are read, a
// moment after they happen.
func (s *socket) Stats() engine.Stats { return s.stats.Stats() }

// Waiting returns how many callers wait to receive and to send.
func (s *socket) Waiting() (receivers, senders int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.receivers.callers.Len(), s.senders.callers.Len()
}

// Close ends the socket.
func (s *socket) Close() error {
	first, err := s.shut()
	if !first {
		return err
	}
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
		s.background.Wait()
	}
	if s.monitor != nil {
		err = errors.Join(err, s.monitor.Close())
	}
	return err
}

// shut closes the socket of libzmq and sends everybody away.
func (s *socket) shut() (first bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, nil
	}
	s.closed = true
	close(s.done)
	s.ctx.names.leave(s)
	for _, l := range s.lookups {
		l.end()
	}
	if s.monitor != nil {
		err = s.z.Monitor("", 0)
	}
	err = translate("close "+s.config.Kind, "", errors.Join(err, s.z.Close()))
	s.wakeAll(&s.receivers)
	s.wakeAll(&s.senders)
	if s.late != nil {
		s.late.Stop()
	}
	if s.idle != nil {
		s.idle.Stop()
	}
	return true, err
}
