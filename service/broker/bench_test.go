package broker_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkEcho has 64 clients ask eight workers of MDP/0.1, one request each at a
// time.
func BenchmarkEcho(b *testing.B) {
	broker := serve(b)
	working, stop := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	for range 8 {
		w := broker.dial(b)
		workers.Go(func() { w.work(working, "echo", func(body string) string { return body }) })
	}
	eventually(b, "all workers are registered", func() bool { return len(broker.workers()) == 8 })
	var left atomic.Int64
	left.Store(int64(b.N))
	var clients sync.WaitGroup
	b.ResetTimer()
	for range 64 {
		c := broker.dial(b)
		clients.Go(func() {
			for left.Add(-1) >= 0 {
				c.say("", "MDPC01", "echo", "body")
				if got := c.want(); len(got) != 4 {
					b.Errorf("got %q", got)
					return
				}
			}
		})
	}
	clients.Wait()
	b.StopTimer()
	stop()
	workers.Wait()
}
