package command

import (
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/internal/protofield"
	"github.com/mittere/mittere/messaging/message"
)

// Version is the version of Command that this package speaks.
const Version = 1

// FeatureTargets is the feature of a Welcome by which a broker says that it serves
// targets. A server without it would give a request to any peer there, so
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
	// [Decode] it is a part of the frames.
	Body []byte
}

const (
	fieldVersion protowire.Number = 1
	fieldBody    protowire.Number = 15

	// largestBody is how many bytes of envelope travel in the command's own frame.
	// Above it a second frame costs less than moving the bytes.
	largestBody = 4 << 10

	// overhead is at least what the frame of a command has beside its kind
	// and the envelope: the version, two tags and two lengths.
	overhead = 16
)

// head is how the frame of every command begins: version 1.
var head = [...]byte{0x08, Version}

// Is reports whether a frame begins as a command does, of this version or
// of another one.
func Is(frame []byte) bool { return len(frame) > 1 && frame[0] == head[0] }

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
		return nil, message.Errorf(message.Internal, "%T is no kind of command", c.Kind)
	}
	size := sizeKind(c.Kind)
	room := size + overhead
	if len(c.Body) <= largestBody {
		room += len(c.Body)
	}
	b := buffer
	if room > cap(b) {
		b = make([]byte, 0, room)
	}
	b = append(b, head[:]...)
	b = protowire.AppendTag(b, number, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	b, err := appendKind(b, c.Kind)
	switch {
	case err != nil:
		return nil, message.Errorf(message.InvalidArgument, "marshal %s: %w", c.Kind.ProtoReflect().Descriptor().FullName(), err)
	case c.Body == nil:
		return append(frames, b), nil
	case len(c.Body) > largestBody:
		return append(frames, b, c.Body), nil
	default:
		b = protowire.AppendTag(b, fieldBody, protowire.BytesType)
		return append(frames, protowire.AppendBytes(b, c.Body)), nil
	}
}

// buffers are what the frames of commands are written into that are copied at
// once: those that are sent.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// WithFrames gives the command's frames, with a route in front of them, to a function
// that keeps none of them, as those of a socket do not.
func (c *Command) WithFrames(route message.Route, use func(frames [][]byte) error) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	frames, err := c.appendFrames(append(make([][]byte, 0, len(route)+2), route...), (*buffer)[:0])
	if err != nil {
		return err
	}
	if first := frames[len(route)]; cap(first) <= message.MaxKeptBuffer {
		*buffer = first
	}
	return use(frames)
}

// New returns a command with the envelope of a message; nil is none.
func New(kind, m proto.Message, options ...message.Option) (Command, error) {
	c := Command{Kind: kind}
	if m == nil {
		return c, nil
	}
	var err error
	c.Body, err = message.AppendPacked(nil, m, options...)
	return c, err
}

// Decode reads the frames of a command. One of another version gives
// [FailedPrecondition], what is none gives [InvalidArgument]: truncation, two
// kinds, two envelopes, no kind at all.
func Decode(frames [][]byte) (Command, error) {
	if len(frames) == 0 || len(frames) > 2 {
		return Command{}, message.Errorf(message.InvalidArgument, "command: %d frames, want one or two", len(frames))
	}
	var d decoder
	if err := d.decode(frames[0]); err != nil {
		return Command{}, err
	}
	if len(frames) == 2 {
		if d.c.Body != nil {
			return Command{}, message.Errorf(message.InvalidArgument, "command: an envelope in it and another one behind it")
		}
		d.c.Body = frames[1]
	}
	return d.c, nil
}

// decoder is a command while it is read.
type decoder struct {
	c        Command
	has      bool // a kind, known or not
	versions int
}

// decode reads the first frame.
func (d *decoder) decode(b []byte) error {
	for len(b) > 0 {
		f, err := protofield.Next(b)
		if err != nil {
			return message.Errorf(message.InvalidArgument, "command: %w", err)
		}
		if err := d.field(f); err != nil {
			return err
		}
		b = b[len(f.Whole):]
	}
	switch {
	case d.versions != 1:
		return message.Errorf(message.InvalidArgument, "command: field 1, the version, stands %d times", d.versions)
	case !d.has:
		return message.Errorf(message.InvalidArgument, "command: it has no kind")
	}
	return nil
}

// field takes one field. What it does not know is of a later version.
func (d *decoder) field(f protofield.Field) error {
	switch {
	case f.Number == fieldVersion && f.Type == protowire.VarintType:
		return d.version(f.Varint())
	case f.Type != protowire.BytesType:
		return nil
	default:
		return d.known(f.Number, f.Bytes())
	}
}

// version takes the version.
func (d *decoder) version(version uint64) error {
	d.versions++
	if version != Version {
		return message.Errorf(message.FailedPrecondition, "command: version %d, want %d", version, Version)
	}
	return nil
}

// known reads the envelope or the kind. A field that is neither is taken for a
// kind of a later version.
func (d *decoder) known(number protowire.Number, value []byte) error {
	if number == fieldBody {
		if d.c.Body != nil {
			return message.Errorf(message.InvalidArgument, "command: field 15, the envelope, stands twice")
		}
		d.c.Body = value
		return nil
	}
	if d.has {
		return message.Errorf(message.InvalidArgument, "command: it has two kinds")
	}
	d.has = true
	if isSmall(number) && len(value) > largestSmall {
		return message.Errorf(message.InvalidArgument, "command: field %d, its kind, has %d bytes, of %d at most", number, len(value), largestSmall)
	}
	kind, err := readKind(number, value)
	if err != nil {
		return message.Errorf(message.InvalidArgument, "unmarshal %s: %w", kind.ProtoReflect().Descriptor().FullName(), err)
	}
	d.c.Kind = kind
	return nil
}
