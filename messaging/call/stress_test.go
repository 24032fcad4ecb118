package call_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

const (
	// loadConns and loadCallers are the size of a load.
	loadConns, loadCallers = 4, 64
	// lostAfter is how long after its deadline a call counts as lost: long enough
	// for a machine that is busy with other things.
	lostAfter = 3 * time.Second
)

// load is what many callers do, and what becomes of it.
type load struct {
	t     testing.TB
	conns []*call.Conn
	next  atomic.Uint64
	// What became of the calls.
	answered, failed, cancelled atomic.Int64
	executed                    sync.Map // items of Store
}

// handlers returns a service that takes its time, now and then.
func (l *load) handlers() *reactor.Handlers {
	return storing(func(ctx context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		if _, twice := l.executed.LoadOrStore(r.GetItem(), true); twice {
			l.t.Errorf("item %d was stored twice", r.GetItem())
		}
		select {
		case <-time.After(time.Duration(r.GetTakesMs()) * time.Millisecond):
			return &testv1.StoreResponse{Times: r.GetItem()}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
}

// run makes calls from many goroutines until the time is over.
func (l *load) run() {
	over := time.Now().Add(faulttest.Length(l.t))
	var callers sync.WaitGroup
	for i := range loadCallers {
		conn := l.conns[i%len(l.conns)]
		callers.Go(func() {
			for time.Now().Before(over) && !l.t.Failed() {
				l.one(conn)
			}
		})
	}
	callers.Wait()
}

// one makes a call of a random kind with a random deadline.
func (l *load) one(conn *call.Conn) {
	timeout := 10 * time.Second
	if rand.IntN(4) == 0 {
		timeout = time.Duration(rand.IntN(20)) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if rand.IntN(8) == 0 {
		defer time.AfterFunc(time.Duration(rand.IntN(5_000))*time.Microsecond, cancel).Stop()
	}
	began := time.Now()
	kinds := []func(context.Context, *call.Conn) error{l.echo, l.store, l.count, l.peek}
	l.note(kinds[rand.IntN(len(kinds))](ctx, conn))
	if took := time.Since(began); took > timeout+lostAfter {
		l.t.Errorf("a call took %v, its timeout was %v", took, timeout)
	}
}

// note counts how a call ended.
func (l *load) note(err error) {
	var typed *messaging.Error
	switch {
	case err == nil:
		l.answered.Add(1)
	case errors.As(err, &typed) && typed.Code == messaging.Cancelled:
		l.cancelled.Add(1)
	case isOneOf(err, messaging.DeadlineExceeded, messaging.Unavailable, messaging.ResourceExhausted):
		l.failed.Add(1)
	default:
		l.t.Errorf("a call ended with %v of type %T", err, err)
	}
}

// echo checks a reply of any size.
func (l *load) echo(ctx context.Context, conn *call.Conn) error {
	text := fmt.Sprint(l.next.Add(1), strings.Repeat("x", rand.IntN(3)*rand.IntN(6_000)))
	reply, err := askEcho(ctx, conn, text)
	if err == nil && reply.GetText() != text {
		l.t.Errorf("asked %.20q and was answered %.20q", text, reply.GetText())
	}
	return err
}

// store does what must not be done twice.
func (l *load) store(ctx context.Context, conn *call.Conn) error {
	request := &testv1.StoreRequest{Item: l.next.Add(1), TakesMs: uint32(rand.IntN(5))}
	reply, err := call.Unary[*testv1.StoreResponse](ctx, conn, storeMethod, request)
	if err == nil && reply.GetTimes() != request.GetItem() {
		l.t.Errorf("asked %d and was answered %d", request.GetItem(), reply.GetTimes())
	}
	return err
}

// count reads a whole stream.
func (l *load) count(ctx context.Context, conn *call.Conn) error {
	last, limit := uint64(0), rand.Uint64N(200)
	for item, err := range askNumbers(ctx, conn, limit+1, call.WithWindow(1+rand.IntN(32))) {
		if err != nil {
			return err
		}
		if last++; item.GetNumber() != last {
			l.t.Errorf("item %d came as number %d", item.GetNumber(), last)
		}
	}
	if last != limit+1 {
		l.t.Errorf("a stream of %d items had %d", limit+1, last)
	}
	return nil
}

// peek leaves a stream that has no end.
func (l *load) peek(ctx context.Context, conn *call.Conn) error {
	left := rand.IntN(20)
	for _, err := range askNumbers(ctx, conn, 0) {
		if left--; err != nil || left < 0 {
			return err
		}
	}
	return nil
}

// TestStressOfCallsLosesNothing has many callers on several connections make calls
// of all kinds.
func TestStressOfCallsLosesNothing(t *testing.T) {
	zmq, l := newContext(t), &load{t: t}
	s := serve(t, zmq, tcp, l.handlers(), reactor.WithPool(16, nil))
	for range loadConns {
		l.conns = append(l.conns, dial(t, zmq, s.endpoint()))
	}
	l.run()
	eventually(t, "nothing runs or waits", func() bool { return s.Stats().InFlight+s.Stats().Queued == 0 })
	for _, conn := range l.conns {
		if n := conn.Outstanding(); n != 0 {
			t.Errorf("%d calls are outstanding", n)
		}
	}
	got := s.Stats()
	t.Logf("%d answered, %d failed, %d cancelled; %+v", l.answered.Load(), l.failed.Load(), l.cancelled.Load(), got)
	if got.Handled < uint64(l.answered.Load()) || got.Unknown+got.Malformed+got.Panicked+got.Repeated+got.Undeliverable != 0 {
		t.Errorf("%d calls were answered, stats are %+v", l.answered.Load(), got)
	}
}

// TestStressOfDyingServersLosesNothing lets servers come and go at one endpoint
// meanwhile.
func TestStressOfDyingServersLosesNothing(t *testing.T) {
	zmq, l := newContext(t), &load{t: t}
	first := must(messaging.NewServer(zmq, tcp))(t)
	endpoint := first.Endpoints()[0]
	ok(t, first.Close())
	for range loadConns {
		l.conns = append(l.conns, dial(t, zmq, endpoint))
	}
	stop := make(chan struct{})
	var serving sync.WaitGroup
	serving.Go(func() { l.comeAndGo(stop, endpoint) })
	l.run()
	close(stop)
	serving.Wait()
	t.Logf("%d answered, %d failed, %d cancelled", l.answered.Load(), l.failed.Load(), l.cancelled.Load())
	if l.answered.Load() == 0 {
		t.Error("no call was answered")
	}
}

// comeAndGo runs one server after the other, each for a moment, in contexts of
// their own.
func (l *load) comeAndGo(stop <-chan struct{}, endpoint string) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
			l.serveFor(time.Duration(100+rand.IntN(200))*time.Millisecond, endpoint)
		}
	}
}

// serveFor runs a server for a while.
func (l *load) serveFor(d time.Duration, endpoint string) {
	zmq, err := comm.NewContext(comm.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		l.t.Error(err)
		return
	}
	defer zmq.Close()
	socket, err := messaging.NewServer(zmq, endpoint, messaging.WithSocket(comm.WithLinger(0)))
	if err != nil {
		return // libzmq may still hold the port; the next one tries again
	}
	quiet := reactor.WithLogger(slog.New(slog.DiscardHandler))
	r, err := reactor.New(l.handlers(), []reactor.Socket{socket}, quiet, reactor.WithPool(16, nil))
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		err = r.Run(ctx)
	}
	if err != nil {
		l.t.Error(err)
	}
}
