package messaging

import (
	"context"
	"errors"
	"math"
	"sync/atomic"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
)

// line is one connection of a [Worker]. One goroutine receives.
type line struct {
	dealer *comm.Dealer
	name   string // the Peer of incoming messages
	back   Sender
	frame  atomic.Int64 // bytes that one may have
	gone   atomic.Bool  // hung up

	batch [inboxSize]comm.Message
	next  int
	end   int
	err   error // of the message after the batch
}

// newLine returns a connection by a socket of its own.
func newLine(dealer *comm.Dealer, name string) *line {
	l := &line{dealer: dealer, name: name}
	l.back = newSender(l.send)
	l.limitFrames(0)
	return l
}

// close ends the connection; nil is none.
func (l *line) close() error {
	if l == nil {
		return nil
	}
	l.gone.Store(true)
	return FromComm(l.dealer.Close())
}

// hungUp reports whether the connection was ended from this side.
func (l *line) hungUp() bool { return l.gone.Load() }

// path returns the way to the other end.
func (l *line) path() ReturnPath { return ReturnPath{route: Route{[]byte(l.name)}, back: &l.back} }

// recv waits for a message.
func (l *line) recv(ctx context.Context) (*Delivery, error) {
	if l.next == l.end && l.err == nil {
		l.next = 0
		l.end, l.err = l.dealer.RecvBatch(ctx, l.batch[:])
	}
	if l.next == l.end {
		err := l.err
		l.err = nil
		return nil, FromComm(err)
	}
	m := l.batch[l.next]
	l.batch[l.next] = comm.Message{}
	l.next++
	return l.open(m), nil
}

// open makes a delivery of a message. Its route is the name of the connection, which
// send takes away: so a broker looks like any other peer.
func (l *line) open(m comm.Message) *Delivery {
	body := m.Frames
	if len(body) > 1 && len(body[0]) == 0 { // the delimiter that some peers write in front
		body = body[1:]
	}
	d := commandDelivery(m, body)
	d.Route, d.back, d.more = Route{[]byte(l.name)}, &l.back, l.next < l.end
	return d
}

// send sends a message that has the connection's name in front.
func (l *line) send(ctx context.Context, m comm.Message) error {
	frames := m.Frames[1:]
	if err := command.FrameLimit(l.frame.Load()).Check(frames, "the broker"); err != nil {
		return err
	}
	err := l.dealer.Send(ctx, comm.NewMessage(frames...))
	if errors.Is(err, comm.Closed) {
		return Errorf(Unavailable, "%w: the connection has ended", comm.Unreachable)
	}
	return err
}

// waitDisconnect waits until the connection has ended.
func (l *line) waitDisconnect(ctx context.Context) error {
	_, err := l.dealer.WaitDisconnect(ctx, 0)
	if l.hungUp() {
		return nil
	}
	return FromComm(err)
}

// limitFrames sets how many bytes the other end takes in a frame, 0 if it does not
// say.
func (l *line) limitFrames(bytes uint64) {
	most := int64(l.dealer.MaxFrameSize())
	if bytes > 0 && bytes < math.MaxInt64 {
		most = min(most, int64(bytes))
	}
	l.frame.Store(most)
}
