package message_test

import (
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging/message"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// The codec is compared with protobuf's own, here called stock, by way of the
// generated mittere.v1.Envelope.

// stockFrame writes an envelope as docs/wire.md tells other languages to: two
// stock serializations, one behind the other.
func stockFrame(t testing.TB, m *mitterev1.Envelope) []byte {
	t.Helper()
	head := &mitterev1.Envelope{MsgName: m.GetMsgName(), Subject: m.GetSubject()}
	tail := &mitterev1.Envelope{Msg: m.GetMsg(), Meta: m.GetMeta()}
	return append(messagetest.Marshal(t, head), messagetest.Marshal(t, tail)...)
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
func forRandomEnvelopes(t *testing.T, check func(t *testing.T, r *rand.Rand, e message.Envelope)) {
	for seed := range uint64(cases) {
		r := rand.New(rand.NewPCG(seed, 0))
		check(t, r, randomEnvelope(r))
		if t.Failed() {
			t.Fatalf("with the envelope of seed %d", seed)
		}
	}
}

// randomEnvelope returns an envelope in which anything may be set or not.
func randomEnvelope(r *rand.Rand) message.Envelope {
	e := message.Envelope{Type: randomName(r), ShortName: r.IntN(4) == 0, Body: messagetest.RandomBytes(r)}
	for range r.IntN(4) {
		e.Subject = append(e.Subject, messagetest.RandomText(r))
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
func randomMeta(r *rand.Rand) message.Meta {
	var m message.Meta
	set := func(do func()) {
		if r.IntN(2) == 0 {
			do()
		}
	}
	set(func() { m.Publisher = message.PublisherID(messagetest.RandomLetters(r, 8)) })
	set(func() { m.Sequence = messagetest.RandomNumber(r) })
	set(func() { m.SentAt = time.Unix(0, int64(messagetest.RandomNumber(r))) })
	set(func() { m.Retained = true })
	set(func() { m.TraceParent = messagetest.RandomText(r) })
	set(func() { m.TraceState = messagetest.RandomText(r) })
	set(func() { m.Metadata = randomMetadata(r) })
	return m
}

func randomMetadata(r *rand.Rand) map[string]string {
	metadata := map[string]string{}
	for range r.IntN(5) {
		metadata[messagetest.RandomText(r)] = messagetest.RandomText(r)
	}
	return metadata
}

// randomName returns the full name of a type, of one to four segments.
func randomName(r *rand.Rand) string {
	name := string(messagetest.RandomLetters(r, 1+r.IntN(12)))
	for range r.IntN(4) {
		name += "." + string(messagetest.RandomLetters(r, 1+r.IntN(12)))
	}
	return name
}

// wantSameEnvelope checks that two envelopes say the same.
func wantSameEnvelope(t testing.TB, got, want *message.Envelope) {
	t.Helper()
	messagetest.WantEqual(t, messagetest.Stock(got), messagetest.Stock(want))
	if got.Type != want.Type || got.ShortName != want.ShortName {
		t.Fatalf("got the type %q, short %v, want %q, short %v", got.Type, got.ShortName, want.Type, want.ShortName)
	}
	if !maps.Equal(got.Meta.Metadata, want.Meta.Metadata) {
		t.Fatalf("got the metadata %q, want %q", got.Meta.Metadata, want.Meta.Metadata)
	}
}
