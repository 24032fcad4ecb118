package desk_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// BenchmarkRequestReply takes a request through the desk and its answer back.
func BenchmarkRequestReply(b *testing.B) {
	for _, workers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("%d workers", workers), func(b *testing.B) {
			d := benchDesk(b, workers)
			r := &desk.Request{Service: "echo", Timeout: time.Second, Content: desk.Content{Body: [][]byte{make([]byte, 100)}}}
			client := peer("client")
			b.ReportAllocs()
			for b.Loop() {
				delivery := d.Request(0, client, r)[0].(desk.Deliver)
				if got := d.Reply(0, delivery.To, delivery.Delivery, desk.Answer{}); len(got) != 1 {
					b.Fatalf("got %v", told(got))
				}
			}
		})
	}
}

func benchDesk(b *testing.B, workers int) *desk.Desk {
	d, err := desk.New("e", desk.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range workers {
		name := fmt.Sprintf("w%d", i)
		d.Ready(0, peer(name), offer(name, 16, "echo"))
	}
	return d
}

// BenchmarkQueueThenExpire queues 10,000 requests and has them expire.
func BenchmarkQueueThenExpire(b *testing.B) {
	const n = 10_000
	d := benchDesk(b, 0)
	now := time.Duration(0)
	requests := make([]desk.Request, n)
	for i := range requests {
		requests[i] = desk.Request{Call: uint64(i), Service: "echo", Timeout: time.Second}
	}
	client := peer("client")
	b.ReportAllocs()
	for b.Loop() {
		for i := range requests {
			d.Request(now, client, &requests[i])
		}
		now += time.Second
		if got := len(d.Tick(now)); got != n {
			b.Fatalf("%d expired", got)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/request")
}

// BenchmarkHeartbeat takes a heartbeat of one of 1,000 workers.
func BenchmarkHeartbeat(b *testing.B) {
	d := benchDesk(b, 1000)
	from := peer("w500")
	b.ReportAllocs()
	for b.Loop() {
		d.Heartbeat(0, from)
	}
}
