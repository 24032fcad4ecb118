package call_test

import (
	"context"
	"math"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

func TestHandlerHasTheCallersDeadline(t *testing.T) {
	const margin = 500 * time.Millisecond
	onEachTransport(t, func(t *testing.T, endpoint string) {
		depot := newDepot()
		conn, _ := pair(t, endpoint, depot.handlers())
		close(depot.proceed)
		ctx := within(t, 10*time.Second)
		must(askStore(ctx, conn, 1))(t)
		got, has := receive(t, "the call", depot.begun).Deadline()
		want, _ := ctx.Deadline()
		if early := want.Sub(got); !has || early > margin || early < -margin {
			t.Errorf("the deadline of the handler is %v before that of its caller", early)
		}
		must(askStore(context.Background(), conn, 2))(t)
		if _, has := receive(t, "the call", depot.begun).Deadline(); has {
			t.Error("a call without deadline has one")
		}
	})
}

func TestDeadlineThatNeverComesIsNone(t *testing.T) {
	conn, _ := pair(t, tcp, handlers())
	ctx, cancel := context.WithTimeout(t.Context(), math.MaxInt64)
	defer cancel()
	must(askEcho(ctx, conn, "patient"))(t)
	must(askEcho(ctx, conn, "patient", call.WithWait(math.MaxInt64)))(t)
}

func TestDeadlineEndsTheCallOnBothSides(t *testing.T) {
	depot := newDepot()
	conn, _ := pair(t, tcp, depot.handlers())
	began := time.Now()
	_, err := askStore(within(t, 50*time.Millisecond), conn, 1)
	wantCode(t, err, messaging.DeadlineExceeded)
	<-receive(t, "the call", depot.begun).Done()
	soon(t, "the end of both", began)
	if messaging.Refused(err) {
		t.Error("a call that was executed is refused")
	}
}

// leavers are the ways in which a caller goes away.
var leavers = []struct {
	name  string
	code  messaging.Code
	leave func(ctx context.Context, conn *call.Conn, begun func())
}{
	{"cancels", messaging.Cancelled, func(ctx context.Context, conn *call.Conn, begun func()) {
		ctx, cancel := context.WithCancel(ctx)
		go func() { begun(); cancel() }()
		_, _ = askStore(ctx, conn, 1)
	}},
	{"closes the connection", messaging.Unavailable, func(ctx context.Context, conn *call.Conn, begun func()) {
		go func() { begun(); _ = conn.Close() }()
		_, _ = askStore(ctx, conn, 1)
	}},
	{"cancels what is pending", messaging.Cancelled, func(ctx context.Context, conn *call.Conn, begun func()) {
		p := call.Go(ctx, call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](conn, storeMethod), &testv1.StoreRequest{})
		begun()
		p.Cancel()
	}},
	{"leaves a stream", messaging.Cancelled, func(ctx context.Context, conn *call.Conn, begun func()) {
		for range askNumbers(ctx, conn, 1) {
			begun()
			break
		}
	}},
	{"cancels a stream", messaging.Cancelled, func(ctx context.Context, conn *call.Conn, begun func()) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for _, err := range askNumbers(ctx, conn, 1) {
			if err == nil {
				begun()
				cancel()
			}
		}
	}},
}

func TestCallerWhoLeavesEndsTheHandlersContext(t *testing.T) {
	for _, test := range leavers {
		t.Run(test.name, func(t *testing.T) {
			onEachTransport(t, func(t *testing.T, endpoint string) {
				depot := newDepot()
				zmq := newContext(t)
				s := serve(t, zmq, endpoint, depot.handlers(), reactor.WithHeartbeat(rarely))
				var ctx context.Context
				test.leave(patient(t), dial(t, zmq, s.endpoint()), func() { ctx = <-depot.begun })
				began := time.Now()
				<-ctx.Done()
				soon(t, "the end of the handler's context", began)
				wantCode(t, context.Cause(ctx), test.code)
				eventually(t, "nothing runs", func() bool { return s.Stats().InFlight == 0 })
			})
		})
	}
}

func TestCallThatWaitsTooLongEndsInTimeAndIsNeverExecuted(t *testing.T) {
	onEachTransport(t, func(t *testing.T, endpoint string) {
		depot := newDepot()
		conn, s := pair(t, endpoint, depot.handlers())
		first := call.Go(patient(t), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](conn, storeMethod), &testv1.StoreRequest{Item: 1})
		receive(t, "the first call", depot.begun)
		began := time.Now()
		_, err := askStore(patient(t), conn, 2, call.WithWait(50*time.Millisecond))
		wantPhase(t, wantRefused(t, err, messaging.DeadlineExceeded), mitterev1.Overtime_PHASE_WAITING)
		// A call whose time is over before it was sent never reaches the queue.
		for expired := s.Stats().Expired; s.Stats().Expired == expired; {
			_, err = askStore(within(t, 50*time.Millisecond), conn, 3)
			wantCode(t, err, messaging.DeadlineExceeded)
			eventually(t, "the queue is empty", func() bool { return s.Stats().Queued == 0 })
		}
		for call.OneWay(within(t, 50*time.Millisecond), conn, storeMethod, &testv1.StoreRequest{Item: 4}) != nil {
			// It was not sent in time.
		}
		eventually(t, "all are out of the queue", func() bool { return s.Stats().Queued == 0 && s.Stats().Expired >= 3 })
		soon(t, "the end of what waits", began)
		close(depot.proceed)
		must(first.Wait(patient(t)))(t)
		wantEcho(t, conn, "next")
		if n := depot.executed.Load(); n != 1 {
			t.Errorf("%d requests were executed, want 1", n)
		}
	})
}

func TestCancelledCallLeavesTheQueue(t *testing.T) {
	depot := newDepot()
	conn, s := pair(t, tcp, depot.handlers())
	first := call.Go(patient(t), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](conn, storeMethod), &testv1.StoreRequest{Item: 1})
	receive(t, "the first call", depot.begun)
	second := call.Go(patient(t), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](conn, storeMethod), &testv1.StoreRequest{Item: 2})
	eventually(t, "the second waits", func() bool { return s.Stats().Queued == 1 })
	second.Cancel()
	_, err := second.Wait(patient(t))
	wantCode(t, err, messaging.Cancelled)
	eventually(t, "it is out of the queue", func() bool { return s.Stats().Queued == 0 })
	close(depot.proceed)
	must(first.Wait(patient(t)))(t)
	if n := depot.executed.Load(); n != 1 {
		t.Errorf("%d requests were executed, want 1", n)
	}
}

func TestFullQueueRefusesAtOnce(t *testing.T) {
	onEachTransport(t, func(t *testing.T, endpoint string) {
		depot := newDepot()
		conn, s := pair(t, endpoint, depot.handlers(), reactor.WithPool(2, nil), reactor.WithCallQueue(3))
		var taken []*call.Pending[*testv1.StoreResponse]
		for i := range uint64(5) {
			taken = append(taken, call.Go(patient(t), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](conn, storeMethod), &testv1.StoreRequest{Item: i}))
		}
		eventually(t, "all places are taken", func() bool { return s.Stats().InFlight == 2 && s.Stats().Queued == 3 })
		began := time.Now()
		_, err := askStore(patient(t), conn, 6)
		soon(t, "the refusal", began)
		if !wantRefused(t, err, messaging.ResourceExhausted).Remote() {
			t.Errorf("%v: want it to be the server's", err)
		}
		close(depot.proceed)
		for _, p := range taken {
			must(p.Wait(patient(t)))(t)
		}
		if got := s.Stats(); got.Overloaded != 1 || got.Handled != 5 {
			t.Errorf("stats are %+v, want 1 overloaded and 5 handled", got)
		}
	})
}

func TestCallWithoutServerEndsInTimeAndIsRefused(t *testing.T) {
	conn := dial(t, newContext(t), "tcp://127.0.0.1:1")
	_, err := askEcho(within(t, 50*time.Millisecond), conn, "nobody")
	wantRefused(t, err, messaging.Unavailable)
	if conn.Ready() || conn.Err() == nil {
		t.Errorf("ready: %v, why not: %v", conn.Ready(), conn.Err())
	}
	ok(t, conn.Close())
	_, err = askEcho(patient(t), conn, "closed")
	wantRefused(t, err, messaging.Unavailable)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = askEcho(cancelled, conn, "cancelled")
	wantRefused(t, err, messaging.Cancelled)
}
