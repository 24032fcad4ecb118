// Package ratelog is a rate-limited log for lines that peers can cause as often as they
// like: one a second of each kind, or a few, with long values cut. It stands beside the
// layers, uses nothing of ours, and is used by the reactor, the registry and the broker.
package ratelog

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Log writes lines of each kind at most once a second, with how many each stands for.
// It is safe for concurrent use. Make one with [New].
type Log struct {
	log *slog.Logger

	mu    sync.Mutex
	kinds map[string]*kind // few
}

// kind is what is known of one kind of line.
type kind struct {
	began   time.Time // when the second began in which lines are counted
	written int       // in that
	skipped int       // since the last one that was written
}

// New returns a log that writes there.
func New(log *slog.Logger) *Log { return &Log{log: log, kinds: map[string]*kind{}} }

// Write writes a line with these attributes, unless one with this message was written
// less than a second ago, or nobody wants lines of this level. The messages must be few,
// for each is remembered. The next line has the number of those that were left out as
// "skipped". Attributes that are strings, errors or lists of strings are cut to a length.
func (l *Log) Write(level slog.Level, message string, args ...any) {
	l.WriteOf(message, level, message, args...)
}

// WriteOf is [Log.Write] for lines whose kind is not their message.
func (l *Log) WriteOf(kind string, level slog.Level, message string, args ...any) {
	l.write(1, kind, level, message, args)
}

// WriteSome is [Log.Write] for lines of which twenty may be written in a second: each tells
// of another one, such as who came and who left.
func (l *Log) WriteSome(level slog.Level, message string, args ...any) {
	l.write(some, message, level, message, args)
}

// some is how many lines [Log.WriteSome] writes in a second.
const some = 20

// write writes a line of a kind, unless most of them were written in this second.
func (l *Log) write(most int, kind string, level slog.Level, message string, args []any) {
	ctx := context.Background()
	if !l.log.Enabled(ctx, level) {
		return
	}
	skipped, due := l.due(kind, most, time.Now())
	if !due {
		return
	}
	args = clip(args)
	if skipped > 0 {
		args = append(args, "skipped", skipped)
	}
	l.log.Log(ctx, level, message, args...)
}

// due reports whether a line may be written now, and how many of its kind were not
// since the last one.
func (l *Log) due(name string, most int, now time.Time) (skipped int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[name]
	if k == nil {
		k = &kind{}
		l.kinds[name] = k
	}
	if now.Sub(k.began) >= time.Second {
		k.began, k.written = now, 0
	}
	if k.written == most {
		k.skipped++
		return 0, false
	}
	skipped, k.skipped = k.skipped, 0
	k.written++
	return skipped, true
}
