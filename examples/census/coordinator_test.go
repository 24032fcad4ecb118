package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testOptions returns the options of a small census.
func testOptions(t *testing.T) options {
	t.Helper()
	o, err := parseOptions([]string{"-workers", "2"})
	must(t, err)
	return o
}

// mustCount counts a tree by messages, in this process; the workers are others.
func mustCount(t *testing.T, listed *tree) *report {
	t.Helper()
	t.Setenv(asProgram, "1")
	r, err := coordinate(t.Context(), listed, testOptions(t), newScreen(io.Discard))
	must(t, err)
	return r
}

func TestUnreadableFileIsNamedAndInNoTotal(t *testing.T) {
	listed := mustOpenTree(t, smallTree(t))
	must(t, os.Remove(filepath.Join(listed.root, "README"))) // after it was listed
	r := mustCount(t, listed)
	wantVerdict(t, r)
	const want = "in no total, since they cannot be read: 1\n    README: no such file or directory\n"
	if r.check.byMessages.Files != 7 || !strings.Contains(r.text(), want) {
		t.Errorf("%d files, and:\n%s", r.check.byMessages.Files, r.text())
	}
}

func TestFileThatChangedBeforeItWasSentIsCountedAsItIs(t *testing.T) {
	listed := mustOpenTree(t, smallTree(t))
	must(t, os.WriteFile(filepath.Join(listed.root, "README"), nil, 0o666))
	r := mustCount(t, listed)
	wantVerdict(t, r)
	if got := r.check.byMessages; got.Files != 8 || got.Bytes != 200122-14 {
		t.Errorf("totals %+v", got)
	}
}

func TestFileThatIsCountedDifferentlyWithoutTheBrokerIsNoticed(t *testing.T) {
	t.Setenv(asProgram, "1")
	c := newCoordinator(mustOpenTree(t, smallTree(t)), testOptions(t), newScreen(io.Discard))
	must(t, c.open())
	must(t, c.run(t.Context(), func(ctx context.Context) error {
		must(t, c.count(ctx))
		c.report.entries[3].found.words++
		return c.callDirectly(ctx)
	}))
	must(t, c.close())
	if c.report.differing != 1 {
		t.Errorf("%d files, want 1", c.report.differing)
	}
}

func TestFleetFailsIfItsWorkersKeepEnding(t *testing.T) {
	t.Setenv(asProgram, "1")
	ctx, fail := context.WithCancelCause(t.Context())
	defer fail(nil)
	f := newFleet("-help") // which ends at once
	_, err := f.start(ctx, 2, fail)
	must(t, err)
	defer f.stop()
	select {
	case <-ctx.Done():
		if err := context.Cause(ctx); !strings.Contains(err.Error(), "11 workers ended") {
			t.Errorf("error %v", err)
		}
	case <-time.After(timeLimit):
		t.Error("the fleet goes on")
	}
}

func TestFleetKillsNobodyElse(t *testing.T) {
	if newFleet().kill(int64(os.Getpid())) {
		t.Error("it says it did")
	}
}
