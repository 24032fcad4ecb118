package message_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging/message"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// vectors is testdata/vectors.json, which tells of itself what its fields mean.
type vectors struct {
	Envelopes []vector
	Malformed []malformedVector
	Topics    []topicVector
}

// vector is a frame with what it means.
type vector struct {
	Name, About          string
	Hex                  messagetest.Hex
	MsgName, Type        string
	Subject              []string
	Body                 messagetest.Hex
	Message, Meta        json.RawMessage
	Unknown, MetaUnknown messagetest.Hex
	Canonical            bool
}

// malformedVector is a frame that is refused.
type malformedVector struct {
	Name, About string
	Hex         messagetest.Hex
}

// topicVector is a prefix with the frames that it selects.
type topicVector struct {
	Name, About string
	Hex         messagetest.Hex
	Type        string
	Subject     []string
	Selects     string
	Envelopes   []string
}

// readVectors returns the golden bytes. An unknown field is an error: it would be
// a check that is not made.
func readVectors(t testing.TB) vectors {
	t.Helper()
	file := messagetest.Must(os.Open("testdata/vectors.json"))(t)
	defer file.Close()
	var all struct {
		About []string
		vectors
	}
	d := json.NewDecoder(file)
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all.vectors
}

// meta returns what the vector says of meta.
func (v *vector) meta(t testing.TB) *mitterev1.Meta {
	t.Helper()
	if v.Meta == nil {
		return nil
	}
	m := &mitterev1.Meta{}
	if err := protojson.Unmarshal(v.Meta, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// envelope returns what the vector means, but for unknown fields.
func (v *vector) envelope(t testing.TB) *message.Envelope {
	t.Helper()
	m := v.meta(t)
	e := &message.Envelope{
		Type: v.Type, ShortName: v.MsgName != v.Type, Subject: v.Subject, Body: v.Body,
		Meta: message.Meta{
			Sequence: m.GetSequence(), Retained: m.GetRetained(),
			TraceParent: m.GetTraceparent(), TraceState: m.GetTracestate(), Metadata: m.GetMetadata(),
		},
	}
	copy(e.Meta.Publisher[:], m.GetPublisher())
	if m.GetSentAtUnixNano() != 0 {
		e.Meta.SentAt = time.Unix(0, m.GetSentAtUnixNano())
	}
	return e
}

// forVectors runs a check with each envelope of the golden bytes.
func forVectors(t *testing.T, check func(t *testing.T, v vector)) {
	for _, v := range readVectors(t).Envelopes {
		t.Run(v.Name, func(t *testing.T) { check(t, v) })
	}
}

func TestGoldenFramesDecodeToTheirMeaning(t *testing.T) {
	forVectors(t, func(t *testing.T, v vector) {
		e := messagetest.Must(message.Decode(v.Hex))(t)
		wantSameEnvelope(t, &e, v.envelope(t))
		if !bytes.Equal(e.Body, v.Body) {
			t.Errorf("body % x, want % x", e.Body, v.Body)
		}
	})
}

func TestGoldenFramesAreWhatAppendWrites(t *testing.T) {
	forVectors(t, func(t *testing.T, v vector) {
		e := messagetest.Must(message.Decode(v.Hex))(t)
		if again := e.Append(nil); bytes.Equal(again, v.Hex) != v.Canonical {
			t.Errorf("decoded and written again: % x\nwant the same: %v", again, v.Canonical)
		}
		if v.Unknown != nil || v.MetaUnknown != nil || !v.Canonical {
			return
		}
		if written := v.envelope(t).Append(nil); !bytes.Equal(written, v.Hex) {
			t.Errorf("written % x", written)
		}
	})
}

func TestGoldenFramesAreWhatStockProtobufReads(t *testing.T) {
	forVectors(t, func(t *testing.T, v vector) {
		m := parse(t, v.Hex)
		if m.GetMsgName() != v.MsgName || !slices.Equal(m.GetSubject(), v.Subject) || !bytes.Equal(m.GetMsg().GetValue(), v.Body) {
			t.Errorf("stock protobuf reads %v", m)
		}
		if unknown := m.ProtoReflect().GetUnknown(); !bytes.Equal(unknown, v.Unknown) {
			t.Errorf("stock protobuf keeps % x, want % x", unknown, v.Unknown)
		}
		v.wantMeta(t, m.GetMeta())
	})
}

// wantMeta checks what stock protobuf reads of meta.
func (v *vector) wantMeta(t *testing.T, got *mitterev1.Meta) {
	t.Helper()
	want := v.meta(t)
	if want != nil && v.MetaUnknown != nil {
		want.ProtoReflect().SetUnknown([]byte(v.MetaUnknown))
	}
	if want != nil {
		messagetest.WantEqual(t, got, want)
		return
	}
	if proto.Size(got) > 0 {
		t.Errorf("stock protobuf reads the meta %v, want none", got)
	}
}

func TestGoldenFramesAreTwoStockSerializations(t *testing.T) {
	forVectors(t, func(t *testing.T, v vector) {
		if !v.Canonical {
			return
		}
		written := append(stockFrame(t, parse(t, v.Hex)), v.Unknown...)
		if !bytes.Equal(written, v.Hex) {
			t.Errorf("written % x", written)
		}
	})
}

func TestGoldenFramesOpenAsTheirMessage(t *testing.T) {
	forVectors(t, func(t *testing.T, v vector) {
		e := messagetest.Must(message.Decode(v.Hex))(t)
		if v.Message == nil {
			_, err := e.Open(protoregistry.GlobalTypes)
			messagetest.WantCode(t, err, message.Unimplemented)
			return
		}
		m := messagetest.Must(e.Open(protoregistry.GlobalTypes))(t)
		want := m.ProtoReflect().New().Interface()
		if err := protojson.Unmarshal(v.Message, want); err != nil {
			t.Fatal(err)
		}
		messagetest.WantEqual(t, m, want)
	})
}

func TestGoldenFramesForwardUnknownFields(t *testing.T) {
	kept := 0
	forVectors(t, func(t *testing.T, v vector) {
		e := messagetest.Must(message.Decode(v.Hex))(t)
		m := parse(t, e.Append(nil))
		unknown := append(m.ProtoReflect().GetUnknown(), m.GetMeta().ProtoReflect().GetUnknown()...)
		if want := append(v.Unknown, v.MetaUnknown...); !bytes.Equal(unknown, want) {
			t.Errorf("forwarded unknown fields % x, want % x", unknown, want)
		}
		kept += len(unknown)
	})
	if kept == 0 {
		t.Error("no golden frame has unknown fields")
	}
}

func TestMalformedGoldenFramesAreInvalidArgument(t *testing.T) {
	for _, v := range readVectors(t).Malformed {
		t.Run(v.Name, func(t *testing.T) {
			e, err := message.Decode(v.Hex)
			messagetest.WantCode(t, err, message.InvalidArgument)
			if e.Type != "" || e.Body != nil || e.Subject != nil {
				t.Errorf("beside the error there is the envelope %+v", e)
			}
		})
	}
}

func TestGoldenNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	all := readVectors(t)
	note := func(name, about string) {
		if seen[name] || name == "" || about == "" {
			t.Errorf("the name %q is there already, or says nothing", name)
		}
		seen[name] = true
	}
	for _, v := range all.Envelopes {
		note(v.Name, v.About)
	}
	for _, v := range all.Malformed {
		note(v.Name, v.About)
	}
	for _, v := range all.Topics {
		note(v.Name, v.About)
	}
}

func TestGoldenMessagesAreGeneratedOnes(t *testing.T) {
	forVectors(t, func(t *testing.T, v vector) {
		if v.Message == nil {
			return
		}
		e := messagetest.Must(message.Decode(v.Hex))(t)
		body := messagetest.Must(proto.MarshalOptions{Deterministic: true}.Marshal(messagetest.Must(e.Open(protoregistry.GlobalTypes))(t)))(t)
		if !bytes.Equal(body, v.Body) {
			t.Errorf("the message is written as % x, want % x", body, v.Body)
		}
	})
}

// frameOf returns a golden frame.
func frameOf(t testing.TB, name string) []byte {
	t.Helper()
	for _, v := range readVectors(t).Envelopes {
		if v.Name == name {
			return v.Hex
		}
	}
	t.Fatalf("no golden frame %q", name)
	return nil
}
