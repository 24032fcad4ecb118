package reactor

import (
	"context"
	"encoding/hex"
	"log/slog"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/messaging"
)

// shower logs each message at level debug, so that an operator may see what is said.
// Where the level is higher it costs a comparison.
type shower struct{ log *slog.Logger }

// on reports whether messages are logged.
func (s shower) on() bool { return s.log.Enabled(context.Background(), slog.LevelDebug) }

// received logs a message that came.
func (s shower) received(d *messaging.Delivery) {
	if !s.on() {
		return
	}
	if d.Command != nil {
		s.show("received", d.Peer(), commandDialect, nameOfKind(d.Command.Kind), len(d.Command.Body))
		return
	}
	s.show("received", d.Peer(), plainDialect, d.Type, len(d.Body))
}

// sent logs a letter that was sent.
func (s shower) sent(l letter) {
	if s.on() {
		dialect, kind, bytes := l.kind()
		s.show("sent", l.peer(), dialect, kind, bytes)
	}
}

// The names of the two protocols, as a broker has them.
const (
	commandDialect = "mittere/1"
	plainDialect   = "plain"
)

// show logs a message. Its bytes are those of the message in it.
func (s shower) show(direction, peer, dialect, kind string, bytes int) {
	s.log.Debug(direction, "peer", hex.EncodeToString([]byte(peer)), "dialect", dialect, "type", kind, "bytes", bytes)
}

// nameOfKind returns the name of a command, such as Request.
func nameOfKind(kind proto.Message) string {
	if kind == nil {
		return "unknown"
	}
	return string(kind.ProtoReflect().Descriptor().Name())
}
