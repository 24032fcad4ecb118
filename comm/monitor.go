package comm

import (
	"encoding/binary"
	"fmt"

	zmq "github.com/pebbe/zmq4"
)

// startMonitor makes libzmq report the socket's events to a PAIR of our own,
// which is read from birth: one that nobody reads freezes every socket of its
// context after some hundred connections, and so lets any peer stop a program.
// The PAIR's queue has no bound, which means that libzmq never waits for it.
func (s *Socket) startMonitor() error {
	name := fmt.Sprintf("inproc://mittere.monitor.%d", s.ctx.monitors.Add(1))
	if err := s.z.Monitor(name, zmq.EVENT_ALL); err != nil {
		return translate("monitor "+s.kind.String(), "", err)
	}
	c, _ := newConfig[Option](kindMonitor, nil)
	c.highWaterMark = 0
	monitor, err := newSocket(s.ctx, kindMonitor, name, c, func(m *Socket) { m.drainEvents(s) })
	s.monitor = monitor
	return err
}

// drainEvents takes one event of the socket that is watched.
func (s *Socket) drainEvents(watched *Socket) {
	m, err := s.receive()
	if err != nil || len(m.Frames[0]) != 6 {
		return
	}
	watched.countEvent(zmq.Event(binary.NativeEndian.Uint16(m.Frames[0])))
}

// countEvent notes an event. Of one failed handshake libzmq may tell more than
// once, but always ends with one of these.
func (s *Socket) countEvent(event zmq.Event) {
	switch event {
	case zmq.EVENT_HANDSHAKE_SUCCEEDED:
		s.stats.connections.Add(1)
	case zmq.EVENT_DISCONNECTED:
		s.stats.connections.Add(-1)
		s.stats.disconnects.Add(1)
	case zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
		zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
		zmq.EVENT_HANDSHAKE_FAILED_AUTH:
		s.stats.badHandshakes.Add(1)
	case zmq.EVENT_ACCEPT_FAILED:
		s.stats.failedAccepts.Add(1)
	}
}
