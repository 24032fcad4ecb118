package serving

import (
	"encoding/hex"
	"log/slog"
	"runtime/debug"

	"github.com/mittere/mittere/messaging"
)

// guarded calls a function of the user's that is no handler. If it panics, the value is logged
// and returned.
func (r *Road) guarded(what, name string, f func()) (value any) {
	defer func() {
		if value = recover(); value != nil {
			r.panicked(what, name, value)
		}
	}()
	f()
	return nil
}

// panicked logs a panic, with the stack of the goroutine that recovered it, unless one over the
// same name was logged just before: it is the only trace of a bug, so that one handler's must
// not hide another's, but peers can cause as many as they like.
func (r *Road) panicked(what, name string, value any) {
	r.limited.WriteOf(what+name, slog.LevelError, what+" panicked", "type", name, "panic", value, "stack", string(debug.Stack()))
}

// warn logs a line, unless one with this message was logged just before.
func (r *Road) warn(message string, args ...any) { r.limited.Write(slog.LevelWarn, message, args...) }

// warnOf is warn for lines about a message of a peer.
func (s *Station) warnOf(message string, d *messaging.Delivery, err error) {
	s.road.warn(message, "socket", s, "type", d.Type, "error", err, "peer", peerOf(d))
}

// peerOf says of whom a message is: its routing id in hexadecimal digits, empty where a socket
// has no other peer to tell it from.
func peerOf(d *messaging.Delivery) string { return hex.EncodeToString([]byte(d.Peer())) }
