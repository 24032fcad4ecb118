package message_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging/message"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// addVectors makes the golden bytes the first inputs of a target.
func addVectors(f *testing.F, add func(frame []byte)) {
	all := readVectors(f)
	for _, v := range all.Envelopes {
		add(v.Hex)
	}
	for _, v := range all.Malformed {
		add(v.Hex)
	}
}

func FuzzDecode(f *testing.F) {
	addVectors(f, func(frame []byte) { f.Add(frame) })
	f.Fuzz(func(t *testing.T, frame []byte) {
		before := bytes.Clone(frame)
		e, err := message.Decode(frame)
		if !bytes.Equal(frame, before) {
			t.Fatal("the frame was changed")
		}
		m := &mitterev1.Envelope{}
		stockErr := proto.Unmarshal(frame, m)
		if err != nil {
			messagetest.WantCode(t, err, message.InvalidArgument)
			if stockErr == nil && !refusable(frame) {
				t.Fatalf("refused with %v, and stock protobuf reads %v", err, m)
			}
			return
		}
		if stockErr != nil {
			t.Fatalf("decoded, and stock protobuf says %v", stockErr)
		}
		wantMeaning(t, &e, m)
		wantStable(t, &e)
	})
}

// wantMeaning checks that an envelope says what stock protobuf has read.
func wantMeaning(t *testing.T, e *message.Envelope, m *mitterev1.Envelope) {
	t.Helper()
	if want := messagetest.Stock(e); want.GetMsgName() != m.GetMsgName() && !strings.HasSuffix(m.GetMsgName(), "."+want.GetMsgName()) {
		t.Errorf("the name %q, want %q", want.GetMsgName(), m.GetMsgName())
	}
	url := m.GetMsg().GetTypeUrl()
	if e.Type != url[strings.LastIndexByte(url, '/')+1:] || !bytes.Equal(e.Body, m.GetMsg().GetValue()) {
		t.Errorf("got %+v, want %v", e, m)
	}
	got := &mitterev1.Envelope{Subject: e.Subject, Meta: messagetest.StockMeta(&e.Meta)}
	want := &mitterev1.Envelope{Subject: m.GetSubject(), Meta: withoutUnknown(m.GetMeta())}
	messagetest.WantEqual(t, got, want)
}

// withoutUnknown returns meta as stockMeta writes it: nothing unknown, no empty
// fields, nil if that is all.
func withoutUnknown(m *mitterev1.Meta) *mitterev1.Meta {
	if m == nil {
		return nil
	}
	m = proto.CloneOf(m)
	m.ProtoReflect().SetUnknown(nil)
	if bytes.Equal(m.GetPublisher(), make([]byte, 8)) {
		m.Publisher = nil
	}
	if proto.Size(m) == 0 {
		return nil
	}
	return m
}

// wantStable checks that an envelope is the same after it was written and read.
func wantStable(t *testing.T, e *message.Envelope) {
	t.Helper()
	frame := e.Append(nil)
	again, err := message.Decode(frame)
	if err != nil {
		t.Fatalf("written as % x: %v", frame, err)
	}
	wantSameEnvelope(t, &again, e)
	if !bytes.Equal(again.Append(nil), frame) {
		t.Fatalf("written as % x, then as % x", frame, again.Append(nil))
	}
}

func FuzzEnvelopeRoundTrip(f *testing.F) {
	f.Add("calc.v1.AddRequest", true, "room\n7", []byte("body"), []byte("12345678"), uint64(1), int64(-1), true, "parent", "state", "key=value\nkey=")
	f.Add("Note", false, "", []byte(nil), []byte(nil), uint64(0), int64(0), false, "", "", "")
	f.Fuzz(func(t *testing.T, fullName string, short bool, subject string, body, publisher []byte,
		sequence uint64, sentAt int64, retained bool, parent, state, metadata string,
	) {
		if !protoreflect.FullName(fullName).IsValid() || !valid(subject, parent, state, metadata) {
			return
		}
		e := message.Envelope{
			Type: fullName, ShortName: short && strings.Contains(fullName, "."), Body: body,
			Meta: message.Meta{
				Sequence: sequence, Retained: retained, TraceParent: parent, TraceState: state, Metadata: entries(metadata),
			},
		}
		if subject != "" {
			e.Subject = strings.Split(subject, "\n")
		}
		if sentAt != 0 {
			e.Meta.SentAt = time.Unix(0, sentAt)
		}
		copy(e.Meta.Publisher[:], publisher)
		if !bytes.Equal(e.Append(nil), stockFrame(t, messagetest.Stock(&e))) {
			t.Errorf("written % x, by stock protobuf % x", e.Append(nil), stockFrame(t, messagetest.Stock(&e)))
		}
		got := messagetest.Must(message.Decode(e.Append(nil)))(t)
		wantSameEnvelope(t, &got, &e)
	})
}

// valid reports whether texts can be sent.
func valid(texts ...string) bool {
	return !slices.ContainsFunc(texts, func(s string) bool { return !utf8.ValidString(s) })
}

// entries reads lines of key=value.
func entries(lines string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(lines) {
		key, value, _ := strings.Cut(line, "=")
		m[key] = value
	}
	return m
}

func FuzzMetaDecode(f *testing.F) {
	addVectors(f, func(frame []byte) {
		m := &mitterev1.Envelope{}
		if proto.Unmarshal(frame, m) == nil && m.GetMeta() != nil {
			f.Add(messagetest.Marshal(f, m.GetMeta()))
		}
	})
	f.Fuzz(func(t *testing.T, meta []byte) {
		e, err := message.Decode(withMeta(meta))
		m := &mitterev1.Meta{}
		stockErr := proto.Unmarshal(meta, m)
		if err != nil {
			messagetest.WantCode(t, err, message.InvalidArgument)
			if stockErr == nil && !refusableMeta(meta) {
				t.Fatalf("refused with %v, and stock protobuf reads %v", err, m)
			}
			return
		}
		if stockErr != nil {
			t.Fatalf("decoded, and stock protobuf says %v", stockErr)
		}
		messagetest.WantEqual(t, messagetest.StockMeta(&e.Meta), withoutUnknown(m))
		if size, written := message.MetaSize(&e.Meta), len(message.MetaBytes(&e.Meta)); size != written {
			t.Fatalf("size %d of %d bytes", size, written)
		}
		wantStable(t, &e)
	})
}

// bytesFields returns the fields of type bytes in what stock protobuf reads, by
// number.
func bytesFields(b []byte) map[protowire.Number][][]byte {
	fields := map[protowire.Number][][]byte{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeField(b)
		if kind == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(b)
			value, _ := protowire.ConsumeBytes(b[tag:])
			fields[number] = append(fields[number], value)
		}
		b = b[n:]
	}
	return fields
}

// refusable reports whether docs/wire.md says that a frame is malformed which
// stock protobuf reads.
func refusable(frame []byte) bool {
	fields := bytesFields(frame)
	if len(fields[1]) != 1 || len(fields[2]) != 1 {
		return true
	}
	packed := bytesFields(fields[2][0])
	if len(packed[1]) != 1 || len(packed[2]) > 1 {
		return true
	}
	url := string(packed[1][0])
	fullName, name := url[strings.LastIndexByte(url, '/')+1:], string(fields[1][0])
	return !protoreflect.FullName(fullName).IsValid() ||
		name == "" || fullName != name && !strings.HasSuffix(fullName, "."+name) ||
		slices.ContainsFunc(fields[3], refusableMeta)
}

// refusableMeta does the same for meta.
func refusableMeta(meta []byte) bool {
	return slices.ContainsFunc(bytesFields(meta)[1], func(publisher []byte) bool {
		return len(publisher) != 0 && len(publisher) != 8
	})
}

func FuzzTopicExact(f *testing.F) {
	f.Add("a.Note", "a.Note", "room\n7", "room\n7")
	f.Add("ImageMsg", "ImageMsgs", "room", "room\n7")
	f.Add("A", "AB", "\x12", "\"\x01")
	f.Fuzz(func(t *testing.T, published, wanted, publishedSubject, wantedSubject string) {
		names := protoreflect.FullName(published).IsValid() && protoreflect.FullName(wanted).IsValid()
		if !names || !valid(publishedSubject, wantedSubject) {
			return
		}
		e := message.Envelope{Type: published, Subject: strings.Split(publishedSubject, "\n"), Body: []byte("body")}
		subject := strings.Split(wantedSubject, "\n")
		frame := e.Append(nil)
		for _, c := range []struct {
			topic message.Topic
			want  bool
		}{
			{message.TopicOf(wanted, false), selects(wanted, nil, false, &e)},
			{message.TopicOf(wanted, true), selects(wanted, nil, true, &e)},
			{message.TopicOf(wanted, false, subject...), selects(wanted, subject, false, &e)},
			{message.TopicOf(wanted, true, subject...), selects(wanted, subject, true, &e)},
		} {
			if got := bytes.HasPrefix(frame, c.topic.Prefix()); got != c.want {
				t.Errorf("%v selects %s%q: %v, want %v", c.topic, e.Type, e.Subject, got, c.want)
			}
		}
	})
}
