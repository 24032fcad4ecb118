package noise

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

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
