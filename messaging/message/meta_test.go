package message_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging/message"
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
	forRandomEnvelopes(t, func(t *testing.T, _ *rand.Rand, e message.Envelope) {
		if size, written := message.MetaSize(&e.Meta), len(message.MetaBytes(&e.Meta)); size != written {
			t.Errorf("size %d of %d bytes for %+v", size, written, e.Meta)
		}
	})
	forVectors(t, func(t *testing.T, v vector) {
		e := messagetest.Must(message.Decode(v.Hex))(t)
		if size, written := message.MetaSize(&e.Meta), len(message.MetaBytes(&e.Meta)); size != written {
			t.Errorf("size %d of %d bytes", size, written)
		}
	})
}

func TestMetaOfALaterVersionIsKept(t *testing.T) {
	forRandomEnvelopes(t, func(t *testing.T, r *rand.Rand, e message.Envelope) {
		var later []byte
		for _, kind := range []protowire.Type{protowire.VarintType, protowire.Fixed32Type, protowire.Fixed64Type, protowire.BytesType, protowire.StartGroupType} {
			later = append(later, fieldOf(protowire.Number(8+r.IntN(1000)), kind)...)
		}
		frame := withMeta(append(later, message.MetaBytes(&e.Meta)...))
		got := messagetest.Must(message.Decode(frame))(t)
		messagetest.WantEqual(t, parse(t, got.Append(nil)), parse(t, frame))
		if want := append(message.MetaBytes(&e.Meta), later...); !bytes.Equal(message.MetaBytes(&got.Meta), want) {
			t.Errorf("written again as % x, want % x", message.MetaBytes(&got.Meta), want)
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
		e := messagetest.Must(message.Decode(frame))(t)
		if messagetest.StockMeta(&e.Meta) != nil || !bytes.Equal(e.Append(nil), frame) {
			t.Errorf("field %d of wire type %d gives %+v", number, kind, e.Meta)
		}
	}
}

func TestEmptyMetaIsNotWritten(t *testing.T) {
	plain := message.Envelope{Type: "Note"}
	empty := message.Envelope{Type: "Note", Meta: message.Meta{Metadata: map[string]string{}}}
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
		e := message.Envelope{Type: "Note", Meta: message.Meta{SentAt: at}}
		frame := e.Append(nil)
		if got := messagetest.Must(message.Decode(frame))(t).Meta.SentAt; !got.Equal(at) {
			t.Errorf("%v came back as %v", at, got)
		}
		if got := parse(t, frame).GetMeta().GetSentAtUnixNano(); got != at.UnixNano() {
			t.Errorf("%v is read by stock protobuf as %d", at, got)
		}
	}
}

func TestUnixEpochIsAnUnknownTime(t *testing.T) {
	at := message.Envelope{Type: "Note", Meta: message.Meta{SentAt: time.Unix(0, 0)}}
	unknown := message.Envelope{Type: "Note"}
	if !bytes.Equal(at.Append(nil), unknown.Append(nil)) {
		t.Errorf("written as % x", at.Append(nil))
	}
	if got := messagetest.Must(message.Decode(at.Append(nil)))(t); !got.Meta.SentAt.IsZero() {
		t.Errorf("read as %v", got.Meta.SentAt)
	}
	explicit := withMeta([]byte{0x18, 0})
	if got := messagetest.Must(message.Decode(explicit))(t); !got.Meta.SentAt.IsZero() {
		t.Errorf("an explicit 0 is read as %v", got.Meta.SentAt)
	}
}

func TestMetadataIsWrittenInOrderOfItsKeys(t *testing.T) {
	metadata := map[string]string{}
	for range 20 {
		metadata[string(messagetest.RandomLetters(rand.New(rand.NewPCG(uint64(len(metadata)), 1)), 5))] = "value"
	}
	first := (&message.Envelope{Type: "Note", Meta: message.Meta{Metadata: metadata}}).Append(nil)
	for range 50 {
		e := message.Envelope{Type: "Note", Meta: message.Meta{Metadata: metadata}}
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
			got := messagetest.Must(message.Decode(frame))(t)
			messagetest.WantEqual(t, messagetest.StockMeta(&got.Meta), parse(t, frame).GetMeta())
		})
	}
}

func TestTwoMetasAreMergedAsProtobufMerges(t *testing.T) {
	forRandomEnvelopes(t, func(t *testing.T, r *rand.Rand, e message.Envelope) {
		second := randomMeta(r)
		frame := withMeta(message.MetaBytes(&e.Meta), message.MetaBytes(&second))
		got := messagetest.Must(message.Decode(frame))(t)
		want := parse(t, frame).GetMeta()
		if len(message.MetaBytes(&got.Meta)) == 0 {
			want = nil
		}
		messagetest.WantEqual(t, messagetest.StockMeta(&got.Meta), want)
	})
}

func TestLaterDefaultsReplaceEarlierValues(t *testing.T) {
	all, defaults := frameOf(t, "meta-all"), frameOf(t, "explicit-defaults")
	frame := withMeta(fieldOfNumber(all, 3), fieldOfNumber(defaults, 3))
	got := messagetest.Must(message.Decode(frame))(t)
	messagetest.WantEqual(t, messagetest.StockMeta(&got.Meta), withoutUnknown(parse(t, frame).GetMeta()))
	got.Meta.Metadata = nil // which merging adds to
	if messagetest.StockMeta(&got.Meta) != nil {
		t.Errorf("what is left is %+v", got.Meta)
	}
}

// fieldOfNumber returns the first field of type bytes with this number.
func fieldOfNumber(frame []byte, number protowire.Number) []byte {
	return bytesFields(frame)[number][0]
}

func TestExplicitlyEmptyPublisherIsNone(t *testing.T) {
	e := messagetest.Must(message.Decode(withMeta([]byte{0x0a, 0})))(t)
	if e.Meta.Publisher != (message.PublisherID{}) {
		t.Errorf("the publisher is % x", e.Meta.Publisher)
	}
}

func TestSendOptionsSetMeta(t *testing.T) {
	e := messagetest.Must(message.Pack(messagetest.Note(1),
		message.Metadata(map[string]string{"a": "1", "b": "1"}),
		message.Metadata(map[string]string{"b": "2"}),
		message.Trace("parent", "state"),
		message.Subject("room", "7")))(t)
	want := message.Envelope{
		Type: "mittere.test.v1.Note", Subject: []string{"room", "7"}, Body: e.Body,
		Meta: message.Meta{TraceParent: "parent", TraceState: "state", Metadata: map[string]string{"a": "1", "b": "2"}},
	}
	wantSameEnvelope(t, &e, &want)
}

func TestTextThatNoReceiverAcceptsIsRefusedAtSend(t *testing.T) {
	for name, option := range map[string]message.Option{
		"subject":        message.Subject("room", "\xff"),
		"metadata key":   message.Metadata(map[string]string{"\xff": ""}),
		"metadata value": message.Metadata(map[string]string{"": "\xff"}),
		"traceparent":    message.Trace("\xff", ""),
		"tracestate":     message.Trace("", "\xff"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := message.Pack(messagetest.Note(1), option)
			messagetest.WantCode(t, err, message.InvalidArgument)
		})
	}
}

func TestMetadataOptionLeavesTheCallersMapAlone(t *testing.T) {
	mine := map[string]string{"a": "1"}
	messagetest.Must(message.Pack(messagetest.Note(1), message.Metadata(mine), message.Metadata(map[string]string{"b": "2"})))(t)
	if len(mine) != 1 {
		t.Errorf("the caller's map became %v", mine)
	}
}
