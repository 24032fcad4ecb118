package serving

import (
	"context"
	"encoding/hex"
	"log/slog"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/outbox"
)

// messageLog logs each message at level debug. Where the level is higher it costs a comparison.
type messageLog struct{ log *slog.Logger }

// outbound is a message that the log can describe.
type outbound interface {
	outbox.Message
	// describe returns its protocol, the type of what is in it, and how long that is.
	describe() (dialect, name string, bytes int)
}

// on reports whether messages are logged.
func (l messageLog) on() bool { return l.log.Enabled(context.Background(), slog.LevelDebug) }

// received logs a message that came; only if messages are.
func (l messageLog) received(d *messaging.Delivery) {
	if d.Command != nil {
		l.write("received", d.Peer(), commandDialect, nameOfKind(d.Command.Kind), len(d.Command.Body))
		return
	}
	l.write("received", d.Peer(), plainDialect, d.Type, len(d.Body))
}

// sent logs a message that was sent.
func (l messageLog) sent(m outbox.Message) {
	if l.on() {
		dialect, name, bytes := m.(outbound).describe()
		l.write("sent", m.Peer(), dialect, name, bytes)
	}
}

// The names of the two protocols, as a broker has them.
const (
	commandDialect = "mittere/1"
	plainDialect   = "plain"
)

// write writes a line.
func (l messageLog) write(direction, peer, dialect, kind string, bytes int) {
	l.log.Debug(direction, "peer", hex.EncodeToString([]byte(peer)), "dialect", dialect, "type", kind, "bytes", bytes)
}

// nameOfKind returns the name of a command, such as Request.
func nameOfKind(kind proto.Message) string {
	if kind == nil {
		return "unknown"
	}
	return string(kind.ProtoReflect().Descriptor().Name())
}
