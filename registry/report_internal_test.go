package registry

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/internal/ratelog"
)

// TestReportSaysThatTheRegistryIsAwayAndBackAndRemindsOfIt is a registry that comes late,
// goes, stays away for long, and comes back.
func TestReportSaysThatTheRegistryIsAwayAndBackAndRemindsOfIt(t *testing.T) {
	var text bytes.Buffer
	now, why := time.Unix(1e9, 0), errors.New("no answer")
	r := &report{}
	for _, step := range []struct {
		after time.Duration
		why   error
		next  time.Duration
		says  string // "" is nothing
	}{
		{0, why, firstPatience, ""},
		{firstPatience - 1, why, 1, ""},
		{1, why, remindEvery, "does not answer yet"},
		{time.Second, nil, 0, "is back"},
		{time.Hour, nil, 0, ""},
		{0, why, remindEvery, "is away"},
		{time.Second, why, remindEvery - time.Second, ""},
		{remindEvery - time.Second, why, remindEvery, "is still away"},
		{remindEvery, why, remindEvery, "is still away"},
		{time.Second, nil, 0, "is back\" after=2m1s"},
	} {
		text.Reset()
		// The limit of the log's rate has a clock of its own.
		r.log = ratelog.New(slog.New(slog.NewTextHandler(&text, nil)))
		now = now.Add(step.after)
		if next := r.look(now, step.why); next != step.next {
			t.Errorf("at %v it looks again after %v, want %v", now, next, step.next)
		}
		if said := text.String(); !strings.Contains(said, step.says) || (step.says == "") != (said == "") {
			t.Errorf("at %v it says %q, want %q", now, said, step.says)
		}
	}
}
