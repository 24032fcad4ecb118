package storetest

import (
	"fmt"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry/store"
)

// RunDurable tests what a store does that keeps its entries when it is closed,
// and all that Run tests. place makes a new, empty place and returns a function
// that opens it, which is called again after each close.
func RunDurable(t *testing.T, place func(t *testing.T) (open func() (store.Store, error))) {
	Run(t, func(t *testing.T) store.Store {
		opened, err := place(t)()
		if err != nil {
			t.Fatal(err)
		}
		return opened
	})
	t.Run("entries are there when it is opened again", func(t *testing.T) { reopen(t, place(t)) })
}

func reopen(t *testing.T, open func() (store.Store, error)) {
	want := map[store.Key]*mitterev1.Entry{}
	for round := range uint64(5) {
		opened, err := open()
		if err != nil {
			t.Fatal(err)
		}
		s := &suite{T: t, store: opened, want: want}
		s.check()
		s.puts(Entry("always", "1", round), Entry("once", fmt.Sprint(round), round), Entry("gone", "1", round))
		s.deletes(store.Key{Name: "gone", ID: "1"})
		s.check()
		if err := opened.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
