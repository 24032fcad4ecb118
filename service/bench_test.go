package service_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
)

// BenchmarkCall makes calls through a client, of which so many are under way at a
// time, to one instance in this process.
func BenchmarkCall(b *testing.B) {
	for _, transport := range []struct{ name, endpoint string }{{"tcp", tcp}, {"inproc", ""}} {
		for _, flight := range []struct {
			name  string
			calls int
		}{{"1", 1}, {"64", 64}} {
			b.Run(transport.name+"/"+flight.name, func(b *testing.B) {
				endpoint := transport.endpoint
				if endpoint == "" {
					endpoint = inproc()
				}
				zmq := newContext(b)
				c := clientOf(b, zmq, []*server{serve(b, zmq, handlers(), service.WithBind(endpoint))})
				benchmarkCalls(b, c, flight.calls)
			})
		}
	}
}

// benchmarkCalls makes calls of Echo, so many at once.
func benchmarkCalls(b *testing.B, c call.Caller, atOnce int) {
	request := &testv1.EchoRequest{Text: strings.Repeat("x", 100)}
	calls := make(chan struct{}, atOnce)
	var callers sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range atOnce {
		callers.Go(func() {
			for range calls {
				if _, err := call.Unary[*testv1.EchoResponse](context.Background(), c, echoMethod, request); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for range b.N {
		calls <- struct{}{}
	}
	close(calls)
	callers.Wait()
}

// BenchmarkCallOfManyInstances has a client that chooses one of a hundred.
func BenchmarkCallOfManyInstances(b *testing.B) {
	zmq := newContext(b)
	var servers []*server
	for range 100 {
		servers = append(servers, serve(b, zmq, handlers(), service.WithBind(inproc())))
	}
	benchmarkCalls(b, clientOf(b, zmq, servers), 64)
}
