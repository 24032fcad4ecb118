package dialect_test

import (
	"bytes"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	dialectv1 "github.com/mittere/mittere/gen/mittere/dialect/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
)

// unwrapped returns the frames in an envelope of Frames.
func unwrapped(t testing.TB, frame []byte) [][]byte {
	t.Helper()
	e, err := messaging.Decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	m, err := messaging.Open[*dialectv1.Frames](&e)
	if err != nil {
		t.Fatal(err)
	}
	return m.GetFrames()
}

// of returns a body of texts.
func of(texts ...string) (body [][]byte) {
	for _, text := range texts {
		body = append(body, []byte(text))
	}
	return body
}

func equal(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

func TestFramesOfAnyKindAreWrappedAndUnwrapped(t *testing.T) {
	for _, body := range [][][]byte{of("hi"), of(""), of("a", "", "b"), of("\x0a\x05short"), make([][]byte, 3)} {
		wrapped := dialect.Envelope(desk.Content{Body: body})
		if got := unwrapped(t, wrapped); !equal(got, body) {
			t.Errorf("%q is wrapped as %q", body, got)
		}
		if got := dialect.Frames(desk.Content{Head: &mitterev1.Reply{}, Body: [][]byte{wrapped}}); !equal(got, body) {
			t.Errorf("%q comes back as %q", body, got)
		}
	}
	if got := unwrapped(t, dialect.Envelope(desk.Content{})); !equal(got, of("")) {
		t.Errorf("no frame is wrapped as %q", got)
	}
}

func TestEnvelopePassesAsItIs(t *testing.T) {
	hi := dialecttest.Envelope(t, wrapperspb.String("hi"))
	body := [][]byte{hi}
	if got := dialect.Envelope(desk.Content{Body: body}); &got[0] != &hi[0] {
		t.Errorf("an envelope in a frame is %q", got)
	}
	for _, head := range []any{&mitterev1.Request{}, &mitterev1.Reply{}, &mitterev1.Item{}, &mitterev1.Event{}} {
		if got := dialect.Envelope(desk.Content{Head: head, Body: of("nonsense")}); string(got) != "nonsense" {
			t.Errorf("the body of a %T is %q", head, got)
		}
		if got := dialect.Envelope(desk.Content{Head: head}); got != nil {
			t.Errorf("no body of a %T is %q", head, got)
		}
		if got := dialect.Frames(desk.Content{Head: head, Body: body}); len(got) != 1 || &got[0][0] != &hi[0] {
			t.Errorf("the body of a %T is the frames %q", head, got)
		}
		for _, odd := range [][]byte{[]byte("nonsense"), nil, dialecttest.Envelope(t, &dialectv1.Frames{})} {
			if got := dialect.Frames(desk.Content{Head: head, Body: [][]byte{odd}}); !equal(got, [][]byte{odd}) {
				t.Errorf("%q becomes %q", odd, got)
			}
		}
	}
}

// A protocol with frames of any kind may pass an envelope of Frames to one of its own.
func TestFramesWithoutAHeadAreNotTouched(t *testing.T) {
	body := [][]byte{dialecttest.Envelope(t, &dialectv1.Frames{Frames: of("a", "b")})}
	if got := dialect.Frames(desk.Content{Body: body}); !equal(got, body) {
		t.Errorf("got %q", got)
	}
}

func TestStatusInAFrameIsAnError(t *testing.T) {
	failed := &mitterev1.Status{Code: mitterev1.Code_CODE_ABORTED, Message: "no"}
	frame := dialect.StatusFrame(failed)
	for name, c := range map[string]struct {
		answer desk.Answer
		status *mitterev1.Status
		frame  []byte
	}{
		"an error":                     {desk.Answer{Status: failed}, failed, nil},
		"a frame with one":             {desk.Answer{Content: desk.Content{Body: [][]byte{frame}}}, failed, nil},
		"a frame with none":            {desk.Answer{Content: desk.Content{Body: [][]byte{dialect.StatusFrame(nil)}}}, nil, nil},
		"a typed answer that is one":   {desk.Answer{Content: desk.Content{Head: &mitterev1.Reply{}, Body: [][]byte{frame}}}, nil, frame},
		"a typed answer without any":   {desk.Answer{Content: desk.Content{Head: &mitterev1.Reply{}}}, nil, nil},
		"an envelope of another thing": {desk.Answer{Content: desk.Content{Body: [][]byte{dialecttest.Envelope(t, wrapperspb.String("hi"))}}}, nil, dialecttest.Envelope(t, wrapperspb.String("hi"))},
	} {
		status, got := dialect.Ending(c.answer)
		if !proto.Equal(status, c.status) || !bytes.Equal(got, c.frame) {
			t.Errorf("%s: got %v, %q", name, status, got)
		}
	}
	// What says that it is one, and is not, is no error.
	e := messaging.Envelope{Type: "mittere.v1.Status", Body: []byte("\x08")}
	broken := e.Append(nil)
	if status, got := dialect.Ending(desk.Answer{Content: desk.Content{Body: [][]byte{broken}}}); status != nil || !bytes.Equal(got, broken) {
		t.Errorf("a broken one: got %v, %q", status, got)
	}
}

func TestStatusThatCannotBeWrittenKeepsItsCode(t *testing.T) {
	frame := dialect.StatusFrame(&mitterev1.Status{Code: mitterev1.Code_CODE_ABORTED, Message: "\xff"})
	status, _ := dialect.Ending(desk.Answer{Content: desk.Content{Body: [][]byte{frame}}})
	if status.GetCode() != mitterev1.Code_CODE_ABORTED {
		t.Errorf("got %v", status)
	}
}

// FuzzBody has frames go from a protocol of any frames to one of envelopes and back.
func FuzzBody(f *testing.F) {
	f.Add([]byte("hi"), []byte(""), uint8(1))
	f.Add(dialecttest.Envelope(f, wrapperspb.String("hi")), []byte("x"), uint8(1))
	f.Add(dialecttest.Envelope(f, &dialectv1.Frames{Frames: of("a")}), []byte("x"), uint8(2))
	f.Add(dialect.StatusFrame(&mitterev1.Status{Code: 5}), []byte("x"), uint8(3))
	f.Fuzz(func(t *testing.T, a, b []byte, n uint8) {
		body := [][]byte{a, b, a}[:1+n%3]
		there := dialect.Envelope(desk.Content{Body: body})
		e, err := messaging.Decode(there)
		if err != nil {
			t.Fatalf("%q becomes %q, which is no envelope: %v", body, there, err)
		}
		back := dialect.Frames(desk.Content{Head: &mitterev1.Request{}, Body: [][]byte{there}})
		one := len(body) == 1 && bytes.Equal(there, a) // it passed as it is, and may be what is unwrapped
		if !equal(back, body) && !(one && e.Type == "mittere.dialect.v1.Frames") {
			t.Fatalf("%q comes back as %q", body, back)
		}
		status, envelope := dialect.Ending(desk.Answer{Content: desk.Content{Body: body}})
		if status != nil && (envelope != nil || status.GetCode() == 0) || status == nil && envelope == nil && e.Type != "mittere.v1.Status" {
			t.Fatalf("%q ends as %v, %q", body, status, envelope)
		}
	})
}
