package messaging

import (
	"context"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging/message"
)

// Req sends requests and matches the replies, any number of them at once. It
// follows dīvidere's messaging.Request, whose Response it can talk to as well.
type Req struct {
	Socket
	req     *comm.Req
	encoder message.Encoder
	types   Resolver
}

// NewReq returns a request socket at these endpoints, to which it connects;
// requests go to the connected ones in turn.
func NewReq(ctx *comm.Context, endpoints string, options ...Option) (*Req, error) {
	c := configOf(options)
	req, err := comm.NewReq(ctx, endpoints, c.socket...)
	if err != nil {
		return nil, FromComm(err)
	}
	return &Req{Socket: Socket{s: req.Socket}, req: req, types: c.types}, nil
}

// Do sends a request and waits for its reply until ctx ends. An error that the
// other side replied with is an *[Error] for which Remote is true; its replies
// without content are an empty mittere.v1.Status. When time runs out, the request
// may or may not have been executed.
func (r *Req) Do(ctx context.Context, m proto.Message, options ...SendOption) (proto.Message, error) {
	var reply proto.Message
	err := r.Exchange(ctx, m, func(e *Envelope) (err error) {
		if e.Type == message.StatusName { // a success, which the resolver need not know
			reply, err = Open[*mitterev1.Status](e)
			return err
		}
		reply, err = e.Open(r.types)
		return err
	}, options...)
	return reply, err
}

// Call is [Req.Do] for callers that expect a reply of one type. Another is an
// error with code [InvalidArgument].
func Call[T proto.Message](ctx context.Context, r *Req, m proto.Message, options ...SendOption) (T, error) {
	var reply T
	err := r.Exchange(ctx, m, func(e *Envelope) (err error) {
		reply, err = Open[T](e)
		return err
	}, options...)
	return reply, err
}

// Exchange is [Req.Do] for callers that read the reply themselves: open gets its
// envelope, unless that is an error, and may keep nothing of it.
func (r *Req) Exchange(ctx context.Context, m proto.Message, open func(*Envelope) error, options ...SendOption) error {
	reply, err := r.send(ctx, m, options)
	if err != nil {
		return err
	}
	defer reply.Release()
	if len(reply.Frames) != 1 {
		r.stats.malformed.Add(1)
		return Errorf(InvalidArgument, "a reply of %d frames, want the envelope alone", len(reply.Frames))
	}
	e, err := Decode(reply.Frames[0])
	if err != nil {
		r.stats.malformed.Add(1)
		return err
	}
	if err := failure(&e); err != nil {
		return err
	}
	return open(&e)
}

// send encodes a request, sends it and returns the frames of the reply.
func (r *Req) send(ctx context.Context, m proto.Message, options []SendOption) (comm.Message, error) {
	e, err := message.Describe(m, options)
	if err != nil {
		return comm.Message{}, err
	}
	frame, err := r.encoder.Begin(&e, m)
	if err != nil {
		return comm.Message{}, err
	}
	defer r.encoder.Free(frame)
	*frame = e.AppendTail(*frame)
	reply, err := r.req.Do(ctx, *frame)
	return reply, FromComm(err)
}

// failure returns the error in a mittere.v1.Status, nil for anything else and
// for a success.
func failure(e *Envelope) error {
	if e.Type != message.StatusName {
		return nil
	}
	status, err := Open[*mitterev1.Status](e)
	if err != nil {
		return err
	}
	return FromStatus(status)
}
