package message_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging/message"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

func TestAppendWritesWhatTwoStockSerializationsMake(t *testing.T) {
	forRandomEnvelopes(t, func(t *testing.T, _ *rand.Rand, e message.Envelope) {
		if got, want := e.Append(nil), stockFrame(t, messagetest.Stock(&e)); !bytes.Equal(got, want) {
			t.Errorf("written % x\nwant    % x", got, want)
		}
	})
}

func TestStockProtobufReadsWhatAppendWrites(t *testing.T) {
	forRandomEnvelopes(t, func(t *testing.T, _ *rand.Rand, e message.Envelope) {
		messagetest.WantEqual(t, parse(t, e.Append(nil)), messagetest.Stock(&e))
	})
}

func TestDecodeReadsWhatStockProtobufWrites(t *testing.T) {
	forRandomEnvelopes(t, func(t *testing.T, _ *rand.Rand, e message.Envelope) {
		got := messagetest.Must(message.Decode(messagetest.Marshal(t, messagetest.Stock(&e))))(t)
		wantSameEnvelope(t, &got, &e)
	})
}

func TestDecodeReadsWhatAppendWrites(t *testing.T) {
	forRandomEnvelopes(t, func(t *testing.T, _ *rand.Rand, e message.Envelope) {
		got := messagetest.Must(message.Decode(e.Append(nil)))(t)
		wantSameEnvelope(t, &got, &e)
	})
}

func TestFieldsInAnyOrderDecodeAlike(t *testing.T) {
	forRandomEnvelopes(t, func(t *testing.T, r *rand.Rand, e message.Envelope) {
		e.Subject = e.Subject[:min(1, len(e.Subject))] // among themselves, segments keep their order
		fields := fieldsOf(t, e.Append(nil))
		r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		got := messagetest.Must(message.Decode(bytes.Join(fields, nil)))(t)
		wantSameEnvelope(t, &got, &e)
	})
}

// fieldsOf cuts a frame into its fields.
func fieldsOf(t testing.TB, frame []byte) (fields [][]byte) {
	t.Helper()
	for len(frame) > 0 {
		_, _, n := protowire.ConsumeField(frame)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		fields, frame = append(fields, frame[:n]), frame[n:]
	}
	return fields
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	e := message.Envelope{Type: "Note", Body: []byte("body")}
	there := []byte("there")
	if got, want := e.Append(there), append([]byte("there"), e.Append(nil)...); !bytes.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestShortNameIsTheLastSegment(t *testing.T) {
	for fullName, want := range map[string]string{
		"Note": "Note", "calc.v1.AddRequest": "AddRequest", "mittere.test.v1.Tree.Leaf": "Leaf",
	} {
		e := message.Envelope{Type: fullName, ShortName: true}
		if got := parse(t, e.Append(nil)).GetMsgName(); got != want {
			t.Errorf("the short name of %s is written as %q, want %q", fullName, got, want)
		}
	}
}

func TestNameAgreesWithTheLastSegmentsOfTheTypeOnly(t *testing.T) {
	for _, c := range []struct {
		name, fullName string
		agrees, short  bool
	}{
		{"AddRequest", "AddRequest", true, false},
		{"AddRequest", "calc.v1.AddRequest", true, true},
		{"v1.AddRequest", "calc.v1.AddRequest", true, true},
		{"calc.v1.AddRequest", "calc.v1.AddRequest", true, false},
		{"Leaf", "mittere.test.v1.Tree.Leaf", true, true},
		{"Tree.Leaf", "mittere.test.v1.Tree.Leaf", true, true},
		{"mittere.test.v1.Tree.Leaf", "mittere.test.v1.Tree.Leaf", true, false},
		{"Request", "AddRequest", false, false},
		{"Request", "calc.v1.AddRequest", false, false},
		{"1.AddRequest", "calc.v1.AddRequest", false, false},
		{".AddRequest", "calc.v1.AddRequest", false, false},
		{"Tree", "mittere.test.v1.Tree.Leaf", false, false},
		{"mittere.test.v1.Tree", "mittere.test.v1.Tree.Leaf", false, false},
		{"calc.v1.AddRequest", "AddRequest", false, false},
		{"other.v1.AddRequest", "calc.v1.AddRequest", false, false},
		{"addrequest", "calc.v1.AddRequest", false, false},
	} {
		e, err := message.Decode(named(c.name, c.fullName))
		if !c.agrees {
			messagetest.WantCode(t, err, message.InvalidArgument)
			continue
		}
		if err != nil || e.Type != c.fullName || e.ShortName != c.short {
			t.Errorf("%q of %q: got %q, short %v, %v", c.name, c.fullName, e.Type, e.ShortName, err)
		}
	}
}

// named returns a frame with this name and type, whether or not they agree.
func named(name, fullName string) []byte {
	frame := protowire.AppendTag(nil, 1, protowire.BytesType)
	frame = protowire.AppendString(frame, name)
	frame = protowire.AppendTag(frame, 2, protowire.BytesType)
	url := protowire.AppendTag(nil, 1, protowire.BytesType)
	url = protowire.AppendString(url, "type.googleapis.com/"+fullName)
	return protowire.AppendBytes(frame, url)
}

// A prefix of a frame can be a frame: one without what stands last.
func TestEveryTruncationIsATypedErrorOrTheMessageWithoutItsLastFields(t *testing.T) {
	forVectors(t, func(t *testing.T, v vector) {
		for end := range len(v.Hex) {
			checkTruncated(t, v.Hex[:end])
		}
	})
	forRandomEnvelopes(t, func(t *testing.T, r *rand.Rand, e message.Envelope) {
		frame := e.Append(nil)
		checkTruncated(t, frame[:r.IntN(len(frame))])
	})
}

// checkTruncated checks that a truncated frame is refused, unless it is cut
// between two fields behind field 2.
func checkTruncated(t *testing.T, frame []byte) {
	t.Helper()
	e, err := message.Decode(frame)
	if err != nil {
		messagetest.WantCode(t, err, message.InvalidArgument)
		return
	}
	m := parse(t, frame)
	if m.GetMsg().GetTypeUrl() == "" || m.GetMsgName() == "" {
		t.Fatalf("% x is an envelope without message", frame)
	}
	if !bytes.Equal(e.Body, m.GetMsg().GetValue()) {
		t.Fatalf("the body of % x is % x", frame, e.Body)
	}
}

func TestWrongWireTypesAreUnknownFieldsAsInProtobuf(t *testing.T) {
	whole := named("Note", "Note")
	for number := protowire.Number(1); number <= 4; number++ {
		for _, wrong := range []protowire.Type{protowire.VarintType, protowire.Fixed32Type, protowire.Fixed64Type, protowire.StartGroupType} {
			field := fieldOf(number, wrong)
			e := messagetest.Must(message.Decode(append(bytes.Clone(whole), field...)))(t)
			if again := e.Append(nil); !bytes.Equal(again, append(bytes.Clone(whole), field...)) {
				t.Errorf("field %d of wire type %d is written again as % x", number, wrong, again[len(whole):])
			}
			if _, err := message.Decode(field); err == nil {
				t.Errorf("field %d of wire type %d alone is an envelope", number, wrong)
			}
		}
	}
}

// fieldOf returns a field with some value of its wire type.
func fieldOf(number protowire.Number, kind protowire.Type) []byte {
	b := protowire.AppendTag(nil, number, kind)
	switch kind {
	case protowire.VarintType:
		return protowire.AppendVarint(b, 300)
	case protowire.Fixed32Type:
		return protowire.AppendFixed32(b, 300)
	case protowire.Fixed64Type:
		return protowire.AppendFixed64(b, 300)
	case protowire.StartGroupType:
		return protowire.AppendTag(b, number, protowire.EndGroupType)
	default:
		return protowire.AppendBytes(b, []byte("value"))
	}
}

func TestDeepNestingIsTheSameForUsAndForProtobuf(t *testing.T) {
	for _, depth := range []int{1, 100, 9000, 11000, 200000} {
		frame := append(named("Note", "Note"), nestedGroups(depth)...)
		_, err := message.Decode(frame)
		if stockErr := proto.Unmarshal(frame, &mitterev1.Envelope{}); (err == nil) != (stockErr == nil) {
			t.Errorf("%d groups: %v, stock protobuf: %v", depth, err, stockErr)
		}
		if err != nil {
			messagetest.WantCode(t, err, message.InvalidArgument)
		}
	}
}

// nestedGroups returns a group within a group within ...
func nestedGroups(depth int) (b []byte) {
	b = bytes.Repeat(protowire.AppendTag(b, 9, protowire.StartGroupType), depth)
	return append(b, bytes.Repeat(protowire.AppendTag(nil, 9, protowire.EndGroupType), depth)...)
}

func TestDecodedBodyIsAPartOfTheFrame(t *testing.T) {
	frame := (&message.Envelope{Type: "Note", Body: []byte("body")}).Append(nil)
	e := messagetest.Must(message.Decode(frame))(t)
	copy(frame[bytes.Index(frame, []byte("body")):], "BODY")
	if string(e.Body) != "BODY" {
		t.Errorf("the body is %q: a copy", e.Body)
	}
}

func TestDecodeLeavesTheFrameAsItIs(t *testing.T) {
	forRandomEnvelopes(t, func(t *testing.T, _ *rand.Rand, e message.Envelope) {
		frame := e.Append(nil)
		before := bytes.Clone(frame)
		got := messagetest.Must(message.Decode(frame))(t)
		got.Append(nil)
		if !bytes.Equal(frame, before) {
			t.Error("the frame was changed")
		}
	})
}

func TestPackAndOpenKeepTheMessage(t *testing.T) {
	for _, m := range []proto.Message{messagetest.Note(7), messagetest.Tree(5), messagetest.Scalars()["maximum"], &mitterev1.Status{}} {
		e := messagetest.Must(message.Pack(m, message.Subject("a", "b")))(t)
		frame := e.Append(nil)
		decoded := messagetest.Must(message.Decode(frame))(t)
		messagetest.WantEqual(t, messagetest.Must(decoded.Open(types))(t), m)
	}
}
