package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// System is a column of the comparison: something that can be started as
// server and as client of a pattern.
type System interface {
	// Name is what -system takes.
	Name() string
	// Takes tells whether the system has the pattern.
	Takes(Pattern) bool
	// Prepare makes what Command needs, in a directory that goes at the end.
	Prepare(ctx context.Context, dir string) error
	// Command is the process that does a task; ctx ends it.
	Command(ctx context.Context, t Task) *exec.Cmd
}

// Echoer is a Go system that has PatternEcho.
//
// In this and the other two: the serving side binds a free port of loopback,
// passes its endpoint to ready and serves until ctx ends; the calling side
// hands the Meter a loop and returns its error.
type Echoer interface {
	ServeEcho(ctx context.Context, t Task, ready func(endpoint string)) error
	CallEcho(ctx context.Context, t Task, m *Meter) error
}

// Quoter is a Go system that has PatternQuote: it answers with quote(request).
type Quoter interface {
	ServeQuote(ctx context.Context, t Task, ready func(endpoint string)) error
	CallQuote(ctx context.Context, t Task, m *Meter) error
}

// Ticker is a Go system that has PatternTicks. Publish waits for a subscriber,
// sends what the Feed gives until that is nil, and keeps what is still under
// way until ctx ends; a full subscriber makes it wait, so nothing is lost.
// Subscribe passes what arrives to the Tally until that is done.
type Ticker interface {
	Publish(ctx context.Context, ready func(endpoint string), f *Feed) error
	Subscribe(ctx context.Context, endpoint string, t *Tally) error
}

// goSystem makes a System of a Go peer: the processes are this program again.
type goSystem struct {
	name string
	peer any // some of Echoer, Quoter, Ticker
}

// Name implements System.
func (g goSystem) Name() string { return g.name }

// Prepare implements System; this program is there already.
func (g goSystem) Prepare(context.Context, string) error { return nil }

// Takes implements System by what the peer has.
func (g goSystem) Takes(p Pattern) (ok bool) {
	switch p {
	case PatternEcho:
		_, ok = g.peer.(Echoer)
	case PatternQuote:
		_, ok = g.peer.(Quoter)
	case PatternTicks:
		_, ok = g.peer.(Ticker)
	}
	return ok
}

// Command implements System.
func (g goSystem) Command(ctx context.Context, t Task) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return exec.CommandContext(ctx, self, append([]string{childWord, g.name}, t.args()...)...)
}

// pickSystems returns the systems of a list of names, all for "".
func pickSystems(all []System, list string) ([]System, error) {
	if list == "" {
		return all, nil
	}
	var picked []System
	for word := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(s System) bool { return s.Name() == word })
		if i < 0 {
			return nil, fmt.Errorf("no system %q", word)
		}
		picked = append(picked, all[i])
	}
	return picked, nil
}
