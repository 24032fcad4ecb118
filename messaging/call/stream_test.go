package call_test

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

func TestLongStreamComesInOrder(t *testing.T) {
	const items = 100_000
	conn, _ := pair(t, tcp, handlers())
	last := uint64(0)
	for item, err := range askNumbers(patient(t), conn, items) {
		ok(t, err)
		if last++; item.GetNumber() != last {
			t.Fatalf("item %d came as number %d", item.GetNumber(), last)
		}
	}
	if last != items {
		t.Errorf("%d items, want %d", last, items)
	}
}

// TestSlowReaderHoldsUpItsServerAndNobodyElse has one reader stop in the middle of
// a stream while another one reads and calls are made on the same connection.
func TestSlowReaderHoldsUpItsServerAndNobodyElse(t *testing.T) {
	const window = 8
	onEachTransport(t, func(t *testing.T, endpoint string) {
		var sent atomic.Int64
		conn, s := pair(t, endpoint, counting(func(ctx context.Context, r *testv1.NumbersRequest, send func(*testv1.NumbersResponse) error) error {
			return numbers(ctx, r, func(item *testv1.NumbersResponse) error {
				err := send(item)
				if err == nil && r.GetLimit() == 0 {
					sent.Add(1)
				}
				return err
			})
		}), reactor.WithPool(4, nil))
		resume, stuck := make(chan struct{}), make(chan struct{})
		var slow sync.WaitGroup
		slow.Go(func() {
			n := 0
			for _, err := range askNumbers(patient(t), conn, 0, call.WithWindow(window)) {
				if n++; err != nil || n == 100 {
					break
				}
				if n == 1 {
					close(stuck)
					<-resume
				}
			}
		})
		receive(t, "the first item", stuck)
		eventually(t, "the window is full", func() bool { return sent.Load() == window })
		n := 0
		for _, err := range askNumbers(patient(t), conn, 1000) {
			ok(t, err)
			if n++; n%10 == 0 {
				wantEcho(t, conn, "beside")
			}
		}
		if got := sent.Load(); got != window || n != 1000 {
			t.Errorf("%d items were sent to who reads none, want %d; %d to who reads, want 1000", got, window, n)
		}
		close(resume)
		slow.Wait()
		eventually(t, "the handler has ended", func() bool { return s.Stats().InFlight == 0 })
		if got := sent.Load(); got > 100+window {
			t.Errorf("%d items were sent to who read 100 with a window of %d", got, window)
		}
	})
}

func TestErrorOfAStreamComesAfterItsItems(t *testing.T) {
	onEachTransport(t, func(t *testing.T, endpoint string) {
		conn, _ := pair(t, endpoint, counting(func(ctx context.Context, r *testv1.NumbersRequest, send func(*testv1.NumbersResponse) error) error {
			_ = numbers(ctx, r, send)
			return messaging.Errorf(messaging.DataLoss, "no more")
		}))
		for _, limit := range []uint64{1, call.DefaultWindow, 1000} {
			n := uint64(0)
			var last error
			for _, err := range askNumbers(patient(t), conn, limit) {
				if last = err; err == nil {
					n++
				}
			}
			if !wantCode(t, last, messaging.DataLoss).Remote() || n != limit {
				t.Errorf("%d items before %v, want %d", n, last, limit)
			}
		}
	})
}

func TestStreamWithWindowsOfAllSizesIsWhole(t *testing.T) {
	conn, _ := pair(t, tcp, handlers())
	for _, window := range []int{-1, 0, 1, 2, 3, 1000, math.MaxInt} {
		n := 0
		for _, err := range askNumbers(patient(t), conn, 100, call.WithWindow(window)) {
			ok(t, err)
			n++
		}
		if n != 100 {
			t.Errorf("with a window of %d there were %d items", window, n)
		}
	}
}

func TestManyStreamsAreIndependent(t *testing.T) {
	conn, s := pair(t, tcp, handlers(), reactor.WithPool(8, nil))
	var readers sync.WaitGroup
	for i := range uint64(32) {
		readers.Go(func() {
			n := uint64(0)
			for item, err := range askNumbers(patient(t), conn, 100+i) {
				if n++; err != nil || item.GetNumber() != n {
					t.Errorf("item %d: %v, %v", n, item, err)
				}
			}
			if n != 100+i {
				t.Errorf("%d items, want %d", n, 100+i)
			}
		})
	}
	readers.Wait()
	if got := s.Stats(); got.Handled != 32 || got.Failed != 0 {
		t.Errorf("stats are %+v", got)
	}
}

func TestStreamEndsWithItsDeadline(t *testing.T) {
	conn, s := pair(t, tcp, handlers())
	began := time.Now()
	var last error
	for _, err := range askNumbers(within(t, 50*time.Millisecond), conn, 0) {
		last = err
	}
	soon(t, "the end", began)
	wantCode(t, last, messaging.DeadlineExceeded)
	eventually(t, "the handler has ended", func() bool { return s.Stats().InFlight == 0 })
}

// TestStreamEndsWhenItsServerStops has a server stop while a stream without end
// runs, which goes on only if its reader is still heard.
func TestStreamEndsWhenItsServerStops(t *testing.T) {
	conn, s := pair(t, tcp, counting(func(ctx context.Context, r *testv1.NumbersRequest, send func(*testv1.NumbersResponse) error) error {
		return numbers(ctx, r, send)
	}))
	n := 0
	for _, err := range askNumbers(patient(t), conn, 10_000) {
		ok(t, err)
		if n++; n == 10 {
			s.cancel()
		}
	}
	if n != 10_000 {
		t.Errorf("%d items of a stream that ran when its server stopped, want all", n)
	}
	s.stop(t)
}
