package dialecttest

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging/message"
)

// Frames returns the frames of a message that is written with | between them.
func Frames(message string) (frames [][]byte) {
	for frame := range strings.SplitSeq(message, "|") {
		frames = append(frames, []byte(frame))
	}
	return frames
}

// FrameText returns a frame as text: a typed error as its code, such as <NOT_FOUND>.
func FrameText(frame []byte) string {
	e, err := message.Decode(frame)
	if err != nil || e.Type != "mittere.v1.Status" {
		return string(frame)
	}
	s := new(mitterev1.Status)
	if proto.Unmarshal(e.Body, s) != nil {
		return string(frame)
	}
	return "<" + Code(s) + ">"
}

// Code returns the code of an error.
func Code(s *mitterev1.Status) string { return strings.TrimPrefix(s.GetCode().String(), "CODE_") }

// Envelope returns the frame of an envelope with a message.
func Envelope(t testing.TB, m proto.Message) []byte {
	t.Helper()
	e, err := message.Pack(m)
	if err != nil {
		t.Fatal(err)
	}
	return e.Append(nil)
}

// TextEnvelope returns the frame of an envelope with a text.
func TextEnvelope(t testing.TB, text string) []byte {
	t.Helper()
	return Envelope(t, wrapperspb.String(text))
}

// EnvelopeText returns the text in an envelope of one, false for any other frame.
func EnvelopeText(frame []byte) (text string, ok bool) {
	e, err := message.Decode(frame)
	if err != nil || e.Type != "google.protobuf.StringValue" {
		return "", false
	}
	m := new(wrapperspb.StringValue)
	ok = proto.Unmarshal(e.Body, m) == nil
	return m.GetValue(), ok
}
