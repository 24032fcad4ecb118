package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/store"
)

// fullTable returns a table with 10 instances of each name.
func fullTable(b *testing.B, instances int) (*registry.Table, time.Time) {
	table, err := registry.NewTable([]byte("epoch"), registry.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Unix(1e9, 0)
	for i := range instances {
		if _, _, err := table.Register(now, instance(fmt.Sprint("name", i/10), fmt.Sprint(i%10)), time.Hour, registry.Owner{}); err != nil {
			b.Fatal(err)
		}
	}
	return table, now
}

func BenchmarkRegister(b *testing.B) {
	table, now := fullTable(b, 50_000)
	for i := 0; b.Loop(); i++ {
		if _, _, err := table.Register(now, instance(fmt.Sprint("new", i%1000), fmt.Sprint(i)), time.Second, registry.Owner{}); err != nil {
			now = now.Add(time.Second)
			table.Expire(now)
		}
	}
}

func BenchmarkRenew(b *testing.B) {
	table, now := fullTable(b, 100_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Microsecond)
		if _, _, err := table.Renew(now, store.Key{Name: fmt.Sprint("name", i%10_000), ID: "5"}, nil, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	table, now := fullTable(b, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Resolve(now, "name77"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	table, now := fullTable(b, 100_000)
	for b.Loop() {
		table.List(now)
	}
}
