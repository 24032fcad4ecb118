package mdp

import (
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// REQUEST goes from a client to the broker, and from the broker to a worker:
//
//	MDP/0.1  ["", "MDPC01", service, body...]  ["", "MDPW01", 02, token, "", body...]
//	MDP/0.2  ["MDPC02", 01, service, body...]  ["MDPW02", 02, token, "", body...]
//
// (RFC 7 and RFC 18, "MDP/Client", "MDP/Worker", "Request and Reply Processing".) The
// client's address is a token here that names the request, so that a reply can go to
// no other client and to no other request.

// unlimited is the credit of a request whose protocol has PARTIAL and no means to ask
// for less.
const unlimited = math.MaxInt32

// readRequest reads what a client sends behind its header.
func (s *speaker) readRequest(now time.Duration, frames [][]byte) ([]desk.Action, [][][]byte, error) {
	if s.clientRequest != "" {
		if len(frames) == 0 || string(frames[0]) != s.clientRequest {
			return nil, nil, invalid("a message of a client without the command REQUEST")
		}
		frames = frames[1:]
	}
	if len(frames) < 2 {
		return nil, nil, invalid("a request without a service and a body")
	}
	service, err := serviceName(frames[0])
	if err != nil {
		return nil, nil, err
	}
	if strings.HasPrefix(service, management) {
		actions, answer := s.manage(now, service, frames[1:])
		return actions, [][][]byte{answer}, nil
	}
	s.calls++
	r := &desk.Request{Call: s.calls, Tag: service, Content: desk.Content{Body: frames[1:]}}
	r.Service, r.Method = s.resolve(service)
	if s.clientPartial != "" {
		r.Credit = unlimited
	}
	return s.desk.Request(now, s.peer, r), nil, nil
}

// resolve returns the service that a client's frame names, and the method if it names
// one behind it: "name/full.Service/Method". A service whose whole name is that comes
// first, if it has a worker.
func (s *speaker) resolve(frame string) (service, method string) {
	name, method, found := strings.Cut(frame, "/")
	if !found || name == "" || !isMethod(method) {
		return frame, ""
	}
	if v, ok := s.desk.Service(frame); ok && v.Workers > 0 {
		return frame, ""
	}
	return name, method
}

// isMethod reports whether a text is the full name of a service of protobuf, a slash
// and the name of a method.
func isMethod(text string) bool {
	service, method, found := strings.Cut(text, "/")
	return found && protoreflect.FullName(service).IsValid() && protoreflect.Name(method).IsValid()
}

// readWorkerRequest reads a REQUEST of a worker, which only the broker sends. If it is
// valid, it is not expected, and the answer is DISCONNECT (RFC 7 and RFC 18, "Opening
// and Closing a Connection": MUST).
func (s *speaker) readWorkerRequest(now time.Duration, frames [][]byte) ([]desk.Action, error) {
	if _, _, err := s.addressed(frames); err != nil {
		return nil, err
	}
	if s.desk.Registered(s.peer) {
		return s.desk.Dismiss(now, s.peer, &mitterev1.Status{
			Code: mitterev1.Code_CODE_FAILED_PRECONDITION, Message: "the command REQUEST is the broker's",
		}), nil
	}
	return s.desk.Heartbeat(now, s.peer), nil // as from any worker that is not registered
}

// writeRequest returns a request for a worker.
func (s *speaker) writeRequest(a desk.Deliver) [][]byte {
	body := dialect.Frames(a.Request.Content)
	frames := s.toWorker(s.request, 2+max(len(body), 1))
	return appendBody(append(frames, []byte(s.desk.Token(a.Leg)), []byte{}), body)
}
