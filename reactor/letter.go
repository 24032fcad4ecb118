package reactor

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// replyLetter is the answer to a plain envelope.
type replyLetter struct {
	delivery *messaging.Delivery
	reply    proto.Message
}

func (l *replyLetter) peer() string                   { return l.delivery.Peer() }
func (l *replyLetter) send(ctx context.Context) error { return l.delivery.Reply(ctx, l.reply) }
func (l *replyLetter) kind() (dialect, name string, bytes int) {
	return plainDialect, string(l.reply.ProtoReflect().Descriptor().FullName()), proto.Size(l.reply)
}
func (l *replyLetter) size() int    { return proto.Size(l.reply) }
func (l *replyLetter) check() error { return nil } // whoever asked so has no session

func (l *replyLetter) keep() func(context.Context) error {
	path, reply := l.delivery.ReturnPath(), proto.Clone(l.reply)
	return func(ctx context.Context) error { return path.Send(ctx, reply) }
}

// commandLetter is a command, which nobody changes.
type commandLetter struct {
	path    messaging.ReturnPath
	command messaging.Command
}

func (l *commandLetter) peer() string                   { return l.path.Peer() }
func (l *commandLetter) send(ctx context.Context) error { return l.path.SendCommand(ctx, &l.command) }
func (l *commandLetter) kind() (dialect, name string, bytes int) {
	return commandDialect, nameOfKind(l.command.Kind), len(l.command.Body)
}
func (l *commandLetter) size() int                         { return sizeOf(l.command) }
func (l *commandLetter) check() error                      { return l.path.Check(&l.command) }
func (l *commandLetter) keep() func(context.Context) error { return l.send }
