package serving

import (
	"context"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/outbox"
)

// outgoing is a command on its way out, which nobody changes.
type outgoing struct {
	path    messaging.ReturnPath
	command messaging.Command
}

func (o *outgoing) Peer() string                      { return o.path.Peer() }
func (o *outgoing) Send(ctx context.Context) error    { return o.path.SendCommand(ctx, &o.command) }
func (o *outgoing) Size() int                         { return sizeOf(o.command) }
func (o *outgoing) Check() error                      { return o.path.Check(&o.command) }
func (o *outgoing) Keep() func(context.Context) error { return o.Send }

// describe implements outbound.
func (o *outgoing) describe() (dialect, name string, bytes int) {
	return commandDialect, nameOfKind(o.command.Kind), len(o.command.Body)
}

// say sends a command, and keeps it while the peer has no room.
func (s *Station) say(path messaging.ReturnPath, kind proto.Message) {
	s.post(path, messaging.Command{Kind: kind})
}

// post sends a command, and counts one that cannot be sent.
func (s *Station) post(path messaging.ReturnPath, c messaging.Command) {
	err := s.outbox.Send(s.road.sending, &outgoing{path, c}, outbox.Last)
	if err != nil {
		s.undeliverable(err)
	}
	if err == outbox.ErrFull {
		s.side.unread(path.Peer())
	}
}

// answer sends the answer to a call. If it is the answer's fault that it cannot be sent, or if
// there is no room for it, the caller is told that instead.
func (s *Station) answer(path messaging.ReturnPath, c messaging.Command, rank outbox.Rank) {
	err := s.outbox.Send(s.road.sending, &outgoing{path, c}, rank)
	code := messaging.CodeOf(err)
	if code == messaging.ResourceExhausted || code == messaging.InvalidArgument {
		s.post(path, messaging.Command{Kind: &mitterev1.Reply{
			Call: c.Kind.(*mitterev1.Reply).GetCall(), Instance: s.road.Instance,
			Status: messaging.Errorf(code, "the answer cannot be sent: %v", err).Status(),
		}})
		return
	}
	if err != nil {
		s.undeliverable(err)
	}
}

// undeliverable counts what could not be sent, and logs it unless its receiver is gone, which
// receivers may be at any time.
func (s *Station) undeliverable(err error) {
	s.road.stats.Undeliverable.Add(1)
	if !messaging.IsUnreachable(err) {
		s.calls.dropped.Store(true)
		s.road.warn("command not sent", "socket", s, "error", err)
	}
}

// whisper sends a command that is not kept if there is no room for it.
func (s *Station) whisper(path messaging.ReturnPath, kind proto.Message) error {
	ctx, cancel := s.side.quickly(s.road.sending)
	defer cancel()
	m := &outgoing{path, messaging.Command{Kind: kind}}
	err := m.Send(ctx)
	if err == nil {
		messageLog{s.road.Log}.sent(m)
	}
	return err
}
