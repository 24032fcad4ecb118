package messagetest

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mittere/mittere/messaging/message"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Stock returns the envelope as the generated type holds it.
func Stock(e *message.Envelope) *mitterev1.Envelope {
	return &mitterev1.Envelope{
		MsgName: e.Name(),
		Subject: e.Subject,
		Msg:     &anypb.Any{TypeUrl: "type.googleapis.com/" + e.Type, Value: e.Body},
		Meta:    StockMeta(&e.Meta),
	}
}

// StockMeta returns meta as the generated type holds it, nil if it is empty.
func StockMeta(m *message.Meta) *mitterev1.Meta {
	s := &mitterev1.Meta{
		Sequence:    m.Sequence,
		Retained:    m.Retained,
		Traceparent: m.TraceParent,
		Tracestate:  m.TraceState,
		Metadata:    m.Metadata,
	}
	if m.Publisher != (message.PublisherID{}) {
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
