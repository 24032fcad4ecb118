package call

import (
	"context"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

// Plain makes calls to a server that speaks plain envelopes only, as dīvidere's
// services and every REP of messaging do: the request's message type says what is
// called. It has no session: a server that goes away is noticed at the deadline
// only, and whether a request was executed is not known then. All methods may be
// called by any number of goroutines at once.
type Plain struct{ request *messaging.Req }

// DialPlain returns a caller of the server at an endpoint. It must be closed.
func DialPlain(zctx *comm.Context, endpoint string, options ...comm.Option) (*Plain, error) {
	request, err := messaging.NewReq(zctx, ">"+endpoint, messaging.WithSocket(options...))
	if err != nil {
		return nil, err
	}
	return &Plain{request}, nil
}

// Close ends the connection and the calls on it.
func (p *Plain) Close() error { return p.request.Close() }

// Call makes a call; see [Caller]. Streams and targets are [messaging.Unimplemented];
// metadata, keys and timings do not travel, and a one-way call waits for the answer that a REP gives.
func (p *Plain) Call(ctx context.Context, r *Request, each func(*messaging.Envelope) error) error {
	switch {
	case r.Check() != nil:
		return r.Check()
	case r.Targeted():
		return messaging.Errorf(messaging.Unimplemented, "a target, which plain envelopes do not have").AsRefused()
	case r.Method.Streaming:
		return messaging.Errorf(messaging.Unimplemented, "%v is answered by a stream, which plain envelopes do not have", r.Method).AsRefused()
	}
	return p.request.Exchange(ctx, r.Message, func(e *messaging.Envelope) error {
		if r.OneWay || e.Type == successType {
			return nil
		}
		return each(e)
	})
}

// successType is the full name of what says that a request was done, where there
// is no other answer.
const successType = "mittere.v1.Status"
