package reactor_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// Clients and workers of a load, and the requests that each client has out at
// once.
func loadSize() (clients, workers, each int) {
	if raced || testing.Short() {
		return 10, 5, 4
	}
	return 50, 20, 4
}

// ledger is what became of the requests of a load.
type ledger struct {
	t        testing.TB
	ctx      context.Context // of calls; ends if they hang
	next     atomic.Int64
	executed sync.Map // number of the request
	answered atomic.Int64
}

// newLedger returns an empty one.
func newLedger(t testing.TB) *ledger {
	ctx, cancel := context.WithTimeout(context.Background(), patience+faulttest.Length(t))
	t.Cleanup(cancel)
	return &ledger{t: t, ctx: ctx}
}

// work answers a text with its checksum. A number that comes twice was doubled on
// the way.
func (l *ledger) work(ctx context.Context, m *testv1.Note) (*testv1.EchoResponse, error) {
	if _, twice := l.executed.LoadOrStore(m.GetNumber(), true); twice {
		l.t.Errorf("request %d was executed twice", m.GetNumber())
	}
	return &testv1.EchoResponse{Text: fmt.Sprintf("%d %s", m.GetNumber(), checksum(m.GetText()))}, nil
}

// checksum returns the SHA-256 of a text.
func checksum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// handlers returns those of a worker.
func (l *ledger) handlers() *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.Handle(h, l.work)
	return h
}

// ask sends requests of all sizes, one after the other, until ctx ends, and
// checks each reply.
func (l *ledger) ask(ctx context.Context, req *messaging.Req) {
	for ctx.Err() == nil {
		m := &testv1.Note{Number: l.next.Add(1), Text: strings.Repeat("x", sizes[rand.IntN(len(sizes))])}
		reply, err := messaging.Call[*testv1.EchoResponse](l.ctx, req, m)
		if want := fmt.Sprintf("%d %s", m.GetNumber(), checksum(m.GetText())); err != nil || reply.GetText() != want {
			l.t.Errorf("request %d: got %q, %v; want %q", m.GetNumber(), reply.GetText(), err, want)
			return
		}
		l.answered.Add(1)
	}
}

// sizes are most often small.
var sizes = []int{0, 1, 10, 100, 100, 100, 1000, 1000, 10_000, 81_920}

// close checks that nothing is missing.
func (l *ledger) close() {
	l.t.Helper()
	executed := int64(0)
	l.executed.Range(func(any, any) bool { executed++; return true })
	if sent := l.next.Load(); executed != sent || l.answered.Load() != sent {
		l.t.Errorf("of %d requests %d were executed and %d answered", sent, executed, l.answered.Load())
	}
	l.t.Logf("%d requests, each executed and answered once", l.answered.Load())
}

// loadOptions lets the workers be of all kinds.
func loadOptions(i int) []reactor.Option {
	if i%2 == 0 {
		return nil
	}
	return []reactor.Option{reactor.WithPool(1+i%4, byText)}
}

func TestLoadOfManyClientsOnManyReactorsLosesNothing(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		clients, workers, each := loadSize()
		zmq := newContext(t)
		l := newLedger(t)
		var endpoints []string
		for i := range workers {
			rep := must(messaging.NewRep(zmq, at()))(t)
			serve(t, l.handlers(), sockets(rep), loadOptions(i)...)
			endpoints = append(endpoints, of(rep))
		}
		var requests []*messaging.Req
		for range clients {
			requests = append(requests, must(messaging.NewReq(zmq, strings.Join(endpoints, ",")))(t))
		}
		ctx, done := context.WithTimeout(t.Context(), faulttest.Length(t)/time.Duration(len(transports)))
		defer done()
		var wg sync.WaitGroup
		for _, req := range slices.Repeat(requests, each) {
			wg.Go(func() { l.ask(ctx, req) })
		}
		wg.Wait()
		l.close()
	})
}

// TestLoadLosesNothingWhileReactorsComeAndGo stops each reactor again and again,
// and lets another one go on with its socket.
func TestLoadLosesNothingWhileReactorsComeAndGo(t *testing.T) {
	zmq := newContext(t)
	l := newLedger(t)
	_, workers, each := loadSize()
	ctx, done := context.WithTimeout(t.Context(), faulttest.Length(t))
	defer done()
	var asking, serving sync.WaitGroup
	stop := make(chan struct{})
	for i := range workers {
		rep := must(messaging.NewRep(zmq, tcp, messaging.WithSocket(comm.WithHighWaterMark(10))))(t)
		req := newRequest(t, zmq, rep)
		serving.Go(func() { l.comeAndGo(stop, rep, loadOptions(i)...) })
		for range each {
			asking.Go(func() { l.ask(ctx, req) })
		}
	}
	asking.Wait()
	close(stop)
	serving.Wait()
	l.close()
}

// comeAndGo runs one reactor after the other on a socket. Each serves for a
// moment and stops in the middle of its work.
func (l *ledger) comeAndGo(stop <-chan struct{}, rep *messaging.Rep, options ...reactor.Option) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		r, err := reactor.New(l.handlers(), sockets(rep), options...)
		check(l.t, err)
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(20))*time.Millisecond)
		check(l.t, r.Run(ctx))
		cancel()
	}
}
