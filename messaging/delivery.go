package messaging

import (
	"bytes"
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging/message"
)

// Delivery is a message as it arrived. It belongs to one goroutine at a time.
type Delivery struct {
	// Envelope is the message and what is known of it.
	Envelope
	// Route is the way back; empty on sockets without one.
	Route Route
	// Missed is how many messages of the same publisher, type and subject were
	// lost just before this one. It is 0 on all sockets but a [Subscriber].
	Missed uint64
	// Command is the command that arrived instead of an envelope, whose envelope
	// is its Body. Only a [Server] and a [Worker] receive any; nil for a plain envelope.
	Command *Command
	// Wrong is why the command could not be read.
	Wrong error

	raw   comm.Message
	more  bool
	types Resolver
	back  *Sender // nil where nothing can be sent back
}

// Open returns the message; see [Envelope.Open]. The type is found in what
// [WithTypes] gave the socket.
func (d *Delivery) Open() (proto.Message, error) { return d.Envelope.Open(d.types) }

// Frame returns the envelope's frame as it arrived, for programs that pass it on.
func (d *Delivery) Frame() []byte { return d.raw.Frames[len(d.raw.Frames)-1] }

// Size returns how many bytes the message has that arrived.
func (d *Delivery) Size() int { return d.raw.Size() }

// More reports whether further messages had come when this one was received.
func (d *Delivery) More() bool { return d.more }

// CanReply reports whether the socket can send something back.
func (d *Delivery) CanReply() bool { return d.back != nil }

// Peer returns what names the sender on a socket that can reply to one of several,
// as long as its connection lasts; empty on others.
func (d *Delivery) Peer() string {
	if len(d.Route) == 0 {
		return ""
	}
	return string(d.Route[0])
}

// WantsReply reports whether the sender waits for exactly one answer, as a
// [Req] and a REQ socket do. A [Dealer] takes any number.
func (d *Delivery) WantsReply() bool { return d.back != nil && d.Route.Delimited() }

// Reply sends a message back on the socket and the way that this one came. On a
// [Rep] or [Router] it never waits, and a peer that is full or gone is an
// error at once; on others it waits until ctx ends. Where nothing can be sent
// back, or a command arrived, it returns [FailedPrecondition].
func (d *Delivery) Reply(ctx context.Context, m proto.Message, options ...SendOption) error {
	switch {
	case d.back == nil:
		return Errorf(FailedPrecondition, "a %s arrived on a socket that cannot reply", d.Type)
	case d.Command != nil:
		return Errorf(FailedPrecondition, "a %s arrived in a command, which is answered by what its handler returns", d.Type)
	}
	return d.back.sendTo(ctx, d.Route, m, options)
}

// ReplyError sends an error back as mittere.v1.Status. Of an error that is no
// *[Error], see [AsError]; nil is a success without content.
func (d *Delivery) ReplyError(ctx context.Context, err error) error {
	return d.Reply(ctx, message.StatusOf(err))
}

// Release gives the frames back. Afterwards Body, Route and Frame may not be
// touched, and no reply can be sent. It is optional, and legal once.
func (d *Delivery) Release() { d.raw.Release() }

// ReturnPath is the way back of a delivery that outlives it. It may be used by
// any number of goroutines at once.
type ReturnPath struct {
	route Route
	back  *Sender
	limit command.FrameLimit
}

// Limited returns the path to a peer that takes no longer frames: a command with one is
// refused with [ResourceExhausted]; see [IsTooLarge].
func (p ReturnPath) Limited(limit command.FrameLimit) ReturnPath {
	p.limit = limit
	return p
}

// ReturnPath returns the way back with a copy of the route, for replies that are
// sent after Release.
func (d *Delivery) ReturnPath() ReturnPath {
	route := make(Route, len(d.Route))
	for i, frame := range d.Route {
		route[i] = bytes.Clone(frame)
	}
	return ReturnPath{route: route, back: d.back}
}

// Send is [Delivery.Reply].
func (p ReturnPath) Send(ctx context.Context, m proto.Message, options ...SendOption) error {
	if p.back == nil {
		return Errorf(FailedPrecondition, "the message arrived on a socket that cannot reply")
	}
	return p.back.sendTo(ctx, p.route, m, options)
}
