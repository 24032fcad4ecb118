package service_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
)

// TestStreamsOfOneClientCostNobodyAnAnswer has one client read many streams with wide
// windows from the worker that answers the calls of another one.
func TestStreamsOfOneClientCostNobodyAnAnswer(t *testing.T) {
	const streams, window, items, calls = 50, 2000, 2000, 200
	zmq := newContext(t)
	b := serveBroker(t, zmq)
	w, _ := working(t, must(service.NewServer(zmq, "", handlers(), service.WithBroker(b), service.WithLogger(quiet)))(t))
	ok(t, w.WaitRegistered(patient(t)))
	reader := newClient(t, zmq, service.FromBroker(b), service.WithTries(1))
	caller := newClient(t, zmq, service.FromBroker(b), service.WithTries(1))
	ctx, cancel := context.WithCancel(patient(t))
	defer cancel()
	var reading, calling sync.WaitGroup
	var began atomic.Int64
	for range streams {
		reading.Go(func() {
			n := uint64(0)
			for r, err := range call.Stream[*testv1.NumbersResponse](ctx, reader, numbersMethod, &testv1.NumbersRequest{Limit: items}, call.WithWindow(window)) {
				if err != nil {
					t.Errorf("a stream ended after %d items: %v", n, err)
					return
				}
				if n = r.GetNumber(); n == 1 {
					began.Add(1)
				}
			}
			if n != items {
				t.Errorf("a stream had %d items", n)
			}
		})
	}
	for range 4 {
		calling.Go(func() {
			for i := range calls / 4 {
				if _, err := askStore(ctx, caller, uint64(i)); err != nil {
					t.Errorf("call %d: %v", i, err)
					return
				}
			}
		})
	}
	reading.Wait()
	calling.Wait()
	if began.Load() != streams {
		t.Errorf("%d streams began", began.Load())
	}
}
