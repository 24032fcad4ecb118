package messaging

import (
	"context"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
)

// CommandVersion is the version of Command that this package speaks.
const CommandVersion = 1

// FeatureTargets is the feature of a Welcome by which a broker says that it serves
// targets. A server without it would give a request to whoever listens there, so
// that none with a target is sent to it.
const FeatureTargets = "targets"

// FeatureWaiting is the feature of a Hello by which a client says that it is to be told
// why its requests wait, and of a Welcome by which a broker says that it tells, and that
// it serves fail_fast.
const FeatureWaiting = "waiting"

// Command is one step of a call or of its session, on its way between bytes and
// what handles it. Its wire form is mittere.v1.Command; docs/wire.md is normative.
type Command struct {
	// Kind is what the command says: a *mitterev1.Hello, Welcome, Ready, Request,
	// Accepted, Reply, Item, Event, Credit, Cancel, Heartbeat, Drain, Disconnect or
	// Waiting.
	// It is nil if it was received and is of a later version, to be ignored.
	Kind proto.Message
	// Body is the frame of an envelope; nil if there is none. After
	// [DecodeCommand] it is a part of the frames.
	Body []byte
}

const (
	fieldVersion protowire.Number = 1
	fieldBody    protowire.Number = 15

	// largestBody is how many bytes of envelope travel in the command's own frame.
	// Above it a second frame costs less than moving the bytes.
	largestBody = 4 << 10

	// commandOverhead is at least what the frame of a command has beside its kind
	// and the envelope: the version, two tags and two lengths.
	commandOverhead = 16
)

// commandHead is how the frame of every command begins: version 1.
var commandHead = [...]byte{0x08, CommandVersion}

// IsCommand reports whether a frame begins as a command does, of this version or
// of another one.
func IsCommand(frame []byte) bool { return len(frame) > 1 && frame[0] == commandHead[0] }

// Frames returns the command as it travels, in one frame or, with a large
// envelope, in two, of which the second is Body itself.
func (c *Command) Frames() ([][]byte, error) {
	return c.appendFrames(make([][]byte, 0, 2), nil)
}

// appendFrames appends the command's frames, of which it writes the first one into
// what is left of buffer, or into a new one if it does not fit.
func (c *Command) appendFrames(frames [][]byte, buffer []byte) ([][]byte, error) {
	number := kindNumber(c.Kind)
	if number == 0 {
		return nil, Errorf(Internal, "%T is no kind of command", c.Kind)
	}
	size := sizeKind(c.Kind)
	room := size + commandOverhead
	if len(c.Body) <= largestBody {
		room += len(c.Body)
	}
	b := buffer
	if room > cap(b) {
		b = make([]byte, 0, room)
	}
	b = append(b, commandHead[:]...)
	b = protowire.AppendTag(b, number, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	b, err := appendKind(b, c.Kind)
	switch {
	case err != nil:
		return nil, Errorf(InvalidArgument, "marshal %s: %w", nameOf(c.Kind), err)
	case c.Body == nil:
		return append(frames, b), nil
	case len(c.Body) > largestBody:
		return append(frames, b, c.Body), nil
	default:
		b = protowire.AppendTag(b, fieldBody, protowire.BytesType)
		return append(frames, protowire.AppendBytes(b, c.Body)), nil
	}
}

// commandBuffers are what the frames of commands are written into that are copied at
// once: those that are sent.
var commandBuffers = sync.Pool{New: func() any { return new([]byte) }}

// Send gives the command's frames, with a route in front of them, to a function that
// keeps none of them, as those of a socket do not.
func (c *Command) Send(ctx context.Context, route Route, send func(context.Context, comm.Message) error) error {
	buffer := commandBuffers.Get().(*[]byte)
	defer commandBuffers.Put(buffer)
	frames, err := c.appendFrames(append(make([][]byte, 0, len(route)+2), route...), (*buffer)[:0])
	if err != nil {
		return err
	}
	if first := frames[len(route)]; cap(first) <= maxKeptBuffer {
		*buffer = first
	}
	return send(ctx, comm.NewMessage(frames...))
}

// NewCommand returns a command with the envelope of a message; nil is none.
func NewCommand(kind, message proto.Message, options ...SendOption) (Command, error) {
	c := Command{Kind: kind}
	if message == nil {
		return c, nil
	}
	e, err := describe(message, options)
	if err != nil {
		return Command{}, err
	}
	size := proto.Size(message)
	b := make([]byte, 0, size+2*len(e.Type)+envelopeOverhead)
	b = appendAnyHead(e.appendHead(b), e.Type, size)
	start := len(b)
	b, err = proto.MarshalOptions{Deterministic: true, UseCachedSize: true}.MarshalAppend(b, message)
	if err == nil && len(b) != start+size {
		err = Errorf(Internal, "the message was changed meanwhile")
	}
	if err != nil {
		return Command{}, Errorf(InvalidArgument, "marshal %s: %w", e.Type, err)
	}
	c.Body = e.appendTail(b)
	return c, nil
}

// envelopeOverhead is at least what an envelope without Meta adds to its body
// and twice the name of its type.
const envelopeOverhead = 48

// DecodeCommand reads the frames of a command. One of another version gives
// [FailedPrecondition], what is none gives [InvalidArgument]: truncation, two
// kinds, two envelopes, no kind at all.
func DecodeCommand(frames [][]byte) (Command, error) {
	if len(frames) == 0 || len(frames) > 2 {
		return Command{}, Errorf(InvalidArgument, "command: %d frames, want one or two", len(frames))
	}
	var d commandDecoder
	if err := d.decode(frames[0]); err != nil {
		return Command{}, err
	}
	if len(frames) == 2 {
		if d.c.Body != nil {
			return Command{}, Errorf(InvalidArgument, "command: an envelope in it and another one behind it")
		}
		d.c.Body = frames[1]
	}
	return d.c, nil
}

// commandDecoder is a command while it is read.
type commandDecoder struct {
	c        Command
	has      bool // a kind, known or not
	versions int
}

// decode reads the first frame.
func (d *commandDecoder) decode(b []byte) error {
	for len(b) > 0 {
		n, err := d.field(b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	switch {
	case d.versions != 1:
		return Errorf(InvalidArgument, "command: field 1, the version, stands %d times", d.versions)
	case !d.has:
		return Errorf(InvalidArgument, "command: it has no kind")
	}
	return nil
}

// field reads one field, which is n bytes long.
func (d *commandDecoder) field(b []byte) (n int, err error) {
	number, kind, n, err := consumeTag(b)
	if err != nil {
		return 0, err
	}
	size := protowire.ConsumeFieldValue(number, kind, b[n:])
	if size < 0 {
		return 0, malformed(size)
	}
	switch {
	case number == fieldVersion && kind == protowire.VarintType:
		err = d.version(b[n:])
	case kind != protowire.BytesType: // of a later version
	default:
		value, _ := protowire.ConsumeBytes(b[n:])
		err = d.known(number, value)
	}
	return n + size, err
}

// version reads the version.
func (d *commandDecoder) version(b []byte) error {
	d.versions++
	if version, _ := protowire.ConsumeVarint(b); version != CommandVersion {
		return Errorf(FailedPrecondition, "command: version %d, want %d", version, CommandVersion)
	}
	return nil
}

// known reads the envelope or the kind. A field that is neither is taken for a
// kind of a later version.
func (d *commandDecoder) known(number protowire.Number, value []byte) error {
	if number == fieldBody {
		if d.c.Body != nil {
			return Errorf(InvalidArgument, "command: field 15, the envelope, stands twice")
		}
		d.c.Body = value
		return nil
	}
	if d.has {
		return Errorf(InvalidArgument, "command: it has two kinds")
	}
	d.has = true
	if isSmall(number) && len(value) > largestSmall {
		return Errorf(InvalidArgument, "command: field %d, its kind, has %d bytes, of %d at most", number, len(value), largestSmall)
	}
	kind, err := readKind(number, value)
	if err != nil {
		return Errorf(InvalidArgument, "unmarshal %s: %w", nameOf(kind), err)
	}
	d.c.Kind = kind
	return nil
}

// The fields of the kinds of mittere.v1.Command.
const (
	kindHello protowire.Number = iota + 2
	kindWelcome
	kindReady
	kindRequest
	kindAccepted
	kindReply
	kindItem
	kindEvent
	kindCredit
	kindCancel
	kindHeartbeat
	kindDrain
	kindDisconnect

	kindWaiting protowire.Number = 17 // 15 is the body, 16 the kind of golden bytes that nobody knows
)

// largestSmall is how many bytes a kind has at most that says something of a session or
// allows something: to read millions of names takes longer than to send them.
const largestSmall = 256 << 10

// isSmall reports whether a kind, by its field, has neither a content of the user's nor the
// names of a target's workers.
func isSmall(number protowire.Number) bool {
	switch number {
	case kindHello, kindWelcome, kindReady, kindCredit, kindCancel, kindHeartbeat, kindDrain:
		return true
	default:
		return false
	}
}

// kindNumber returns the field of a kind, 0 for what is none.
func kindNumber(kind proto.Message) protowire.Number {
	switch kind.(type) {
	case *mitterev1.Hello:
		return kindHello
	case *mitterev1.Welcome:
		return kindWelcome
	case *mitterev1.Ready:
		return kindReady
	case *mitterev1.Request:
		return kindRequest
	case *mitterev1.Accepted:
		return kindAccepted
	case *mitterev1.Reply:
		return kindReply
	case *mitterev1.Item:
		return kindItem
	case *mitterev1.Event:
		return kindEvent
	case *mitterev1.Credit:
		return kindCredit
	case *mitterev1.Cancel:
		return kindCancel
	case *mitterev1.Heartbeat:
		return kindHeartbeat
	case *mitterev1.Drain:
		return kindDrain
	case *mitterev1.Disconnect:
		return kindDisconnect
	case *mitterev1.Waiting:
		return kindWaiting
	default:
		return 0
	}
}

// newKind returns an empty message of the kind in a field, nil for none that is
// known.
func newKind(number protowire.Number) proto.Message {
	switch number {
	case kindHello:
		return new(mitterev1.Hello)
	case kindWelcome:
		return new(mitterev1.Welcome)
	case kindReady:
		return new(mitterev1.Ready)
	case kindRequest:
		return new(mitterev1.Request)
	case kindAccepted:
		return new(mitterev1.Accepted)
	case kindReply:
		return new(mitterev1.Reply)
	case kindItem:
		return new(mitterev1.Item)
	case kindEvent:
		return new(mitterev1.Event)
	case kindCredit:
		return new(mitterev1.Credit)
	case kindCancel:
		return new(mitterev1.Cancel)
	case kindHeartbeat:
		return new(mitterev1.Heartbeat)
	case kindDrain:
		return new(mitterev1.Drain)
	case kindDisconnect:
		return new(mitterev1.Disconnect)
	case kindWaiting:
		return new(mitterev1.Waiting)
	default:
		return nil
	}
}
