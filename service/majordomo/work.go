package majordomo

import (
	"context"
	"runtime/debug"

	"github.com/mittere/mittere/internal/mdp"
	"github.com/mittere/mittere/messaging"
)

// answer is what a handler made of a request.
type answer struct {
	address []byte
	body    [][]byte
}

// work handles a request and hands the answer to the loop, whatever the handler does, and
// if it ends its goroutine.
func (s *session) work(c mdp.Message) {
	a := answer{c.Address, bodyOfError(messaging.Errorf(messaging.Internal, "the handler of %s did not return", s.service))}
	defer func() { s.answers <- a }()
	a.body = s.invoke(c)
}

// invoke calls the handler and returns what it answers, which may be an error. Reading
// that one may panic, too.
func (s *session) invoke(c mdp.Message) (body [][]byte) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	defer func() {
		if value := recover(); value != nil {
			s.log.Error("majordomo: the handler panicked", "service", s.service, "value", value, "stack", string(debug.Stack()))
			body = bodyOfError(messaging.Errorf(messaging.Internal, "the handler of %s panicked", s.service))
		}
	}()
	reply, err := s.handle(ctx, c.Body, func(part ...[]byte) error { return s.part(ctx, c.Address, part) })
	if err != nil {
		return bodyOfError(err)
	}
	return reply
}

// part sends a PARTIAL while its handler runs.
func (s *session) part(ctx context.Context, address []byte, body [][]byte) error {
	return messaging.FromComm(s.dealer.Send(ctx, s.command(mdp.Message{Kind: mdp.Partial, Address: address, Body: body})))
}
