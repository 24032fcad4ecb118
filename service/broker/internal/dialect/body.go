package dialect

import (
	"google.golang.org/protobuf/proto"

	dialectv1 "github.com/mittere/mittere/gen/mittere/dialect/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging/message"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// The names of the types that tell something of a body.
const (
	framesName = "mittere.dialect.v1.Frames"
	statusName = "mittere.v1.Status"
)

// enveloped reports whether a content is of a protocol that has envelopes. Those put
// the command that it came in as its head; its body is one frame, an envelope, or
// none. Of other protocols a body is any frames.
func enveloped(c desk.Content) bool {
	switch c.Head.(type) {
	case *mitterev1.Request, *mitterev1.Reply, *mitterev1.Item, *mitterev1.Event:
		return true
	default:
		return false
	}
}

// Envelope returns a content's body for a peer of a protocol that has envelopes; nil if
// it has none. Of another protocol, one frame that is an envelope passes as it is, and
// anything else is wrapped as mittere.dialect.v1.Frames. It may be part of the content.
func Envelope(c desk.Content) []byte {
	envelope, _ := envelopeOf(c)
	return envelope
}

// Frames returns a content's body for a peer of a protocol that has frames of any kind.
// Of a protocol that has envelopes, one of mittere.dialect.v1.Frames is unwrapped, and
// any other is one frame. It may be part of the content.
func Frames(c desk.Content) [][]byte {
	if !enveloped(c) || len(c.Body) != 1 {
		return c.Body
	}
	e, err := message.Decode(c.Body[0])
	if err != nil || e.Type != framesName {
		return c.Body
	}
	wrapped := new(dialectv1.Frames)
	if err := proto.Unmarshal(e.Body, wrapped); err != nil || len(wrapped.GetFrames()) == 0 {
		return c.Body
	}
	return wrapped.GetFrames()
}

// Ending returns an answer for a peer of a protocol that has envelopes: an error, or an
// envelope, or neither for a success without content. Of another protocol, an envelope
// of mittere.v1.Status is the error that it says.
func Ending(a desk.Answer) (failed *mitterev1.Status, envelope []byte) {
	if a.Status != nil {
		return a.Status, nil
	}
	envelope, is := envelopeOf(a.Content)
	if is != statusName {
		return nil, envelope
	}
	e, _ := message.Decode(envelope) // which it was before
	said := new(mitterev1.Status)
	switch err := proto.Unmarshal(e.Body, said); {
	case err != nil:
		return nil, envelope
	case said.GetCode() == mitterev1.Code_CODE_UNSPECIFIED:
		return nil, nil
	default:
		return said, nil
	}
}

// StatusFrame returns an error, or with nil a success without content, as a frame with
// an envelope of mittere.v1.Status.
func StatusFrame(s *mitterev1.Status) []byte {
	if s == nil {
		s = &mitterev1.Status{}
	}
	frame, err := pack(s)
	if err != nil { // invalid UTF-8 in its text
		frame, _ = pack(&mitterev1.Status{Code: s.GetCode()})
	}
	return frame
}

// envelopeOf is Envelope, with the type of the message if it is of a protocol without
// envelopes.
func envelopeOf(c desk.Content) (envelope []byte, is string) {
	if enveloped(c) {
		if len(c.Body) == 0 {
			return nil, ""
		}
		return c.Body[0], ""
	}
	if len(c.Body) == 1 {
		if e, err := message.Decode(c.Body[0]); err == nil {
			return c.Body[0], e.Type
		}
	}
	frames := c.Body
	if len(frames) == 0 {
		frames = [][]byte{{}} // as MDP has it
	}
	envelope, _ = pack(&dialectv1.Frames{Frames: frames}) // which has no text that could be wrong
	return envelope, framesName
}

// pack returns the envelope of a message.
func pack(m proto.Message) ([]byte, error) {
	e, err := message.Pack(m)
	if err != nil {
		return nil, err
	}
	return e.Append(make([]byte, 0, len(e.Body)+2*len(e.Type)+envelopeOverhead)), nil
}

// envelopeOverhead is at least what an envelope adds to its body and twice the name of
// its type.
const envelopeOverhead = 48
