package messaging

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging/message"
)

// Sender is the sending half of a socket. All methods may be called by any
// number of goroutines at once.
type Sender struct {
	encoder *message.Encoder
	send    func(context.Context, comm.Message) error
}

// newSender returns a sending half that hands its frames to send.
func newSender(send func(context.Context, comm.Message) error) Sender {
	return Sender{encoder: &message.Encoder{}, send: send}
}

// Send sends one message in an envelope. While the queue is full, or nobody is
// connected, it waits until ctx ends, unless the socket's own doc says
// otherwise. An error means that nothing was sent.
func (h Sender) Send(ctx context.Context, m proto.Message, options ...SendOption) error {
	return h.sendTo(ctx, nil, m, options)
}

// sendTo sends a message with a route in front.
func (h Sender) sendTo(ctx context.Context, route Route, m proto.Message, options []SendOption) error {
	e, err := message.Describe(m, options)
	if err != nil {
		return err
	}
	frame, err := h.encoder.Begin(&e, m)
	if err != nil {
		return err
	}
	defer h.encoder.Free(frame)
	*frame = e.AppendTail(*frame)
	return h.sendFrame(ctx, route, *frame)
}

// sendFrame sends an encoded envelope with a route in front.
func (h Sender) sendFrame(ctx context.Context, route Route, frame []byte) error {
	frames := make([][]byte, 0, len(route)+1)
	frames = append(append(frames, route...), frame)
	return FromComm(h.send(ctx, comm.NewMessage(frames...)))
}
