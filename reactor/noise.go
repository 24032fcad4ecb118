package reactor

import (
	"log/slog"
	"sync"
	"time"
)

// noise logs what peers can cause as often as they like: one line a second, with
// how many it stands for.
type noise struct {
	log *slog.Logger

	mu      sync.Mutex
	last    time.Time
	skipped int
}

// warn logs a line, unless one was logged just before.
func (n *noise) warn(message string, args ...any) {
	skipped, due := n.due(time.Now())
	if !due {
		return
	}
	if skipped > 0 {
		args = append(args, "skipped", skipped)
	}
	n.log.Warn(message, args...)
}

// due reports whether a line may be logged now, and how many were not since the
// last one.
func (n *noise) due(now time.Time) (skipped int, due bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.Sub(n.last) < time.Second {
		n.skipped++
		return 0, false
	}
	skipped, n.skipped, n.last = n.skipped, 0, now
	return skipped, true
}
