package plain

import (
	"slices"
	"strings"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging/message"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// speaker is one client. Each of its requests is answered once, with one envelope, on
// the route that it came on, for a REQ could do nothing for ever without an answer.
type speaker struct {
	desk  *desk.Desk
	peer  desk.Peer
	calls uint64 // that it made
}

// statusName is the type of errors. No error is sent in answer to one.
const statusName = "mittere.v1.Status"

// Read takes a request: an envelope, of which the type leads to the service. One that
// is malformed, or leads to none, is answered with an error at once.
func (s *speaker) Read(now time.Duration, frames [][]byte) ([]desk.Action, [][][]byte, error) {
	route, body := split(frames)
	if len(body) != 1 {
		err := message.Errorf(message.InvalidArgument, "%d frames behind the route, want an envelope", len(body))
		return nil, refuse(route, err), err
	}
	e, err := message.Decode(body[0])
	switch {
	case err != nil:
		return nil, refuse(route, message.AsError(err)), err
	case e.Type == statusName:
		return nil, nil, message.Errorf(message.InvalidArgument, "a %s, which is no request", statusName)
	}
	service, wrong := s.serviceOf(e.Type)
	if wrong != nil {
		return nil, answer(route, dialect.StatusFrame(wrong.Status())), nil
	}
	s.calls++
	return s.desk.Request(now, s.peer, &desk.Request{
		Call: s.calls, Tag: route, Service: service, Content: contentOf(&e, body),
	}), nil, nil
}

// contentOf returns an envelope's frame, with what its Meta says of the request.
func contentOf(e *message.Envelope, body [][]byte) desk.Content {
	return desk.Content{
		Head:     &mitterev1.Request{Traceparent: e.Meta.TraceParent, Tracestate: e.Meta.TraceState, Metadata: e.Meta.Metadata},
		HeadSize: len(body[0]) - len(e.Body),
		Body:     body,
	}
}

// serviceOf returns the service that takes messages of a type: the one of which a
// worker says so, or else the one of that name.
func (s *speaker) serviceOf(name string) (string, *message.Error) {
	takers := s.desk.Takers(name)
	switch v, ok := s.desk.Service(name); {
	case len(takers) == 1:
		return takers[0], nil
	case len(takers) > 1:
		return "", message.Errorf(message.Unimplemented, "several services take a %s: %s", name, strings.Join(takers, ", "))
	case ok && v.Workers > 0:
		return name, nil
	default:
		return "", message.Errorf(message.Unavailable, "no worker takes a %s", name)
	}
}

// refuse answers what is malformed, if anybody waits at the end of a route.
func refuse(route [][]byte, why *message.Error) [][][]byte {
	if len(route) == 0 {
		return nil
	}
	return answer(route, dialect.StatusFrame(why.Status()))
}

// answer returns an envelope on its route, as the only answer.
func answer(route [][]byte, envelope []byte) [][][]byte {
	return [][][]byte{onRoute(route, envelope)}
}

// onRoute returns an envelope on its route.
func onRoute(route [][]byte, envelope []byte) [][]byte {
	return slices.Concat(route, [][]byte{envelope})
}

// Write returns an answer. One without content is an empty Status. Parts of an answer
// are not in the protocol, for the client takes one.
func (s *speaker) Write(action desk.Action) [][]byte {
	a, ok := action.(desk.Reply)
	if !ok {
		return nil
	}
	route, _ := a.Tag.([][]byte)
	failed, envelope := dialect.Ending(a.Answer)
	if envelope == nil {
		envelope = dialect.StatusFrame(failed)
	}
	return onRoute(route, envelope)
}

// Idle reports whether the peer has no call.
func (s *speaker) Idle() bool { return !s.desk.Waits(s.peer) }
