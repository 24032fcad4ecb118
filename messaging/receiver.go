package messaging

import (
	"context"
	"errors"
	"iter"
	"net"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging/message"
)

// Receiver is the receiving half of a socket. All methods may be called by any
// number of goroutines at once; each message goes to one of them.
type Receiver struct{ in *inbox }

// inbox takes messages off a socket of comm in batches and hands them out in
// order.
type inbox struct {
	socket   *Socket
	recv     comm.Receiver
	types    Resolver
	back     *Sender // nil where nothing can be sent back
	routes   bool    // whether frames may stand in front of the envelope
	tells    bool    // whether who sent a malformed request is told
	commands bool    // whether they are taken too
	gaps     *gaps   // nil where messages are not numbered

	turn  chan struct{} // holds a token; its holder owns the rest
	batch [inboxSize]comm.Message
	next  int
	end   int
	err   error // of the message after the batch
}

// inboxSize is how many messages are taken off the socket at once. They count
// on top of the high-water mark.
const inboxSize = 64

// newInbox returns an inbox.
func newInbox(s *Socket, recv comm.Receiver, c config) *inbox {
	in := &inbox{socket: s, recv: recv, types: c.types, turn: make(chan struct{}, 1)}
	in.turn <- struct{}{}
	return in
}

// Recv waits for a message until ctx ends. A message that is malformed is an
// error with code [InvalidArgument], one that is too large is
// [ResourceExhausted]; either is counted and dropped, and the next call has the
// next message. On a [Rep] its sender is told, for a REQ must be answered.
func (h Receiver) Recv(ctx context.Context) (*Delivery, error) {
	for {
		d, err := h.in.take(ctx)
		if d != nil || err != nil {
			return d, err
		}
	}
}

// Deliveries returns incoming messages until ctx ends. The error of a message that
// could not be received comes in its place, and the loop goes on; that of a
// closed socket is the last.
func (h Receiver) Deliveries(ctx context.Context) iter.Seq2[*Delivery, error] {
	return func(yield func(*Delivery, error) bool) {
		for {
			d, err := h.Recv(ctx)
			if ctx.Err() != nil && d == nil {
				return
			}
			if !yield(d, err) || errors.Is(err, net.ErrClosed) {
				return
			}
		}
	}
}

// Messages is Deliveries for callers that want the messages alone. One of unknown
// type is an error in its place.
func (h Receiver) Messages(ctx context.Context) iter.Seq2[proto.Message, error] {
	return opened(h.Deliveries(ctx), (*Delivery).Open)
}

// Source is anything that deliveries are received from: every receiving socket.
type Source interface {
	// Recv is [Receiver.Recv].
	Recv(context.Context) (*Delivery, error)
	// Deliveries is [Receiver.Deliveries].
	Deliveries(context.Context) iter.Seq2[*Delivery, error]
}

// MessagesOf is Deliveries for callers that expect one type. A message of another
// is an error in its place.
func MessagesOf[T proto.Message](ctx context.Context, from Source) iter.Seq2[T, error] {
	return opened(from.Deliveries(ctx), func(d *Delivery) (T, error) { return Open[T](&d.Envelope) })
}

// opened opens and releases each delivery.
func opened[T any](deliveries iter.Seq2[*Delivery, error], open func(*Delivery) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for d, err := range deliveries {
			var m T
			if err == nil {
				m, err = open(d)
				d.Release()
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

// take returns the next message, or nothing if that one is to be dropped
// silently.
func (in *inbox) take(ctx context.Context) (*Delivery, error) {
	if ctx.Err() != nil { // also if a message is there
		return nil, ended(ctx)
	}
	select {
	case <-in.turn:
	case <-ctx.Done():
		return nil, ended(ctx)
	}
	defer func() { in.turn <- struct{}{} }()
	if in.next == in.end && in.err == nil {
		in.next = 0
		in.end, in.err = in.recv.RecvBatch(ctx, in.batch[:])
	}
	if in.next == in.end {
		err := in.err
		in.err = nil
		return nil, FromComm(err)
	}
	m := in.batch[in.next]
	in.batch[in.next] = comm.Message{}
	in.next++
	return in.open(ctx, m)
}

// open makes a delivery of a message.
func (in *inbox) open(ctx context.Context, m comm.Message) (*Delivery, error) {
	if in.commands {
		if d := in.command(m); d != nil {
			return d, nil
		}
	}
	d := &Delivery{raw: m, types: in.types, back: in.back, more: in.next < in.end}
	last := len(m.Frames) - 1
	d.Route = Route(m.Frames[:last])
	var err error
	if d.Envelope, err = in.decode(d.Route, m.Frames[last]); err != nil {
		in.socket.stats.malformed.Add(1)
		in.complain(ctx, d, err)
		m.Release()
		return nil, err
	}
	if in.gaps != nil && !in.gaps.admit(d) {
		in.socket.stats.repeated.Add(1)
		m.Release()
		return nil, nil
	}
	in.socket.stats.missed.Add(d.Missed)
	return d, nil
}

// command reads a command; nil if it is none. What is wrong with it is answered
// by the serving end of the protocol.
func (in *inbox) command(m comm.Message) *Delivery {
	route, body := message.SplitRoute(m.Frames)
	if len(body) == 0 || !command.Is(body[0]) {
		return nil
	}
	d := commandDelivery(m, body)
	d.Route, d.types, d.back, d.more = Route(route), in.types, in.back, in.next < in.end
	if d.Wrong != nil {
		in.socket.stats.malformed.Add(1)
	}
	return d
}

// decode reads the last frame and checks those in front of it.
func (in *inbox) decode(route Route, frame []byte) (Envelope, error) {
	switch {
	case len(route) > 0 && !in.routes:
		return Envelope{}, Errorf(InvalidArgument, "a message of %d frames, want the envelope alone", len(route)+1)
	case !route.Valid():
		return Envelope{}, Errorf(InvalidArgument, "a message with frames between delimiter and envelope")
	default:
		return Decode(frame)
	}
}

// complain answers a malformed request, which ends the route at its first empty
// frame, whatever stands behind that. Only a ROUTER may do so: it never waits,
// and elsewhere a peer that does not read could hold up the whole socket. If the
// answer cannot be sent, there is nobody to tell.
func (in *inbox) complain(ctx context.Context, d *Delivery, err error) {
	if !in.tells {
		return
	}
	route, _ := message.SplitRoute(d.Route)
	d.Route = route
	if d.WantsReply() {
		_ = d.ReplyError(ctx, err)
	}
}
