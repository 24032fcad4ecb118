package boltstore_test

import (
	"fmt"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry/storetest"
)

func BenchmarkPut(b *testing.B) {
	for _, batch := range []int{1, 100} {
		b.Run(fmt.Sprint(batch, " at once"), func(b *testing.B) {
			store := open(b, newPath(b))
			entries := make([]*mitterev1.Entry, batch)
			for i := range entries {
				entries[i] = storetest.Entry("name", fmt.Sprint(i), 1)
			}
			for b.Loop() {
				if err := store.Put(b.Context(), entries...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
