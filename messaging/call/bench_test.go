package call_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mittere/mittere/reactor"
)

// BenchmarkUnary measures a call of a server in this process and its answer, to be
// set beside BenchmarkRequest of package reactor, which has no session.
func BenchmarkUnary(b *testing.B) {
	for _, transport := range transports {
		for _, inFlight := range []int{1, 128} {
			for name, options := range map[string][]reactor.Option{"sequential": nil, "pool": {reactor.WithPool(4, nil)}} {
				b.Run(fmt.Sprintf("%s/%s/%d in flight", transport.name, name, inFlight), func(b *testing.B) {
					conn, _ := pair(b, transport.make(b), handlers(), options...)
					var left atomic.Int64
					left.Store(int64(b.N))
					b.ReportAllocs()
					b.ResetTimer()
					var callers sync.WaitGroup
					for range inFlight {
						callers.Go(func() {
							for left.Add(-1) >= 0 {
								if _, err := askEcho(context.Background(), conn, "a short text"); err != nil {
									b.Error(err)
								}
							}
						})
					}
					callers.Wait()
					b.StopTimer()
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
				})
			}
		}
	}
}

// BenchmarkStream measures the items of one stream.
func BenchmarkStream(b *testing.B) {
	for _, transport := range transports {
		b.Run(transport.name, func(b *testing.B) {
			conn, _ := pair(b, transport.make(b), handlers())
			b.ReportAllocs()
			b.ResetTimer()
			for _, err := range askNumbers(context.Background(), conn, uint64(b.N)) {
				ok(b, err)
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}
