package reactor

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// noise logs what peers can cause as often as they like: of each kind one line a
// second, with how many it stands for.
type noise struct {
	log *slog.Logger

	mu    sync.Mutex
	kinds map[string]*kind // as many as there are in the code, and message types with a handler
}

// kind is what is known of one kind of line.
type kind struct {
	last    time.Time
	skipped int
}

// newNoise returns a noise that logs there.
func newNoise(log *slog.Logger) *noise { return &noise{log: log, kinds: map[string]*kind{}} }

// warn logs a line, unless one with this message was logged just before.
func (n *noise) warn(message string, args ...any) { n.write(slog.LevelWarn, message, message, args) }

// fault logs a panic, unless one over this type was logged just before. It is the
// only trace of a bug, so that one handler's must not hide another's.
func (n *noise) fault(message, name string, value any, stack []byte) {
	n.write(slog.LevelError, message+name, message, []any{"type", name, "panic", value, "stack", string(stack)})
}

// write logs a line, unless one of its kind was logged just before.
func (n *noise) write(level slog.Level, kind, message string, args []any) {
	skipped, due := n.due(kind, time.Now())
	if !due {
		return
	}
	if skipped > 0 {
		args = append(args, "skipped", skipped)
	}
	n.log.Log(context.Background(), level, message, args...)
}

// due reports whether a line may be logged now, and how many of its kind were not
// since the last one.
func (n *noise) due(name string, now time.Time) (skipped int, due bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := n.kinds[name]
	if k == nil {
		k = &kind{}
		n.kinds[name] = k
	}
	if now.Sub(k.last) < time.Second {
		k.skipped++
		return 0, false
	}
	skipped, k.skipped, k.last = k.skipped, 0, now
	return skipped, true
}
