package registry

import (
	"log/slog"
	"strings"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/ratelog"
)

// TestFollowerLogsMalformedEndpoints plays an older registry, which tells of them.
func TestFollowerLogsMalformedEndpoints(t *testing.T) {
	entry := func(endpoints ...string) *mitterev1.Entry {
		return &mitterev1.Entry{Instance: &mitterev1.Instance{Name: "n", Id: "bad-1", Endpoints: endpoints}}
	}
	snapshot := func(entries ...*mitterev1.Entry) *mitterev1.WatchResponse {
		return &mitterev1.WatchResponse{Epoch: []byte{1}, Snapshot: &mitterev1.Snapshot{Entries: entries}}
	}
	change := func(kind mitterev1.Change_Kind) *mitterev1.WatchResponse {
		return &mitterev1.WatchResponse{Epoch: []byte{1}, Change: &mitterev1.Change{Kind: kind, Entry: entry("tcp://h")}}
	}
	good := entry("tcp://h:1")
	for name, c := range map[string]struct {
		news *mitterev1.WatchResponse
		says string
	}{
		"one beside a good instance": {snapshot(good, entry("tcp://h:70000")), "tcp://h:70000"},
		"one beside a good endpoint": {snapshot(entry("tcp://h:1", "tcp://a b:1")), "tcp://a b:1"},
		"one that is new":            {change(mitterev1.Change_KIND_PUT), "tcp://h"},
		"one that goes":              {change(mitterev1.Change_KIND_WITHDRAWN), ""},
		"none":                       {snapshot(good), ""},
	} {
		var text strings.Builder
		client := &Client{limited: ratelog.New(slog.New(slog.NewTextHandler(&text, nil)))}
		f := &Follower{client: client}
		f.take(c.news)
		said := text.String()
		if !strings.Contains(said, c.says) || strings.Contains(said, "bad-1") != (c.says != "") {
			t.Errorf("%s: the log has %q, want %q", name, said, c.says)
		}
	}
}
