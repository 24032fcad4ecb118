package broker_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	dialectv1 "github.com/mittere/mittere/gen/mittere/dialect/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/majordomo"
)

// caller is a client of some dialect. Any number of goroutines may ask at once.
type caller interface {
	// ask returns the answer: its parts, of which the last one is the end.
	ask(ctx context.Context, q question) (parts []content, err error)
	Close() error
}

// question is what a client asks.
type question struct {
	body   content
	method string // of the EchoService, if the dialect can name one; empty: by the body
	once   bool   // it must not be executed twice, if the dialect can say so
	oneWay bool   // no answer is wanted, if the dialect can say so
	parts  bool   // the answer may come in parts, if the dialect can say so
}

// content is frames. In dialects that have envelopes one frame that is an envelope is
// that, and anything else is a mittere.dialect.v1.Frames.
type content []string

// bodyOf returns frames as a body.
func bodyOf(frames [][]byte) (b content) {
	for _, frame := range frames {
		b = append(b, string(frame))
	}
	return b
}

// frames returns a body as frames.
func (b content) frames() (frames [][]byte) {
	for _, frame := range b {
		frames = append(frames, []byte(frame))
	}
	return frames
}

// message returns a body as a message.
func (b content) message() (proto.Message, error) {
	if len(b) == 1 {
		if e, err := messaging.Decode([]byte(b[0])); err == nil {
			return e.Open(protoregistry.GlobalTypes)
		}
	}
	return &dialectv1.Frames{Frames: b.frames()}, nil
}

// bodyIn returns a message as a body.
func bodyIn(m proto.Message) (content, error) {
	if wrapped, ok := m.(*dialectv1.Frames); ok {
		return bodyOf(wrapped.GetFrames()), nil
	}
	e, err := messaging.Pack(m)
	return content{string(e.Append(nil))}, err
}

// failure returns the error that a body is, as those say who have no other word for it.
func (b content) failure() error {
	m, err := b.message()
	if status, ok := m.(*mitterev1.Status); ok && err == nil {
		return messaging.FromStatus(status)
	}
	return nil
}

// bodyOfFailure returns an error as a body.
func bodyOfFailure(err error) content {
	b, _ := bodyIn(messaging.AsError(err).Status()) // of this test's own text
	return b
}

// nativeCaller is a client as programs have it. It repeats nothing by itself.
type nativeCaller struct{ *service.Client }

func newNativeCaller(t testing.TB, zmq *comm.Context, at places) caller {
	return nativeCaller{must(service.NewClient(zmq, suiteService, service.FromBroker(at.main), service.WithTries(1)))(t)}
}

func (n nativeCaller) ask(ctx context.Context, q question) (parts []content, err error) {
	r := &call.Request{OneWay: q.oneWay, Method: call.Method{Streaming: q.parts}}
	if q.method != "" {
		r.Method.Name = echoName + "/" + q.method
	}
	if !q.once {
		r.Method.Idempotency = call.Idempotent
	}
	if r.Message, err = q.body.message(); err != nil {
		return nil, err
	}
	err = n.Call(ctx, r, func(e *messaging.Envelope) error {
		m, err := e.Open(protoregistry.GlobalTypes)
		if err != nil {
			return err
		}
		part, err := bodyIn(m)
		parts = append(parts, part)
		return err
	})
	return parts, err
}

// plainCaller sends envelopes, as dīvidere's Request does.
type plainCaller struct{ *messaging.Req }

func newPlainCaller(t testing.TB, zmq *comm.Context, at places) caller {
	return plainCaller{must(messaging.NewReq(zmq, at.main))(t)}
}

func (p plainCaller) ask(ctx context.Context, q question) ([]content, error) {
	m, err := q.body.message()
	if err != nil {
		return nil, err
	}
	if m, err = p.Do(ctx, m); err != nil {
		return nil, err
	}
	answer, err := bodyIn(m)
	return []content{answer}, err
}

// majordomoCaller is a client of MDP. It repeats nothing by itself.
type majordomoCaller struct{ *majordomo.Client }

func newMajordomoCaller(v majordomo.Version) func(testing.TB, *comm.Context, places) caller {
	return func(t testing.TB, zmq *comm.Context, at places) caller {
		return majordomoCaller{must(majordomo.NewClient(zmq, at.main, majordomo.WithVersion(v),
			majordomo.WithRetries(0), majordomo.WithTimeout(patience), majordomo.WithConnections(suiteInFlight)))(t)}
	}
}

func (m majordomoCaller) ask(ctx context.Context, q question) (parts []content, err error) {
	name := suiteService
	if q.method != "" {
		name = strings.Join([]string{suiteService, echoName, q.method}, "/")
	}
	reply, err := m.RequestParts(ctx, name, func(part [][]byte) error {
		parts = append(parts, bodyOf(part))
		return nil
	}, q.body.frames()...)
	return append(parts, bodyOf(reply)), err
}

// pirateCaller has a socket for each request, as a Lazy Pirate for each try. In front
// of the body it has the empty frame of a REQ, or nothing, as a DEALER may.
type pirateCaller struct {
	zmq      *comm.Context
	endpoint string
	front    [][]byte
}

func newPirateCaller(front ...[]byte) func(testing.TB, *comm.Context, places) caller {
	return func(_ testing.TB, zmq *comm.Context, at places) caller { return pirateCaller{zmq, at.front, front} }
}

func (p pirateCaller) ask(ctx context.Context, q question) ([]content, error) {
	dealer, err := comm.NewDealer(p.zmq, p.endpoint, comm.WithLinger(0))
	if err != nil {
		return nil, err
	}
	defer dealer.Close()
	if err := dealer.Send(ctx, comm.NewMessage(slices.Concat(p.front, q.body.frames())...)); err != nil {
		return nil, err
	}
	m, err := dealer.Recv(ctx)
	if err != nil {
		return nil, messaging.FromComm(err)
	}
	defer m.Release()
	answer := bodyOf(m.Frames)
	if len(p.front) > 0 && (len(answer) < 2 || answer[0] != "") {
		return nil, messaging.Errorf(messaging.Internal, "%q is no answer for a REQ", answer)
	}
	answer = answer[len(p.front):]
	return []content{answer}, answer.failure()
}

// Close does nothing: who asks closes.
func (pirateCaller) Close() error { return nil }
