package reactor

import (
	"encoding/hex"
	"log/slog"

	"github.com/mittere/mittere/internal/ratelog"
	"github.com/mittere/mittere/messaging"
)

// noise logs what peers can cause as often as they like: of each kind one line a
// second, with how many it stands for.
type noise struct{ log *ratelog.Log }

// newNoise returns a noise that logs there.
func newNoise(log *slog.Logger) *noise { return &noise{ratelog.New(log)} }

// peerOf says of whom a message is: its routing id in hexadecimal digits, empty where a socket
// has no other peer to tell it from.
func peerOf(d *messaging.Delivery) string { return hex.EncodeToString([]byte(d.Peer())) }

// warn logs a line, unless one with this message was logged just before.
func (n *noise) warn(message string, args ...any) { n.log.Write(slog.LevelWarn, message, args...) }

// fault logs a panic, unless one over this type was logged just before. It is the
// only trace of a bug, so that one handler's must not hide another's.
func (n *noise) fault(message, name string, value any, stack []byte) {
	n.log.WriteOf(message+name, slog.LevelError, message, "type", name, "panic", value, "stack", string(stack))
}
