package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// screen prints text and, between it, how far the job is: on a terminal a bar in
// the last line, elsewhere a line a second. It may be used by any number of
// goroutines at once.
type screen struct {
	out      io.Writer
	terminal bool

	mu    sync.Mutex // guards what is on the screen, and what follows
	drawn bool       // the last line is a bar
	shown time.Time
}

// What a terminal is told. A line that is too long for it is cut at its edge, so
// that its width need not be known.
const (
	toLineStart = "\r"
	clearToEnd  = "\x1b[K"
	cutLines    = "\x1b[?7l"
	wrapLines   = "\x1b[?7h"
)

// newScreen returns a screen that prints to out.
func newScreen(out io.Writer) *screen {
	return &screen{out: out, terminal: isTerminal(out), shown: time.Now()}
}

// isTerminal reports whether out is a terminal that can go back in a line.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // a character device too
	return err != nil || !os.SameFile(info, null)
}

// print prints text, in place of the bar.
func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drawn {
		text = toLineStart + clearToEnd + text
		s.drawn = false
	}
	fmt.Fprint(s.out, text)
}

// show shows how far the job is, if it is time to.
func (s *screen) show(m *meter, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.terminal:
		s.draw(m, now)
	case now.Sub(s.shown) >= time.Second:
		s.shown = now
		fmt.Fprintf(s.out, "  %s\n", m.line(now))
	}
}

// draw draws the bar. Whoever calls it has the lock.
func (s *screen) draw(m *meter, now time.Time) {
	const width = 14
	done := int(m.fraction() * width)
	bar := strings.Repeat("#", done) + strings.Repeat("-", width-done)
	fmt.Fprint(s.out, toLineStart, cutLines, "  [", bar, "] ", m.line(now), clearToEnd, wrapLines)
	s.drawn = true
}

// end shows the end of the job and leaves it on the screen.
func (s *screen) end(m *meter, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal {
		s.draw(m, now)
		fmt.Fprintln(s.out)
		s.drawn = false
		return
	}
	fmt.Fprintf(s.out, "  %s\n", m.line(now))
}
