package comm_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
)

// payload is what benchmarks send.
var payload = comm.NewMessage([]byte(strings.Repeat("x", 100)))

// Endpoints that benchmarks bind.
const (
	benchInproc = "@inproc://bench"
	benchTCP    = "@tcp://127.0.0.1:*"
)

// onBoth runs a benchmark over inproc and over tcp.
func onBoth(b *testing.B, measure func(b *testing.B, r *rig, bind string)) {
	for _, bind := range []string{benchInproc, benchTCP} {
		name, _, _ := strings.Cut(bind[1:], ":")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			measure(b, newRig(b), bind)
		})
	}
}

// One goroutine sends as another receives; an operation is both.
func BenchmarkSendAndRecv(b *testing.B) {
	onBoth(b, func(b *testing.B, r *rig, bind string) {
		pull := r.pull(bind)
		push := r.push(at(pull))
		b.SetBytes(int64(payload.Size()))
		b.ResetTimer()
		r.spawned.Go(func() {
			for range b.N {
				r.ok(push.Send(r.ctx, payload))
			}
		})
		for range b.N {
			m, err := pull.Recv(r.ctx)
			r.ok(err)
			m.Release()
		}
	})
}

// As above, 64 messages at a time at both ends; an operation is one message.
func BenchmarkSendBatchAndRecvBatchOf64(b *testing.B) {
	onBoth(b, func(b *testing.B, r *rig, bind string) {
		pull := r.pull(bind)
		push := r.push(at(pull))
		b.SetBytes(int64(payload.Size()))
		b.ResetTimer()
		r.spawned.Go(func() { r.sendBatches(push, b.N) })
		batch := make([]comm.Message, 64)
		for taken := 0; taken < b.N; {
			n, err := pull.RecvBatch(r.ctx, batch)
			r.ok(err)
			taken += n
		}
	})
}

// sendBatches sends n messages in batches of 64.
func (r *rig) sendBatches(push *comm.Push, n int) {
	batch := make([]comm.Message, 64)
	for i := range batch {
		batch[i] = payload
	}
	for sent := 0; sent < n; {
		more, err := push.SendBatch(r.ctx, batch[:min(len(batch), n-sent)])
		if err != nil {
			r.Error(err)
			return
		}
		sent += more
	}
}

// The round trip of a request, alone and among others.
func BenchmarkRequestDo(b *testing.B) {
	for _, inFlight := range []int{1, 128} {
		b.Run(fmt.Sprintf("inflight=%d", inFlight), func(b *testing.B) {
			b.ReportAllocs()
			r := newRig(b)
			rep := r.response(benchTCP)
			req := r.request(at(rep))
			r.answer(rep)
			r.wantAnswer(req, "connected")
			b.ResetTimer()
			r.ask(req, b.N, inFlight)
		})
	}
}

// ask makes n requests, so many at a time.
func (r *rig) ask(req *comm.Req, n, inFlight int) {
	var asked atomic.Int64
	var asking sync.WaitGroup
	for range inFlight {
		asking.Go(func() {
			for asked.Add(1) <= int64(n) {
				m, err := req.Do(r.ctx, payload.Frames...)
				if err != nil {
					r.Error(err)
					return
				}
				m.Release()
			}
		})
	}
	asking.Wait()
}

// How long after its context a waiting call ends: of the one that waits for
// events, and of one that waits behind it.
func BenchmarkCancelledRecv(b *testing.B) {
	b.Run("leader", func(b *testing.B) { measureCancel(b, 0) })
	b.Run("follower", func(b *testing.B) { measureCancel(b, 1) })
}

// measureCancel cancels calls that wait behind others, one after the other.
func measureCancel(b *testing.B, others int) {
	b.ReportAllocs()
	r := newRig(b)
	d := r.dealer(benchInproc)
	for range others {
		r.spawned.Go(func() { _, _ = d.Recv(r.ctx) })
	}
	r.untilReceivers(d, others)
	var sum time.Duration
	b.ResetTimer()
	for range b.N {
		sum += r.cancelOne(d, others+1)
	}
	b.ReportMetric(float64(sum.Nanoseconds())/1e3/float64(b.N), "us/cancel")
}

// cancelOne waits until n receivers wait, one of them its own, ends that and
// returns how long it took.
func (r *rig) cancelOne(d *comm.Dealer, n int) time.Duration {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	ended := make(chan time.Time, 1)
	r.spawned.Go(func() {
		_, err := d.Recv(ctx)
		ended <- time.Now()
		if !errors.Is(err, comm.Ended) {
			r.Error(err)
		}
	})
	r.untilReceivers(d, n)
	start := time.Now()
	cancel()
	return (<-ended).Sub(start)
}

// untilReceivers waits, without sleep, until so many wait to receive.
func (r *rig) untilReceivers(d *comm.Dealer, n int) {
	for waiting := -1; waiting != n && r.ctx.Err() == nil; waiting, _ = d.Waiting() {
		runtime.Gosched()
	}
}

// What a publisher's Send costs its caller, with nobody there and with
// subscribers that receive all the time.
func BenchmarkPublisherSend(b *testing.B) {
	for _, subscribers := range []int{0, 1, 8} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			b.ReportAllocs()
			r := newRig(b)
			p := r.publisher(benchTCP)
			for range subscribers {
				s := r.subscriber(at(p))
				r.subscribe(p, s, "")
				r.drain(s)
			}
			b.SetBytes(int64(payload.Size()))
			b.ResetTimer()
			for range b.N {
				r.ok(p.Send(r.ctx, payload))
			}
		})
	}
}

// drain receives until the socket closes.
func (r *rig) drain(s *comm.Subscriber) {
	r.spawned.Go(func() {
		batch := make([]comm.Message, 64)
		for {
			if _, err := s.RecvBatch(r.ctx, batch); err != nil {
				return // the test has ended
			}
		}
	})
}
