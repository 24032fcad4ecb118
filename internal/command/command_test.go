package command_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/internal/command/commandtest"
	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging/message"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// cases is how many random values a property is tried with.
const cases = 2000

// stockCommand returns a command as the generated type holds it, with an envelope
// that travels in its frame.
func stockCommand(c command.Command) *mitterev1.Command {
	m := &mitterev1.Command{Version: command.Version, Body: c.Body}
	fields := m.ProtoReflect().Descriptor().Oneofs().ByName("kind").Fields()
	for i := range fields.Len() {
		if fields.Get(i).Message() == c.Kind.ProtoReflect().Descriptor() {
			m.ProtoReflect().Set(fields.Get(i), protoreflect.ValueOfMessage(c.Kind.ProtoReflect()))
		}
	}
	return m
}

// stockCommandFrame writes a command as docs/wire.md tells other languages to: two
// stock serializations, one behind the other.
func stockCommandFrame(t testing.TB, m *mitterev1.Command) []byte {
	t.Helper()
	head := proto.CloneOf(m)
	head.Body = nil
	return append(messagetest.Marshal(t, head), messagetest.Marshal(t, &mitterev1.Command{Body: m.GetBody()})...)
}

// forCommands runs a check with each command of the golden bytes.
func forCommands(t *testing.T, check func(t *testing.T, v commandtest.Vector)) {
	for _, v := range commandtest.Read(t).Commands {
		t.Run(v.Name, func(t *testing.T) { check(t, v) })
	}
}

func TestGoldenCommandsDecodeToTheirMeaning(t *testing.T) {
	forCommands(t, func(t *testing.T, v commandtest.Vector) {
		got := messagetest.Must(command.Decode(v.Frames))(t)
		want := command.Command{Body: v.Body}
		if m := v.Stock(t); m != nil {
			want.Kind = commandtest.KindOf(m)
		}
		commandtest.WantSame(t, got, want)
		if v.Message == nil && got.Kind != nil {
			t.Errorf("an unknown kind is a %T", got.Kind)
		}
	})
}

func TestGoldenCommandsAreWhatFramesWrites(t *testing.T) {
	forCommands(t, func(t *testing.T, v commandtest.Vector) {
		if v.Message == nil {
			return
		}
		c := command.Command{Kind: commandtest.KindOf(v.Stock(t)), Body: v.Body}
		written := messagetest.Must(c.Frames())(t)
		if same := slices.EqualFunc(written, v.Frames, bytes.Equal); same != v.Canonical {
			t.Errorf("written as % x\nwant the same: %v", written, v.Canonical)
		}
	})
}

func TestGoldenCommandsAreWhatStockProtobufReads(t *testing.T) {
	forCommands(t, func(t *testing.T, v commandtest.Vector) {
		m := &mitterev1.Command{}
		if err := proto.Unmarshal(v.Frames[0], m); err != nil {
			t.Fatal(err)
		}
		want := v.Stock(t)
		if want == nil {
			want = &mitterev1.Command{Version: command.Version}
		}
		if len(v.Frames) == 1 && len(v.Body) > 0 {
			want.Body = v.Body
		}
		m.ProtoReflect().SetUnknown(nil)
		messagetest.WantEqual(t, withoutEmptyBody(m), want)
	})
}

// withoutEmptyBody returns a command without an envelope that has no bytes, which
// stock protobuf's comparison ignores only if it is nil.
func withoutEmptyBody(m *mitterev1.Command) *mitterev1.Command {
	if len(m.GetBody()) == 0 {
		m.Body = nil
	}
	return m
}

func TestGoldenCommandsAreTwoStockSerializations(t *testing.T) {
	forCommands(t, func(t *testing.T, v commandtest.Vector) {
		if !v.Canonical || v.Body != nil && len(v.Body) == 0 {
			return // stock protobuf writes no empty body
		}
		m := v.Stock(t)
		m.Body = v.Body
		if written := stockCommandFrame(t, m); !bytes.Equal(written, v.Frames[0]) {
			t.Errorf("written as % x", written)
		}
	})
}

func TestGoldenCommandsHaveEveryKind(t *testing.T) {
	seen := map[protoreflect.FullName]bool{}
	for _, v := range commandtest.Read(t).Commands {
		if m := v.Stock(t); m != nil {
			seen[commandtest.KindOf(m).ProtoReflect().Descriptor().FullName()] = true
		}
	}
	kinds := (&mitterev1.Command{}).ProtoReflect().Descriptor().Oneofs().ByName("kind").Fields()
	for i := range kinds.Len() {
		if name := kinds.Get(i).Message().FullName(); !seen[name] {
			t.Errorf("no golden bytes of a %s", name)
		}
	}
}

func TestGoldenCommandsBeginWithTheirVersion(t *testing.T) {
	forCommands(t, func(t *testing.T, v commandtest.Vector) {
		if !command.Is(v.Frames[0]) {
			t.Error("the first frame does not begin as a command")
		}
	})
}

func TestGoldenNamesOfCommandsAreUnique(t *testing.T) {
	seen := map[string]bool{}
	note := func(name, about string, frames int) {
		if seen[name] || name == "" || about == "" || frames == 0 {
			t.Errorf("the name %q is there already, or says nothing", name)
		}
		seen[name] = true
	}
	all := commandtest.Read(t)
	for _, v := range all.Commands {
		note(v.Name, v.About, len(v.Frames))
	}
	for _, v := range all.Malformed {
		note(v.Name, v.About, len(v.Frames))
	}
}

func TestMalformedGoldenCommandsAreRefused(t *testing.T) {
	for _, v := range commandtest.Read(t).Malformed {
		t.Run(v.Name, func(t *testing.T) {
			c, err := command.Decode(v.Frames)
			if e := messagetest.WantCode(t, err, message.CodeOf(err)); fmt.Sprint(e.Code) != "CODE_"+v.Code {
				t.Errorf("got %v, want code %s", err, v.Code)
			}
			if c.Kind != nil || c.Body != nil {
				t.Errorf("beside the error there is the command %v", c)
			}
		})
	}
}

// randomCommand returns a command of any kind in which anything may be set or not.
func randomCommand(r *rand.Rand) command.Command {
	m := &mitterev1.Command{}
	kinds := m.ProtoReflect().Descriptor().Oneofs().ByName("kind").Fields()
	kind := m.ProtoReflect().NewField(kinds.Get(r.IntN(kinds.Len()))).Message()
	randomFields(r, kind)
	c := command.Command{Kind: kind.Interface()}
	if r.IntN(2) == 0 {
		c.Body = messagetest.RandomBytes(r)
	}
	return c
}

// randomFields sets each field of a message, or leaves it, by chance.
func randomFields(r *rand.Rand, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case r.IntN(2) == 0:
		case f.IsMap():
			for range r.IntN(4) {
				m.Mutable(f).Map().Set(protoreflect.ValueOfString(messagetest.RandomText(r)).MapKey(), protoreflect.ValueOfString(messagetest.RandomText(r)))
			}
		case f.IsList():
			list := m.Mutable(f).List()
			for range r.IntN(4) {
				list.Append(randomValue(r, f, list.NewElement))
			}
		default:
			m.Set(f, randomValue(r, f, func() protoreflect.Value { return m.NewField(f) }))
		}
	}
}

// randomValue returns a value for a field, or for an element of its list; empty
// makes one that is a message.
func randomValue(r *rand.Rand, f protoreflect.FieldDescriptor, empty func() protoreflect.Value) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.MessageKind:
		v := empty()
		randomFields(r, v.Message())
		return v
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(messagetest.RandomLetters(r, r.IntN(20)))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(messagetest.RandomText(r))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(r.IntN(20)))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(messagetest.RandomNumber(r)))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(messagetest.RandomNumber(r)))
	default: // uint64 and fixed64
		return protoreflect.ValueOfUint64(messagetest.RandomNumber(r))
	}
}

// forRandomCommands runs a check with commands that are the same in each run.
func forRandomCommands(t *testing.T, check func(t *testing.T, r *rand.Rand, c command.Command)) {
	for seed := range uint64(cases) {
		r := rand.New(rand.NewPCG(seed, 1))
		check(t, r, randomCommand(r))
		if t.Failed() {
			t.Fatalf("with the command of seed %d", seed)
		}
	}
}

func TestCommandsOfEveryKindSurviveTheirFrames(t *testing.T) {
	forRandomCommands(t, func(t *testing.T, _ *rand.Rand, c command.Command) {
		commandtest.WantSame(t, messagetest.Must(command.Decode(messagetest.Must(c.Frames())(t)))(t), c)
	})
}

func TestStockProtobufReadsWhatFramesWrites(t *testing.T) {
	forRandomCommands(t, func(t *testing.T, _ *rand.Rand, c command.Command) {
		frames := messagetest.Must(c.Frames())(t)
		m := &mitterev1.Command{}
		if err := proto.Unmarshal(frames[0], m); err != nil {
			t.Fatal(err)
		}
		body := m.GetBody()
		if len(frames) == 2 {
			body = frames[1]
		}
		if m.GetVersion() != 1 || !proto.Equal(commandtest.KindOf(m), c.Kind) || !bytes.Equal(body, c.Body) {
			t.Errorf("stock protobuf reads %.200v, want %.200v", m, c)
		}
	})
}

func TestDecodeCommandReadsWhatStockProtobufWrites(t *testing.T) {
	forRandomCommands(t, func(t *testing.T, _ *rand.Rand, c command.Command) {
		if len(c.Body) == 0 {
			c.Body = nil // which stock protobuf does not write
		}
		commandtest.WantSame(t, messagetest.Must(command.Decode([][]byte{messagetest.Marshal(t, stockCommand(c))}))(t), c)
	})
}

func TestCommandsAreTwoStockSerializations(t *testing.T) {
	forRandomCommands(t, func(t *testing.T, _ *rand.Rand, c command.Command) {
		frames := messagetest.Must(c.Frames())(t)
		if len(c.Body) == 0 || len(frames) == 2 {
			return
		}
		if want := stockCommandFrame(t, stockCommand(c)); !bytes.Equal(frames[0], want) {
			t.Errorf("written as %.200x, stock protobuf writes %.200x", frames[0], want)
		}
	})
}

func TestLargeEnvelopesAreFramesOfTheirOwn(t *testing.T) {
	for size, frames := range map[int]int{0: 1, 1: 1, 127: 1, 128: 1, 4095: 1, 4096: 1, 4097: 2, 8192: 2, 100_000: 2} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			c := command.Command{Kind: &mitterev1.Item{Call: 1, Index: 2}, Body: make([]byte, size)}
			written := messagetest.Must(c.Frames())(t)
			if len(written) != frames {
				t.Fatalf("%d frames, want %d", len(written), frames)
			}
			if frames == 2 && &written[1][0] != &c.Body[0] {
				t.Error("the envelope was copied")
			}
			commandtest.WantSame(t, messagetest.Must(command.Decode(written))(t), c)
		})
	}
	document := strings.Fields(string(messagetest.Must(os.ReadFile("../../docs/wire.md"))(t)))
	if !strings.Contains(strings.Join(document, " "), "a frame of its own if the envelope has more than 4,096 bytes") {
		t.Error("the document says something else")
	}
}

func TestEnvelopesOfAnySizeAreReadFromEitherPlace(t *testing.T) {
	for _, size := range []int{1, 4096, 4097, 100_000} {
		c := command.Command{Kind: &mitterev1.Item{Call: 1}, Body: bytes.Repeat([]byte("x"), size)}
		head := messagetest.Must((&command.Command{Kind: c.Kind}).Frames())(t)[0]
		commandtest.WantSame(t, messagetest.Must(command.Decode([][]byte{head, c.Body}))(t), c)
		commandtest.WantSame(t, messagetest.Must(command.Decode([][]byte{messagetest.Marshal(t, stockCommand(c))}))(t), c)
	}
}

func TestNoPartOfACommandIsACommandWithItsKind(t *testing.T) {
	for _, v := range commandtest.Read(t).Commands {
		if !v.Canonical {
			continue
		}
		whole := v.Frames[0]
		withoutBody := len(whole) - bodyField(v)
		for n := range whole {
			c, err := command.Decode([][]byte{whole[:n]})
			if n == withoutBody && v.Body != nil {
				continue // a command without its envelope
			}
			if err == nil {
				t.Errorf("%s: the first %d of %d bytes are %v", v.Name, n, len(whole), c)
			} else {
				messagetest.WantCode(t, err, message.InvalidArgument)
			}
		}
	}
}

// bodyField returns how many bytes the field of the envelope has in its frame.
func bodyField(v commandtest.Vector) int {
	if v.Body == nil {
		return 0
	}
	return protowire.SizeTag(15) + protowire.SizeBytes(len(v.Body))
}

func TestBytesBehindACommandAreNotIgnored(t *testing.T) {
	forCommands(t, func(t *testing.T, v commandtest.Vector) {
		for _, garbage := range []string{"\x00", "\x08", "\x0a", "\x7a\x01", "\xff", "\x08\x01", "\x62\x00"} {
			frames := v.Frames
			frames[0] = append(bytes.Clone(frames[0]), garbage...)
			if c, err := command.Decode(frames); err == nil {
				t.Errorf("with % x behind it, it is %v", garbage, c)
			}
		}
	})
}

func TestUnknownFieldsInAKindAreKept(t *testing.T) {
	frame := []byte("\x08\x01\x62\x04\x98\x06\x07\x10") // field 99, and then a truncated one
	if _, err := command.Decode([][]byte{frame}); err == nil {
		t.Fatal("a truncated kind was read")
	}
	frame = []byte("\x08\x01\x62\x05\x10\x05\x98\x06\x07") // sent_at_nano, and field 99
	c := messagetest.Must(command.Decode([][]byte{frame}))(t)
	if h, ok := c.Kind.(*mitterev1.Heartbeat); !ok || h.GetSentAtNano() != 5 {
		t.Fatalf("got %T{%v}", c.Kind, c.Kind)
	}
	if again := messagetest.Must(c.Frames())(t); !bytes.Equal(again[0], frame) {
		t.Errorf("written as % x", again[0])
	}
}

func TestWhatIsNoKindIsNotWritten(t *testing.T) {
	for _, kind := range []proto.Message{nil, messagetest.Note(1), &mitterev1.Command{}, &mitterev1.Status{}, &mitterev1.Key{}} {
		c := command.Command{Kind: kind}
		_, err := c.Frames()
		messagetest.WantCode(t, err, message.Internal)
	}
}

func TestKindsThatProtobufCannotWriteAreInvalidArgument(t *testing.T) {
	c := command.Command{Kind: &mitterev1.Request{Method: "\xff"}}
	_, err := c.Frames()
	messagetest.WantCode(t, err, message.InvalidArgument)
}

func TestNewCommandPacksAnEnvelope(t *testing.T) {
	kind := &mitterev1.Item{Call: 1}
	c := messagetest.Must(command.New(kind, messagetest.Note(7), message.Subject("room")))(t)
	e := messagetest.Must(message.Decode(c.Body))(t)
	messagetest.WantEqual(t, messagetest.Must(message.Open[*testv1.Note](&e))(t), messagetest.Note(7))
	if !slices.Equal(e.Subject, []string{"room"}) || c.Kind != proto.Message(kind) {
		t.Errorf("got %v of subject %q", c.Kind, e.Subject)
	}
	if c := messagetest.Must(command.New(kind, nil))(t); c.Body != nil {
		t.Errorf("no message has the envelope % x", c.Body)
	}
}

func TestFramesOfACommandBeginAsOne(t *testing.T) {
	for frame, is := range map[string]bool{
		"": false, "\x08": false, "\x08\x01": true, "\x08\x02": true, "\x08\xff": true, "\x0a\x01": false, "\x00\x08": false,
	} {
		if command.Is([]byte(frame)) != is {
			t.Errorf("IsCommand(% x) is not %v", frame, is)
		}
	}
}

func TestKindsOfASessionAreBounded(t *testing.T) {
	for name, kind := range map[string]func(n int) proto.Message{
		"Hello":   func(n int) proto.Message { return &mitterev1.Hello{Features: make([]string, n)} },
		"Welcome": func(n int) proto.Message { return &mitterev1.Welcome{Features: make([]string, n)} },
		"Ready":   func(n int) proto.Message { return &mitterev1.Ready{Services: make([]string, n)} },
	} {
		for n, code := range map[int]message.Code{100_000: message.OK, 200_000: message.InvalidArgument} { // of two bytes each
			c := command.Command{Kind: kind(n)}
			if _, err := command.Decode(messagetest.Must(c.Frames())(t)); message.CodeOf(err) != code {
				t.Errorf("%s of %d names: got %v, want code %v", name, n, err, code)
			}
		}
	}
}
