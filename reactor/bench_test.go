package reactor_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// flood is a socket without libzmq from which one message comes so many times.
type flood struct {
	message *messaging.Delivery
	left    atomic.Int64
}

func (f *flood) Recv(ctx context.Context) (*messaging.Delivery, error) {
	if f.left.Add(-1) >= 0 {
		return f.message, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (*flood) Traits() messaging.Traits { return messaging.Traits{} }

func (f *flood) String() string { return "flood" }

// BenchmarkDispatch measures what a reactor adds to a message between its socket
// and its handler.
func BenchmarkDispatch(b *testing.B) {
	pass := func(next reactor.Invoker) reactor.Invoker { return next }
	for _, c := range []struct {
		name    string
		options []reactor.Option
	}{
		{"sequential", nil},
		{"interceptors", []reactor.Option{reactor.WithInterceptors(pass, reactor.Deadline(time.Hour))}},
		{"pool", []reactor.Option{reactor.WithPool(2, nil)}},
		{"keys", []reactor.Option{reactor.WithPool(2, func(d *messaging.Delivery) string { return d.Type })}},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkDispatch(b, c.options) })
	}
}

func benchmarkDispatch(b *testing.B, options []reactor.Option) {
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan struct{})
	h := reactor.NewHandlers()
	reactor.Observe(h, func(context.Context, *testv1.EchoRequest) error {
		if left.Add(-1) == 0 {
			close(done)
		}
		return nil
	})
	f := &flood{message: delivery(b, ask("a short text"))}
	f.left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	r := serve(b, h, sockets(f), options...)
	<-done
	b.StopTimer()
	ok(b, r.stop())
}

// BenchmarkRequest measures a request to a reactor in this process and its
// reply.
func BenchmarkRequest(b *testing.B) {
	for _, transport := range transports {
		for _, inFlight := range []int{1, 128} {
			b.Run(fmt.Sprintf("%s/%d in flight", transport.name, inFlight), func(b *testing.B) {
				zmq := newContext(b)
				rep := must(messaging.NewRep(zmq, transport.make(b)))(b)
				serve(b, echoing(), sockets(rep))
				benchmarkRequests(b, newRequest(b, zmq, rep), inFlight)
			})
		}
	}
}

// benchmarkRequests keeps so many requests in flight.
func benchmarkRequests(b *testing.B, req *messaging.Req, inFlight int) {
	ctx := patient(b)
	wantEcho(b, req, "connected")
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range inFlight {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				_, err := messaging.Call[*testv1.EchoResponse](ctx, req, ask("a short text"))
				check(b, err)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// BenchmarkSlowClients measures what clients who do not read cost another one.
func BenchmarkSlowClients(b *testing.B) {
	for _, clients := range []int{0, 1, 100} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			zmq := newContext(b)
			// What clients in this process do not read waits nowhere else.
			rep := must(messaging.NewRep(zmq, tcp+","+"@"+inprocEndpoint(b), narrow()))(b)
			r := serve(b, bulky(0), sockets(rep), reactor.WithStopTimeout(0), reactor.WithOutbox(1))
			for i := range clients {
				slow := must(messaging.NewDealer(zmq, rep.Endpoints()[1], narrow()))(b)
				for range 20 {
					ok(b, slow.Send(patient(b), note(1)))
				}
				eventually(b, "its replies wait", func() bool { return r.Waiting() == i+1 })
			}
			benchmarkRequests(b, newRequest(b, zmq, rep), 1)
		})
	}
}
