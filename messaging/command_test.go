package messaging_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mittere/mittere/messaging"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// commandVectors is testdata/commands.json, which tells of itself what its fields
// mean.
type commandVectors struct {
	Commands  []commandVector
	Malformed []malformedCommand
}

// commandVector is the frames of a command with what they mean.
type commandVector struct {
	Name, About string
	Frames      []hexBytes
	Message     json.RawMessage
	Body        hexBytes
	Canonical   bool
}

// malformedCommand is the frames of what is refused.
type malformedCommand struct {
	Name, About string
	Frames      []hexBytes
	Code        string
}

// readCommands returns the golden bytes of commands. An unknown field is an error:
// it would be a check that is not made.
func readCommands(t testing.TB) commandVectors {
	t.Helper()
	file := must(os.Open("testdata/commands.json"))(t)
	defer file.Close()
	var all struct {
		About []string
		commandVectors
	}
	d := json.NewDecoder(file)
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all.commandVectors
}

// framesOf returns the frames of a vector as a codec takes them.
func framesOf(all []hexBytes) (frames [][]byte) {
	for _, frame := range all {
		frames = append(frames, frame)
	}
	return frames
}

// stock returns what the vector means as the generated type holds it, without its
// envelope; nil for a kind that is not known.
func (v *commandVector) stock(t testing.TB) *mitterev1.Command {
	t.Helper()
	if v.Message == nil {
		return nil
	}
	m := &mitterev1.Command{}
	if err := protojson.Unmarshal(v.Message, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// kindOf returns the kind of a stock command, nil for none.
func kindOf(m *mitterev1.Command) proto.Message {
	r := m.ProtoReflect()
	field := r.WhichOneof(r.Descriptor().Oneofs().ByName("kind"))
	if field == nil {
		return nil
	}
	return r.Get(field).Message().Interface()
}

// stockCommand returns a command as the generated type holds it, with an envelope
// that travels in its frame.
func stockCommand(c messaging.Command) *mitterev1.Command {
	m := &mitterev1.Command{Version: messaging.CommandVersion, Body: c.Body}
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
	return append(marshal(t, head), marshal(t, &mitterev1.Command{Body: m.GetBody()})...)
}

// wantSameCommand checks that two commands say the same, and that an empty
// envelope is not taken for none.
func wantSameCommand(t testing.TB, got, want messaging.Command) {
	t.Helper()
	if !proto.Equal(got.Kind, want.Kind) {
		t.Fatalf("got the kind %T{%v}, want %T{%v}", got.Kind, got.Kind, want.Kind, want.Kind)
	}
	if !bytes.Equal(got.Body, want.Body) || (got.Body == nil) != (want.Body == nil) {
		t.Fatalf("got the envelope %#.100v, want %#.100v", got.Body, want.Body)
	}
}

// forCommands runs a check with each command of the golden bytes.
func forCommands(t *testing.T, check func(t *testing.T, v commandVector)) {
	for _, v := range readCommands(t).Commands {
		t.Run(v.Name, func(t *testing.T) { check(t, v) })
	}
}

func TestGoldenCommandsDecodeToTheirMeaning(t *testing.T) {
	forCommands(t, func(t *testing.T, v commandVector) {
		got := must(messaging.DecodeCommand(framesOf(v.Frames)))(t)
		want := messaging.Command{Body: v.Body}
		if m := v.stock(t); m != nil {
			want.Kind = kindOf(m)
		}
		wantSameCommand(t, got, want)
		if v.Message == nil && got.Kind != nil {
			t.Errorf("an unknown kind is a %T", got.Kind)
		}
	})
}

func TestGoldenCommandsAreWhatFramesWrites(t *testing.T) {
	forCommands(t, func(t *testing.T, v commandVector) {
		if v.Message == nil {
			return
		}
		c := messaging.Command{Kind: kindOf(v.stock(t)), Body: v.Body}
		written := must(c.Frames())(t)
		if same := slices.EqualFunc(written, framesOf(v.Frames), bytes.Equal); same != v.Canonical {
			t.Errorf("written as % x\nwant the same: %v", written, v.Canonical)
		}
	})
}

func TestGoldenCommandsAreWhatStockProtobufReads(t *testing.T) {
	forCommands(t, func(t *testing.T, v commandVector) {
		m := &mitterev1.Command{}
		if err := proto.Unmarshal(v.Frames[0], m); err != nil {
			t.Fatal(err)
		}
		want := v.stock(t)
		if want == nil {
			want = &mitterev1.Command{Version: messaging.CommandVersion}
		}
		if len(v.Frames) == 1 && len(v.Body) > 0 {
			want.Body = v.Body
		}
		m.ProtoReflect().SetUnknown(nil)
		wantEqual(t, withoutEmptyBody(m), want)
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
	forCommands(t, func(t *testing.T, v commandVector) {
		if !v.Canonical || v.Body != nil && len(v.Body) == 0 {
			return // stock protobuf writes no empty body
		}
		m := v.stock(t)
		m.Body = v.Body
		if written := stockCommandFrame(t, m); !bytes.Equal(written, v.Frames[0]) {
			t.Errorf("written as % x", written)
		}
	})
}

func TestGoldenCommandsHaveEveryKind(t *testing.T) {
	seen := map[protoreflect.FullName]bool{}
	for _, v := range readCommands(t).Commands {
		if m := v.stock(t); m != nil {
			seen[kindOf(m).ProtoReflect().Descriptor().FullName()] = true
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
	forCommands(t, func(t *testing.T, v commandVector) {
		if !messaging.IsCommand(v.Frames[0]) {
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
	all := readCommands(t)
	for _, v := range all.Commands {
		note(v.Name, v.About, len(v.Frames))
	}
	for _, v := range all.Malformed {
		note(v.Name, v.About, len(v.Frames))
	}
}

func TestMalformedGoldenCommandsAreRefused(t *testing.T) {
	for _, v := range readCommands(t).Malformed {
		t.Run(v.Name, func(t *testing.T) {
			c, err := messaging.DecodeCommand(framesOf(v.Frames))
			if e := wantCode(t, err, messaging.CodeOf(err)); fmt.Sprint(e.Code) != "CODE_"+v.Code {
				t.Errorf("got %v, want code %s", err, v.Code)
			}
			if c.Kind != nil || c.Body != nil {
				t.Errorf("beside the error there is the command %v", c)
			}
		})
	}
}

// randomCommand returns a command of any kind in which anything may be set or not.
func randomCommand(r *rand.Rand) messaging.Command {
	m := &mitterev1.Command{}
	kinds := m.ProtoReflect().Descriptor().Oneofs().ByName("kind").Fields()
	kind := m.ProtoReflect().NewField(kinds.Get(r.IntN(kinds.Len()))).Message()
	randomFields(r, kind)
	c := messaging.Command{Kind: kind.Interface()}
	if r.IntN(2) == 0 {
		c.Body = randomBytes(r)
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
				m.Mutable(f).Map().Set(protoreflect.ValueOfString(randomText(r)).MapKey(), protoreflect.ValueOfString(randomText(r)))
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
		return protoreflect.ValueOfBytes(randomLetters(r, r.IntN(20)))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(randomText(r))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(r.IntN(20)))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(randomNumber(r)))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(randomNumber(r)))
	default: // uint64 and fixed64
		return protoreflect.ValueOfUint64(randomNumber(r))
	}
}

// forRandomCommands runs a check with commands that are the same in each run.
func forRandomCommands(t *testing.T, check func(t *testing.T, r *rand.Rand, c messaging.Command)) {
	for seed := range uint64(cases) {
		r := rand.New(rand.NewPCG(seed, 1))
		check(t, r, randomCommand(r))
		if t.Failed() {
			t.Fatalf("with the command of seed %d", seed)
		}
	}
}

func TestCommandsOfEveryKindSurviveTheirFrames(t *testing.T) {
	forRandomCommands(t, func(t *testing.T, _ *rand.Rand, c messaging.Command) {
		wantSameCommand(t, must(messaging.DecodeCommand(must(c.Frames())(t)))(t), c)
	})
}

func TestStockProtobufReadsWhatFramesWrites(t *testing.T) {
	forRandomCommands(t, func(t *testing.T, _ *rand.Rand, c messaging.Command) {
		frames := must(c.Frames())(t)
		m := &mitterev1.Command{}
		if err := proto.Unmarshal(frames[0], m); err != nil {
			t.Fatal(err)
		}
		body := m.GetBody()
		if len(frames) == 2 {
			body = frames[1]
		}
		if m.GetVersion() != 1 || !proto.Equal(kindOf(m), c.Kind) || !bytes.Equal(body, c.Body) {
			t.Errorf("stock protobuf reads %.200v, want %.200v", m, c)
		}
	})
}

func TestDecodeCommandReadsWhatStockProtobufWrites(t *testing.T) {
	forRandomCommands(t, func(t *testing.T, _ *rand.Rand, c messaging.Command) {
		if len(c.Body) == 0 {
			c.Body = nil // which stock protobuf does not write
		}
		wantSameCommand(t, must(messaging.DecodeCommand([][]byte{marshal(t, stockCommand(c))}))(t), c)
	})
}

func TestCommandsAreTwoStockSerializations(t *testing.T) {
	forRandomCommands(t, func(t *testing.T, _ *rand.Rand, c messaging.Command) {
		frames := must(c.Frames())(t)
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
			c := messaging.Command{Kind: &mitterev1.Item{Call: 1, Index: 2}, Body: make([]byte, size)}
			written := must(c.Frames())(t)
			if len(written) != frames {
				t.Fatalf("%d frames, want %d", len(written), frames)
			}
			if frames == 2 && &written[1][0] != &c.Body[0] {
				t.Error("the envelope was copied")
			}
			wantSameCommand(t, must(messaging.DecodeCommand(written))(t), c)
		})
	}
	document := must(os.ReadFile("../docs/wire.md"))(t)
	if !bytes.Contains(document, []byte("a frame of its own if the envelope has more than 4,096 bytes")) {
		t.Error("the document says something else")
	}
}

func TestEnvelopesOfAnySizeAreReadFromEitherPlace(t *testing.T) {
	for _, size := range []int{1, 4096, 4097, 100_000} {
		c := messaging.Command{Kind: &mitterev1.Item{Call: 1}, Body: bytes.Repeat([]byte("x"), size)}
		head := must((&messaging.Command{Kind: c.Kind}).Frames())(t)[0]
		wantSameCommand(t, must(messaging.DecodeCommand([][]byte{head, c.Body}))(t), c)
		wantSameCommand(t, must(messaging.DecodeCommand([][]byte{marshal(t, stockCommand(c))}))(t), c)
	}
}

func TestNoPartOfACommandIsACommandWithItsKind(t *testing.T) {
	for _, v := range readCommands(t).Commands {
		if !v.Canonical {
			continue
		}
		whole := v.Frames[0]
		withoutBody := len(whole) - bodyField(v)
		for n := range whole {
			c, err := messaging.DecodeCommand([][]byte{whole[:n]})
			if n == withoutBody && v.Body != nil {
				continue // a command without its envelope
			}
			if err == nil {
				t.Errorf("%s: the first %d of %d bytes are %v", v.Name, n, len(whole), c)
			} else {
				wantCode(t, err, messaging.InvalidArgument)
			}
		}
	}
}

// bodyField returns how many bytes the field of the envelope has in its frame.
func bodyField(v commandVector) int {
	if v.Body == nil {
		return 0
	}
	return protowire.SizeTag(15) + protowire.SizeBytes(len(v.Body))
}

func TestBytesBehindACommandAreNotIgnored(t *testing.T) {
	forCommands(t, func(t *testing.T, v commandVector) {
		for _, garbage := range []string{"\x00", "\x08", "\x0a", "\x7a\x01", "\xff", "\x08\x01", "\x62\x00"} {
			frames := framesOf(v.Frames)
			frames[0] = append(bytes.Clone(frames[0]), garbage...)
			if c, err := messaging.DecodeCommand(frames); err == nil {
				t.Errorf("with % x behind it, it is %v", garbage, c)
			}
		}
	})
}

func TestUnknownFieldsInAKindAreKept(t *testing.T) {
	frame := []byte("\x08\x01\x62\x04\x98\x06\x07\x10") // field 99, and then a truncated one
	if _, err := messaging.DecodeCommand([][]byte{frame}); err == nil {
		t.Fatal("a truncated kind was read")
	}
	frame = []byte("\x08\x01\x62\x05\x10\x05\x98\x06\x07") // sent_at_nano, and field 99
	c := must(messaging.DecodeCommand([][]byte{frame}))(t)
	if h, ok := c.Kind.(*mitterev1.Heartbeat); !ok || h.GetSentAtNano() != 5 {
		t.Fatalf("got %T{%v}", c.Kind, c.Kind)
	}
	if again := must(c.Frames())(t); !bytes.Equal(again[0], frame) {
		t.Errorf("written as % x", again[0])
	}
}

func TestWhatIsNoKindIsNotWritten(t *testing.T) {
	for _, kind := range []proto.Message{nil, note(1), &mitterev1.Command{}, &mitterev1.Status{}, &mitterev1.Key{}} {
		c := messaging.Command{Kind: kind}
		_, err := c.Frames()
		wantCode(t, err, messaging.Internal)
	}
}

func TestKindsThatProtobufCannotWriteAreInvalidArgument(t *testing.T) {
	c := messaging.Command{Kind: &mitterev1.Request{Method: "\xff"}}
	_, err := c.Frames()
	wantCode(t, err, messaging.InvalidArgument)
}

func TestNewCommandPacksAnEnvelope(t *testing.T) {
	kind := &mitterev1.Item{Call: 1}
	c := must(messaging.NewCommand(kind, note(7), messaging.Subject("room")))(t)
	e := must(messaging.Decode(c.Body))(t)
	wantEqual(t, must(messaging.Open[*testv1.Note](&e))(t), note(7))
	if !slices.Equal(e.Subject, []string{"room"}) || c.Kind != proto.Message(kind) {
		t.Errorf("got %v of subject %q", c.Kind, e.Subject)
	}
	if c := must(messaging.NewCommand(kind, nil))(t); c.Body != nil {
		t.Errorf("no message has the envelope % x", c.Body)
	}
}

func TestFramesOfACommandBeginAsOne(t *testing.T) {
	for frame, is := range map[string]bool{
		"": false, "\x08": false, "\x08\x01": true, "\x08\x02": true, "\x08\xff": true, "\x0a\x01": false, "\x00\x08": false,
	} {
		if messaging.IsCommand([]byte(frame)) != is {
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
		for n, code := range map[int]messaging.Code{100_000: messaging.OK, 200_000: messaging.InvalidArgument} { // of two bytes each
			c := messaging.Command{Kind: kind(n)}
			if _, err := messaging.DecodeCommand(must(c.Frames())(t)); messaging.CodeOf(err) != code {
				t.Errorf("%s of %d names: got %v, want code %v", name, n, err, code)
			}
		}
	}
}
