//go:build cgo

package libzmq

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	zmq "github.com/pebbe/zmq4"

	"github.com/mittere/mittere/comm/internal/engine"
)

// watchedEvents are those that connections follow. Not all: libzmq reports that a
// bind failed before it returns, and to report changes errno, the reason why.
const watchedEvents = zmq.EVENT_ACCEPTED | zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED |
	zmq.EVENT_DISCONNECTED | zmq.EVENT_ACCEPT_FAILED | zmq.EVENT_CONNECT_RETRIED

// startMonitor makes libzmq report the socket's events to a PAIR of our own,
// which is read from birth: one that nobody reads freezes every socket of its
// context after some hundred connections, and so lets any peer stop a program.
// The PAIR's queue has no bound, which means that libzmq never waits for it.
func (s *socket) startMonitor() error {
	name := fmt.Sprintf("mittere.monitor.%d", s.ctx.monitors.Add(1))
	if err := s.z.Monitor("inproc://"+name, watchedEvents); err != nil {
		return translate("monitor "+s.config.Kind, "", err)
	}
	s.connections.stats, s.connections.open, s.connections.before = &s.stats, map[int32]connection{}, map[string]bool{}
	config := engine.Config{Pattern: engine.Pair, Kind: "monitor", MaxFrameSize: math.MaxInt32, MaxFrames: 2}
	monitor, err := s.ctx.newSocket(config, s, []engine.Endpoint{{Transport: engine.Inproc, Address: name}})
	s.monitor = monitor
	return err
}

// drainEvent takes one event of the socket that is watched.
func (s *socket) drainEvent() (any bool) {
	m, err := s.receive()
	if err != nil || len(m.Frames) != 2 || len(m.Frames[0]) != 6 {
		return !refused(err)
	}
	event := zmq.Event(binary.NativeEndian.Uint16(m.Frames[0]))
	value := int32(binary.NativeEndian.Uint32(m.Frames[0][2:]))
	watched := &s.watched.connections
	watched.note(event, value, string(m.Frames[1]))
	watched.stats.Handshakes.Store(int64(len(watched.unready)))
	return true
}

// endConnections notes that connections at an endpoint were ended from this
// side, of which libzmq says nothing.
func (s *socket) endConnections(endpoint string) {
	_ = s.monitor.withOpen("", func() error {
		s.monitor.settle() // what is reported already is about those connections
		s.connections.endAll(endpoint)
		s.stats.Handshakes.Store(int64(len(s.connections.unready)))
		return nil
	})
}

// WaitDisconnect waits until more connections have ended than the caller has
// seen, and returns how many that are: the Disconnects of [Stats]. It is how a
// caller learns at once that a peer is gone. On inproc connections end without a
// word.
func (s *socket) WaitDisconnect(ctx context.Context, seen uint64) (uint64, error) {
	for {
		next, err := s.nextDisconnect()
		if n := s.stats.Disconnects.Load(); n > seen || err != nil {
			return n, err
		}
		select {
		case <-next:
		case <-ctx.Done():
			return seen, engine.ContextEnded(ctx, "wait for a disconnect")
		case <-s.done:
			return seen, &engine.Error{Op: "wait for a disconnect", Reason: engine.Closed}
		}
	}
}

// nextDisconnect returns a channel that is closed when a connection ends.
func (s *socket) nextDisconnect() (next <-chan struct{}, err error) {
	err = s.monitor.withOpen("wait for a disconnect", func() error {
		if s.connections.ended == nil {
			s.connections.ended = make(chan struct{})
		}
		next = s.connections.ended
		return nil
	})
	return next, err
}

// connections follows the connections of a socket through its events. The
// monitor's lock guards it.
//
// libzmq names the descriptor of a connection that begins or ends, but not of
// one whose handshake succeeds; that is taken to be the newest that is not
// ready. It reports only some of the handshakes that fail, but every end: a
// connection that ends before it is ready failed. Where several begin at once
// one may be taken for another, and its end for a failure; that is corrected when
// the other's handshake succeeds, and the sums are right when they have ended.
type connections struct {
	troubles
	stats   *engine.Counters
	before  map[string]bool      // endpoints whose connection ended, and was not tried again since
	open    map[int32]connection // by descriptor
	unready []int32              // those that are not ready, oldest first
	ended   chan struct{}        // closed and replaced when a ready one ended; nil if nobody waits
}

// connection is one that is open.
type connection struct {
	endpoint string // that is bound or connected to
	ours     bool   // it was made from this side
	ready    bool   // the handshake succeeded
}

// note takes one event; value is a descriptor where the event has one.
func (c *connections) note(event zmq.Event, value int32, endpoint string) {
	switch event {
	case zmq.EVENT_ACCEPTED, zmq.EVENT_CONNECTED:
		c.end(value) // of an older one with this number: it must be gone
		c.open[value] = connection{endpoint: endpoint, ours: event == zmq.EVENT_CONNECTED}
		c.unready = append(c.unready, value)
	case zmq.EVENT_HANDSHAKE_SUCCEEDED:
		c.ready()
	case zmq.EVENT_DISCONNECTED:
		c.end(value)
	case zmq.EVENT_CONNECT_RETRIED: // after each end, too
		if !c.before[endpoint] {
			c.failed(endpoint, unconnected)
		}
		delete(c.before, endpoint)
	case zmq.EVENT_ACCEPT_FAILED:
		c.stats.FailedAccepts.Add(1)
	}
}

// ready notes that a handshake succeeded.
func (c *connections) ready() {
	if len(c.unready) == 0 {
		c.correct()
		return
	}
	newest := c.unready[len(c.unready)-1]
	c.unready = c.unready[:len(c.unready)-1]
	made := c.open[newest]
	made.ready = true
	c.open[newest] = made
	c.recovered(made.endpoint)
	c.stats.Connections.Add(1)
}

// correct notes a handshake that no connection is left for: one that succeeded
// before was taken for it, and what ended as a failure in between was ready.
func (c *connections) correct() {
	if c.stats.BadHandshakes.Load() == 0 {
		return
	}
	c.stats.BadHandshakes.Add(^uint64(0))
	c.countEnd()
}

// end notes that a connection is gone.
func (c *connections) end(descriptor int32) {
	gone, known := c.open[descriptor]
	c.forget(descriptor)
	if known && !gone.ready {
		c.stats.BadHandshakes.Add(1)
	}
	if !known || !gone.ours {
		return
	}
	c.before[gone.endpoint] = true
	if gone.ready {
		c.failed(gone.endpoint, lost)
	} else {
		c.failed(gone.endpoint, foreign)
	}
}

// endAll notes that all connections at an endpoint were ended from this side.
func (c *connections) endAll(endpoint string) {
	for descriptor, open := range c.open {
		if open.endpoint == endpoint {
			c.forget(descriptor)
		}
	}
}

// forget takes a connection out.
func (c *connections) forget(descriptor int32) {
	if c.open[descriptor].ready {
		c.stats.Connections.Add(-1)
		c.countEnd()
	} else {
		c.unready = slices.DeleteFunc(c.unready, func(d int32) bool { return d == descriptor })
	}
	delete(c.open, descriptor)
}

// countEnd counts the end of a connection that was ready, and tells who waits.
func (c *connections) countEnd() {
	c.stats.Disconnects.Add(1)
	if c.ended != nil {
		close(c.ended)
		c.ended = nil
	}
}
