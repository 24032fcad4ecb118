package registry

import (
	"fmt"
	"strings"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// entries returns entries of names, each with its version behind a colon.
func entries(names ...string) (list []*mitterev1.Entry) {
	for _, name := range names {
		name, version, _ := strings.Cut(name, ":")
		list = append(list, &mitterev1.Entry{Instance: &mitterev1.Instance{Name: name, Id: "1", Version: version}})
	}
	return list
}

// whole is news of the whole table.
func whole(names ...string) *mitterev1.WatchResponse {
	return &mitterev1.WatchResponse{Epoch: []byte("run"), Snapshot: &mitterev1.Snapshot{Entries: entries(names...)}}
}

// one is news of one change.
func one(kind mitterev1.Change_Kind, name string) *mitterev1.WatchResponse {
	return &mitterev1.WatchResponse{Epoch: []byte("run"), Change: &mitterev1.Change{Kind: kind, Entry: entries(name)[0]}}
}

// part is news that more belongs to.
func part(news *mitterev1.WatchResponse) *mitterev1.WatchResponse {
	news.Epoch = nil
	return news
}

func TestWatchTellsWhatIsNews(t *testing.T) {
	const put = mitterev1.Change_KIND_PUT
	words := map[EventKind]string{EventListed: "there", EventPut: "put", EventWithdrawn: "withdrawn", EventExpired: "expired", EventGone: "gone", EventLive: "live", EventAway: "away"}
	var w watch
	for i, step := range []struct {
		news *mitterev1.WatchResponse // nil: the registry is lost
		want string
	}{
		{nil, "[away]"}, // it is none
		{nil, "[]"},
		{whole("a", "b"), "[there a there b live]"},
		{whole("a", "b"), "[]"},
		{&mitterev1.WatchResponse{Epoch: []byte("run")}, "[]"},
		{one(put, "c"), "[put c]"},
		{one(put, "c:2"), "[put c]"},
		{one(mitterev1.Change_KIND_EXPIRED, "c"), "[expired c]"},
		{one(mitterev1.Change_KIND_WITHDRAWN, "b"), "[withdrawn b]"},
		{nil, "[away]"},
		{nil, "[]"},
		{whole("a:2", "d"), "[put a put d live]"},
		{part(whole("a:2")), "[]"}, // d may follow
		{part(one(put, "e")), "[]"},
		{one(put, "f"), "[gone d put e put f]"},
		{part(whole("a:2")), "[]"},
		{nil, "[away]"}, // in the midst of a table
		{whole("a:2", "e"), "[gone f live]"},
	} {
		events := w.take(step.news)
		if step.news == nil {
			events = w.lose(errNoNews)
		}
		var got []string
		for _, e := range events {
			got = append(got, strings.TrimSpace(words[e.Kind]+" "+e.Entry.GetInstance().GetName()))
		}
		if fmt.Sprint(got) != step.want {
			t.Errorf("step %d: told %v, want %s", i, got, step.want)
		}
	}
}
