package mdp

import (
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	wire "github.com/mittere/mittere/internal/mdp"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// unlimited is the credit of a request whose protocol has PARTIAL and no means to ask
// for less.
const unlimited = math.MaxInt32

// readRequest takes a client's REQUEST (RFC 7 and RFC 18, "MDP/Client").
func (s *speaker) readRequest(now time.Duration, m wire.Message) ([]desk.Action, [][][]byte) {
	if strings.HasPrefix(m.Service, wire.Management) {
		actions, answer := s.manage(now, m.Service, m.Body)
		return actions, [][][]byte{answer}
	}
	s.calls++
	r := &desk.Request{Call: s.calls, Tag: m.Service, Content: desk.Content{Body: m.Body}}
	r.Service, r.Method = s.resolve(m.Service)
	if s.spelling.Partials(wire.Client) {
		r.Credit = unlimited
	}
	return s.desk.Request(now, s.peer, r), nil
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

// writeFinal returns the last answer for a client. An error is a body of one frame,
// an envelope of mittere.v1.Status; but a request that expired, as it does if its
// service has no worker, has no answer (RFC 7 and RFC 18, "MDP/Client": SHOULD expire).
func (s *speaker) writeFinal(a desk.Reply) [][]byte {
	service, _ := a.Tag.(string)
	status := a.Answer.Status
	switch {
	case status == nil:
		return s.reply(wire.Final, service, dialect.Frames(a.Answer.Content))
	case status.GetCode() == mitterev1.Code_CODE_DEADLINE_EXCEEDED:
		return nil
	}
	return s.reply(wire.Final, service, [][]byte{dialect.StatusFrame(status)})
}

// writePartial returns a part of an answer for a client. One of MDP/0.1 gets nothing:
// it expects one reply to each request (RFC 7, "MDP/Client"), which is the last.
func (s *speaker) writePartial(a desk.Item) [][]byte {
	service, _ := a.Tag.(string)
	return s.reply(wire.Partial, service, dialect.Frames(a.Content))
}

// reply returns a reply for a client.
func (s *speaker) reply(kind wire.Kind, service string, body [][]byte) [][]byte {
	return s.spelling.Encode(wire.Message{Role: wire.Client, Kind: kind, Service: service, Body: body})
}
