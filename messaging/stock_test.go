package messaging_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mittere/mittere/messaging"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// The codec is compared with protobuf's own, here called stock, by way of the
// generated mittere.v1.Envelope.

// stock returns the envelope as the generated type holds it.
func stock(e *messaging.Envelope) *mitterev1.Envelope {
	return &mitterev1.Envelope{
		MsgName: e.Name(),
		Subject: e.Subject,
		Msg:     &anypb.Any{TypeUrl: "type.googleapis.com/" + e.Type, Value: e.Body},
		Meta:    stockMeta(&e.Meta),
	}
}

// stockMeta returns meta as the generated type holds it, nil if it is empty.
func stockMeta(m *messaging.Meta) *mitterev1.Meta {
	s := &mitterev1.Meta{
		Sequence:    m.Sequence,
		Retained:    m.Retained,
		Traceparent: m.TraceParent,
		Tracestate:  m.TraceState,
		Metadata:    m.Metadata,
	}
	if m.Publisher != (messaging.PublisherID{}) {
		s.Publisher = m.Publisher[:]
	}
	if !m.SentAt.IsZero() {
		s.SentAtUnixNano = m.SentAt.UnixNano()
	}
	if proto.Size(s) == 0 {
		return nil
	}
	return s
}

// stockFrame writes an envelope as docs/wire.md tells other languages to: two
// stock serializations, one behind the other.
func stockFrame(t testing.TB, m *mitterev1.Envelope) []byte {
	t.Helper()
	head := &mitterev1.Envelope{MsgName: m.GetMsgName(), Subject: m.GetSubject()}
	tail := &mitterev1.Envelope{Msg: m.GetMsg(), Meta: m.GetMeta()}
	return append(marshal(t, head), marshal(t, tail)...)
}

// marshal serializes with maps in order of their keys.
func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	return must(proto.MarshalOptions{Deterministic: true}.Marshal(m))(t)
}

// parse reads a frame with protobuf's own code.
func parse(t testing.TB, frame []byte) *mitterev1.Envelope {
	t.Helper()
	m := &mitterev1.Envelope{}
	if err := proto.Unmarshal(frame, m); err != nil {
		t.Fatalf("stock protobuf does not read % x: %v", frame, err)
	}
	return m
}

// cases is how many random cases a property is checked with.
const cases = 2000

// forRandomEnvelopes runs a check with envelopes that are the same in each run.
func forRandomEnvelopes(t *testing.T, check func(t *testing.T, r *rand.Rand, e messaging.Envelope)) {
	for seed := range uint64(cases) {
		r := rand.New(rand.NewPCG(seed, 0))
		check(t, r, randomEnvelope(r))
		if t.Failed() {
			t.Fatalf("with the envelope of seed %d", seed)
		}
	}
}

// randomEnvelope returns an envelope in which anything may be set or not.
func randomEnvelope(r *rand.Rand) messaging.Envelope {
	e := messaging.Envelope{Type: randomName(r), ShortName: r.IntN(4) == 0, Body: randomBytes(r)}
	for range r.IntN(4) {
		e.Subject = append(e.Subject, randomText(r))
	}
	if r.IntN(3) > 0 {
		e.Meta = randomMeta(r)
	}
	if e.Name() == e.Type {
		e.ShortName = false // as Decode says it
	}
	return e
}

// randomMeta returns meta in which anything may be set or not.
func randomMeta(r *rand.Rand) messaging.Meta {
	var m messaging.Meta
	set := func(do func()) {
		if r.IntN(2) == 0 {
			do()
		}
	}
	set(func() { m.Publisher = messaging.PublisherID(randomLetters(r, 8)) })
	set(func() { m.Sequence = randomNumber(r) })
	set(func() { m.SentAt = time.Unix(0, int64(randomNumber(r))) })
	set(func() { m.Retained = true })
	set(func() { m.TraceParent = randomText(r) })
	set(func() { m.TraceState = randomText(r) })
	set(func() { m.Metadata = randomMetadata(r) })
	return m
}

func randomMetadata(r *rand.Rand) map[string]string {
	metadata := map[string]string{}
	for range r.IntN(5) {
		metadata[randomText(r)] = randomText(r)
	}
	return metadata
}

// randomNumber returns a number of any length in bits, never 0.
func randomNumber(r *rand.Rand) uint64 { return r.Uint64()>>r.IntN(64) | 1 }

// randomName returns the full name of a type, of one to four segments.
func randomName(r *rand.Rand) string {
	name := string(randomLetters(r, 1+r.IntN(12)))
	for range r.IntN(4) {
		name += "." + string(randomLetters(r, 1+r.IntN(12)))
	}
	return name
}

func randomLetters(r *rand.Rand, n int) []byte {
	const letters = "abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return b
}

// randomText returns text that is empty, short, not ASCII, or longer than a
// length of one byte can tell.
func randomText(r *rand.Rand) string {
	texts := []string{"", "7", "room", "dīvidere", "\x00\x12", fmt.Sprint(r.Uint64()), string(randomLetters(r, 100+r.IntN(100)))}
	return texts[r.IntN(len(texts))]
}

func randomBytes(r *rand.Rand) []byte {
	sizes := []int{0, 1, r.IntN(300), r.IntN(20000)}
	b := make([]byte, sizes[r.IntN(len(sizes))])
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// wantSameEnvelope checks that two envelopes say the same.
func wantSameEnvelope(t testing.TB, got, want *messaging.Envelope) {
	t.Helper()
	wantEqual(t, stock(got), stock(want))
	if got.Type != want.Type || got.ShortName != want.ShortName {
		t.Fatalf("got the type %q, short %v, want %q, short %v", got.Type, got.ShortName, want.Type, want.ShortName)
	}
	if !maps.Equal(got.Meta.Metadata, want.Meta.Metadata) {
		t.Fatalf("got the metadata %q, want %q", got.Meta.Metadata, want.Meta.Metadata)
	}
}
