package call_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

// TestStoppedServerExecutesNothingThatExpired stops a server with SIGSTOP, for
// less and for more time than its sessions last.
func TestStoppedServerExecutesNothingThatExpired(t *testing.T) {
	for name, heartbeat := range map[string]time.Duration{
		"for less than its patience": 2 * time.Second,
		"for more than its patience": 50 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, endpoint := startServer(t, task{tcp, heartbeat})
			conn := dial(t, newContext(t), endpoint, call.WithHeartbeat(heartbeat))
			wantEcho(t, conn, "before")
			busy := storeFor(t, conn, 50, 20*time.Millisecond, patience)
			s.Await("executes 50")
			queued := storeFor(t, conn, 51, 0, 150*time.Millisecond)
			s.Halt()
			var expiring []*call.Pending[*testv1.StoreResponse]
			for item := range uint64(10) {
				expiring = append(expiring, storeFor(t, conn, 100+item, 0, 150*time.Millisecond))
				ok(t, call.OneWay(within(t, 150*time.Millisecond), conn, storeMethod, &testv1.StoreRequest{Item: 200 + item}))
				expiring = append(expiring, call.Go(patient(t), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](conn, storeMethod), &testv1.StoreRequest{Item: 300 + item}, call.WithWait(150*time.Millisecond)))
			}
			lasting := storeFor(t, conn, 400, 0, patience)
			<-time.After(400 * time.Millisecond) // the stop itself, which makes the calls expire
			s.Continue()
			for _, p := range append(expiring, busy, queued, lasting) {
				if _, err := p.Wait(patient(t)); err != nil && !isOneOf(err, messaging.DeadlineExceeded, messaging.Unavailable) {
					t.Errorf("a call ended with %v", err)
				}
			}
			eventually(t, "calls succeed again", func() bool { _, err := askStore(patient(t), conn, 999); return err == nil })
			s.Await("executes 999")
			got := slices.DeleteFunc(s.Said("executes "), func(item string) bool {
				return slices.Contains([]string{"50", "51", "400", "999"}, item)
			})
			if len(got) > 0 {
				t.Errorf("the server executed %v, which had expired", got)
			}
			_, err := lasting.Wait(patient(t))
			if survived := heartbeat > time.Second; survived != (err == nil) {
				t.Errorf("the call that had time ended with %v", err)
			}
		})
	}
}

// storeFor begins a call of Store that takes so long and may take so long.
func storeFor(t testing.TB, c call.Caller, item uint64, takes, timeout time.Duration) *call.Pending[*testv1.StoreResponse] {
	request := &testv1.StoreRequest{Item: item, TakesMs: uint32(takes.Milliseconds())}
	return call.Go(within(t, timeout), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](c, storeMethod), request)
}

// isOneOf reports whether an error has one of these codes.
func isOneOf(err error, codes ...messaging.Code) bool {
	return slices.Contains(codes, messaging.CodeOf(err))
}

func TestNewProcessOnADeadOnesPortExecutesNothingMeantForIt(t *testing.T) {
	dead, endpoint := startServer(t, task{tcp, rarely})
	conn := dial(t, newContext(t), endpoint)
	wantEcho(t, conn, "before")
	// Of calls that have begun nobody knows whether they were sent. Those that were not
	// would wait for the new server.
	sentOrNot := call.Invoker(func(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
		r.FailFast = true
		return conn.Call(ctx, r, each)
	})
	inFlight := []*call.Pending[*testv1.StoreResponse]{storeFor(t, sentOrNot, 1, patience, patience)}
	dead.Await("executes 1")
	for item := range uint64(10) {
		inFlight = append(inFlight, storeFor(t, sentOrNot, 2+item, 0, patience))
	}
	dead.Halt() // what is sent now waits in the connection, or in the socket
	for item := range uint64(200) {
		inFlight = append(inFlight, storeFor(t, sentOrNot, 100+item, 0, patience))
	}
	eventually(t, "all have begun", func() bool { return conn.Outstanding() == len(inFlight) })
	began := time.Now()
	dead.Kill()
	for _, p := range inFlight {
		_, err := p.Wait(patient(t))
		wantCode(t, err, messaging.Unavailable)
	}
	soon(t, "the end of the calls", began)
	waiting := storeFor(t, conn, 500, 0, patience)
	next, _ := startServer(t, task{endpoint, rarely})
	must(waiting.Wait(patient(t)))(t)
	must(askStore(patient(t), conn, 501))(t)
	next.Await("executes 501")
	if got, want := next.Said("executes "), []string{"500", "501"}; !slices.Equal(got, want) {
		t.Errorf("the new server executed %v, want %v", got, want)
	}
}

// TestCallsFindEachOfManyProcessesOnOnePort kills servers at any moment of a
// handshake or a call.
func TestCallsFindEachOfManyProcessesOnOnePort(t *testing.T) {
	s, endpoint := startServer(t, task{tcp, rarely})
	conn := dial(t, newContext(t), endpoint, call.WithHandshake(rarely))
	for range 5 {
		began := time.Now()
		wantEcho(t, conn, "here")
		soon(t, "the next session", began)
		s.Kill()
		s, _ = startServer(t, task{endpoint, rarely})
	}
}

func TestKilledClientEndsTheHandlersContextAtOnce(t *testing.T) {
	for range 5 {
		depot := newDepot()
		s := serve(t, newContext(t), tcp, depot.handlers(), reactor.WithHeartbeat(rarely))
		client := faulttest.Start(t, "client", task{s.endpoint(), rarely})
		ctx := receive(t, "the call", depot.begun)
		began := time.Now()
		client.Kill()
		<-ctx.Done()
		soon(t, "the end of the handler's context", began)
		wantCode(t, context.Cause(ctx), messaging.Unavailable)
		eventually(t, "the session is over", func() bool { return s.Stats().Sessions == 0 })
	}
}

func TestStoppedClientGetsANewSessionAndGoesOn(t *testing.T) {
	const heartbeat = 50 * time.Millisecond
	depot := newDepot()
	s := serve(t, newContext(t), tcp, depot.handlers(), reactor.WithHeartbeat(heartbeat))
	client := faulttest.Start(t, "client", task{s.endpoint(), heartbeat})
	ctx := receive(t, "the call", depot.begun)
	client.Halt()
	began := time.Now()
	<-ctx.Done()
	soon(t, "the end of the handler's context", began)
	wantCode(t, context.Cause(ctx), messaging.Unavailable)
	eventually(t, "the session is over", func() bool { return s.Stats().Sessions == 0 })
	close(depot.proceed)
	client.Continue()
	eventually(t, "calls succeed again", func() bool {
		return slices.ContainsFunc(client.Said("stored "), func(line string) bool {
			var item int
			var code string
			n, _ := fmt.Sscan(line, &item, &code)
			return n == 2 && code == messaging.OK.String()
		})
	})
}
