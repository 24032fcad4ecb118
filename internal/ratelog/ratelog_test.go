package ratelog

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSomeLinesOfAKindAreWrittenInASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		l := New(slog.New(slog.NewTextHandler(&text, nil)))
		for range 2 {
			for range 1000 {
				l.WriteSome(slog.LevelInfo, "one")
			}
			time.Sleep(time.Second)
		}
		if got := text.String(); strings.Count(got, "msg=one") != 40 || strings.Count(got, "skipped=980") != 1 {
			t.Errorf("it wrote %s", got)
		}
	})
}

func TestLongAttributesAreCut(t *testing.T) {
	var text bytes.Buffer
	l := New(slog.New(slog.NewTextHandler(&text, nil)))
	long := strings.Repeat("\u00e9", 1<<20)
	l.Write(slog.LevelWarn, "one", "text", long, "error", errors.New(long), "names", slices.Repeat([]string{long}, 1000), "number", 7)
	if got := text.String(); len(got) > 1500 || !strings.Contains(got, "(2097152 bytes)") || !strings.Contains(got, "and 995 more") || !strings.Contains(got, "number=7") {
		t.Errorf("it wrote %d bytes: %.2000s", len(got), got)
	}
	text.Reset()
	l.Write(slog.LevelWarn, "two", "stack", long)
	if text.Len() < len(long) {
		t.Error("a stack is cut")
	}
}

func TestOneLineOfAKindIsWrittenInASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		l := New(slog.New(slog.NewTextHandler(&text, nil)))
		for range 3 {
			l.Write(slog.LevelWarn, "one")
		}
		l.Write(slog.LevelWarn, "another")
		l.Write(slog.LevelDebug, "unwanted")
		time.Sleep(time.Second)
		l.Write(slog.LevelWarn, "one", "a", 1)
		if got := text.String(); strings.Count(got, "msg=one") != 2 || !strings.Contains(got, "a=1 skipped=2") || strings.Contains(got, "unwanted") || !strings.Contains(got, "another") {
			t.Errorf("it wrote %s", got)
		}
		if len(l.kinds) != 2 {
			t.Errorf("%d kinds are remembered", len(l.kinds))
		}
	})
}
