package main

import (
	"fmt"
	"strings"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry/store"
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

func TestTableTellsWhatIsNews(t *testing.T) {
	const put = mitterev1.Change_KIND_PUT
	table := table{entries: map[store.Key]*mitterev1.Entry{}}
	for i, step := range []struct {
		news *mitterev1.WatchResponse
		want string
	}{
		{whole("b", "a"), "[there a there b]"},
		{whole("a", "b"), "[]"},
		{&mitterev1.WatchResponse{Epoch: []byte("run")}, "[]"},
		{one(put, "c"), "[put c]"},
		{one(put, "c:2"), "[put c]"},
		{one(mitterev1.Change_KIND_EXPIRED, "c"), "[expired c]"},
		{one(mitterev1.Change_KIND_WITHDRAWN, "b"), "[withdrawn b]"},
		{whole("a:2", "d"), "[put a put d]"},
		{part(whole("a:2")), "[]"}, // d may follow
		{part(one(put, "e")), "[]"},
		{one(put, "f"), "[gone d put e put f]"},
		{part(whole("a:2")), "[]"}, // and the connection is lost
		{whole("a:2", "e"), "[gone f]"},
	} {
		var got []string
		for _, e := range table.apply(step.news) {
			got = append(got, e.kind, e.entry.GetInstance().GetName())
		}
		if fmt.Sprint(got) != step.want {
			t.Errorf("step %d: told %v, want %s", i, got, step.want)
		}
	}
}
