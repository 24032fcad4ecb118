package messaging_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mittere/mittere/messaging"
)

// withMeta returns a frame with these bytes in field 3.
func withMeta(meta ...[]byte) []byte {
	frame := named("Note", "Note")
	for _, m := range meta {
		frame = protowire.AppendBytes(protowire.AppendTag(frame, 3, protowire.BytesType), m)
	}
	return frame
}

func TestMetaHasTheSizeThatItSays(t *testing.T) {
	forRandomEnvelopes(t, func(t *testing.T, _ *rand.Rand, e messaging.Envelope) {
		if size, written := messaging.MetaSize(&e.Meta), len(messaging.MetaBytes(&e.Meta)); size != written {
			t.Errorf("size %d of %d bytes for %+v", size, written, e.Meta)
		}
	})
	forVectors(t, func(t *testing.T, v vector) {
		e := must(messaging.Decode(v.Hex))(t)
		if size, written := messaging.MetaSize(&e.Meta), len(messaging.MetaBytes(&e.Meta)); size != written {
			t.Errorf("size %d of %d bytes", size, written)
		}
	})
}

func TestMetaOfALaterVersionIsKept(t *testing.T) {
	forRandomEnvelopes(t, func(t *testing.T, r *rand.Rand, e messaging.Envelope) {
		var later []byte
		for _, kind := range []protowire.Type{protowire.VarintType, protowire.Fixed32Type, protowire.Fixed64Type, protowire.BytesType, protowire.StartGroupType} {
			later = append(later, fieldOf(protowire.Number(8+r.IntN(1000)), kind)...)
		}
		frame := withMeta(append(later, messaging.MetaBytes(&e.Meta)...))
		got := must(messaging.Decode(frame))(t)
		wantEqual(t, parse(t, got.Append(nil)), parse(t, frame))
		if want := append(messaging.MetaBytes(&e.Meta), later...); !bytes.Equal(messaging.MetaBytes(&got.Meta), want) {
			t.Errorf("written again as % x, want % x", messaging.MetaBytes(&got.Meta), want)
		}
	})
}

func TestMetaFieldsOfAnotherWireTypeAreUnknownOnes(t *testing.T) {
	for number := protowire.Number(1); number <= 7; number++ {
		kind := protowire.VarintType
		if number >= 2 && number <= 4 {
			kind = protowire.BytesType
		}
		frame := withMeta(fieldOf(number, kind))
		e := must(messaging.Decode(frame))(t)
		if stockMeta(&e.Meta) != nil || !bytes.Equal(e.Append(nil), frame) {
			t.Errorf("field %d of wire type %d gives %+v", number, kind, e.Meta)
		}
	}
}

func TestEmptyMetaIsNotWritten(t *testing.T) {
	plain := messaging.Envelope{Type: "Note"}
	empty := messaging.Envelope{Type: "Note", Meta: messaging.Meta{Metadata: map[string]string{}}}
	if !bytes.Equal(empty.Append(nil), plain.Append(nil)) {
		t.Errorf("written as % x", empty.Append(nil))
	}
}

func TestMetaTimesKeepTheirNanoseconds(t *testing.T) {
	for _, at := range []time.Time{
		time.Unix(0, 1), time.Unix(0, -1), time.Unix(1700000000, 123456789),
		time.Unix(0, math.MaxInt64), time.Unix(0, math.MinInt64),
		time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC), time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		e := messaging.Envelope{Type: "Note", Meta: messaging.Meta{SentAt: at}}
		frame := e.Append(nil)
		if got := must(messaging.Decode(frame))(t).Meta.SentAt; !got.Equal(at) {
			t.Errorf("%v came back as %v", at, got)
		}
		if got := parse(t, frame).GetMeta().GetSentAtUnixNano(); got != at.UnixNano() {
			t.Errorf("%v is read by stock protobuf as %d", at, got)
		}
	}
}

func TestUnixEpochIsAnUnknownTime(t *testing.T) {
	at := messaging.Envelope{Type: "Note", Meta: messaging.Meta{SentAt: time.Unix(0, 0)}}
	unknown := messaging.Envelope{Type: "Note"}
	if !bytes.Equal(at.Append(nil), unknown.Append(nil)) {
		t.Errorf("written as % x", at.Append(nil))
	}
	if got := must(messaging.Decode(at.Append(nil)))(t); !got.Meta.SentAt.IsZero() {
		t.Errorf("read as %v", got.Meta.SentAt)
	}
	explicit := withMeta([]byte{0x18, 0})
	if got := must(messaging.Decode(explicit))(t); !got.Meta.SentAt.IsZero() {
		t.Errorf("an explicit 0 is read as %v", got.Meta.SentAt)
	}
}

func TestMetadataIsWrittenInOrderOfItsKeys(t *testing.T) {
	metadata := map[string]string{}
	for range 20 {
		metadata[string(randomLetters(rand.New(rand.NewPCG(uint64(len(metadata)), 1)), 5))] = "value"
	}
	first := (&messaging.Envelope{Type: "Note", Meta: messaging.Meta{Metadata: metadata}}).Append(nil)
	for range 50 {
		e := messaging.Envelope{Type: "Note", Meta: messaging.Meta{Metadata: metadata}}
		if !bytes.Equal(e.Append(nil), first) {
			t.Fatal("the same metadata is written in two ways")
		}
	}
}

func TestMetadataEntriesReadAsProtobufReadsThem(t *testing.T) {
	entry := func(fields ...[]byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, 7, protowire.BytesType), bytes.Join(fields, nil))
	}
	key, value := []byte("\x0a\x01k"), []byte("\x12\x01v")
	for name, meta := range map[string][]byte{
		"no key":            entry(value),
		"no value":          entry(key),
		"nothing":           entry(),
		"value first":       entry(value, key),
		"key twice":         entry([]byte("\x0a\x01x"), key, value),
		"an unknown field":  entry(key, fieldOf(3, protowire.VarintType), value),
		"a key as a number": entry(fieldOf(1, protowire.VarintType), value),
		"the same key":      append(entry(key, []byte("\x12\x01u")), entry(key, value)...),
	} {
		t.Run(name, func(t *testing.T) {
			frame := withMeta(meta)
			got := must(messaging.Decode(frame))(t)
			wantEqual(t, stockMeta(&got.Meta), parse(t, frame).GetMeta())
		})
	}
}

func TestTwoMetasAreMergedAsProtobufMerges(t *testing.T) {
	forRandomEnvelopes(t, func(t *testing.T, r *rand.Rand, e messaging.Envelope) {
		second := randomMeta(r)
		frame := withMeta(messaging.MetaBytes(&e.Meta), messaging.MetaBytes(&second))
		got := must(messaging.Decode(frame))(t)
		want := parse(t, frame).GetMeta()
		if len(messaging.MetaBytes(&got.Meta)) == 0 {
			want = nil
		}
		wantEqual(t, stockMeta(&got.Meta), want)
	})
}

func TestLaterDefaultsReplaceEarlierValues(t *testing.T) {
	all, defaults := frameOf(t, "meta-all"), frameOf(t, "explicit-defaults")
	frame := withMeta(fieldOfNumber(all, 3), fieldOfNumber(defaults, 3))
	got := must(messaging.Decode(frame))(t)
	wantEqual(t, stockMeta(&got.Meta), withoutUnknown(parse(t, frame).GetMeta()))
	got.Meta.Metadata = nil // which merging adds to
	if stockMeta(&got.Meta) != nil {
		t.Errorf("what is left is %+v", got.Meta)
	}
}

// fieldOfNumber returns the first field of type bytes with this number.
func fieldOfNumber(frame []byte, number protowire.Number) []byte {
	return bytesFields(frame)[number][0]
}

func TestExplicitlyEmptyPublisherIsNone(t *testing.T) {
	e := must(messaging.Decode(withMeta([]byte{0x0a, 0})))(t)
	if e.Meta.Publisher != (messaging.PublisherID{}) {
		t.Errorf("the publisher is % x", e.Meta.Publisher)
	}
}

func TestSendOptionsSetMeta(t *testing.T) {
	e := must(messaging.Pack(note(1),
		messaging.Metadata(map[string]string{"a": "1", "b": "1"}),
		messaging.Metadata(map[string]string{"b": "2"}),
		messaging.Trace("parent", "state"),
		messaging.Subject("room", "7")))(t)
	want := messaging.Envelope{
		Type: "mittere.test.v1.Note", Subject: []string{"room", "7"}, Body: e.Body,
		Meta: messaging.Meta{TraceParent: "parent", TraceState: "state", Metadata: map[string]string{"a": "1", "b": "2"}},
	}
	wantSameEnvelope(t, &e, &want)
}

func TestTextThatNoReceiverAcceptsIsRefusedAtSend(t *testing.T) {
	for name, option := range map[string]messaging.SendOption{
		"subject":        messaging.Subject("room", "\xff"),
		"metadata key":   messaging.Metadata(map[string]string{"\xff": ""}),
		"metadata value": messaging.Metadata(map[string]string{"": "\xff"}),
		"traceparent":    messaging.Trace("\xff", ""),
		"tracestate":     messaging.Trace("", "\xff"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := messaging.Pack(note(1), option)
			wantCode(t, err, messaging.InvalidArgument)
		})
	}
}

func TestMetadataOptionLeavesTheCallersMapAlone(t *testing.T) {
	mine := map[string]string{"a": "1"}
	must(messaging.Pack(note(1), messaging.Metadata(mine), messaging.Metadata(map[string]string{"b": "2"})))(t)
	if len(mine) != 1 {
		t.Errorf("the caller's map became %v", mine)
	}
}
