package service_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/anypb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/broker"
)

// overtime ends a request as a broker does that has no worker for it, but at once.
func overtime(refused bool, phase mitterev1.Overtime_Phase) says {
	detail, err := anypb.New(&mitterev1.Overtime{Phase: phase})
	if err != nil {
		panic(err)
	}
	return func(r *mitterev1.Request) [][][]byte {
		status := &mitterev1.Status{Code: messaging.DeadlineExceeded, Details: []*anypb.Any{detail}}
		return [][][]byte{word(&mitterev1.Reply{Call: r.GetCall(), Refused: refused, Status: status}, nil)}
	}
}

// waiting ends requests that waited without success.
var waiting = overtime(true, mitterev1.Overtime_PHASE_WAITING)

// unavailable refuses requests.
func unavailable(r *mitterev1.Request) [][][]byte {
	return [][][]byte{refusal(r, messaging.Unavailable)}
}

// TestCallsGoToABrokerThatHasWorkers has those that waited without success at the other one be
// given again, and the others not go there.
func TestCallsGoToABrokerThatHasWorkers(t *testing.T) {
	for name, says := range map[string]says{"waits": waiting, "refuses": unavailable, "waits with what was lost": overtime(false, mitterev1.Overtime_PHASE_WAITING)} {
		for _, balance := range []service.Balance{service.LeastOutstanding, service.RoundRobin} {
			t.Run(name, func(t *testing.T) {
				zmq := newContext(t)
				empty, full := scripted(t, zmq, tcp, says), scripted(t, zmq, tcp, echoing)
				c := newClient(t, zmq, service.FromBroker(empty.endpoint, full.endpoint), service.WithBalance(balance))
				awaitReady(t, c, 2)
				for range 10 {
					wantEcho(t, c)
				}
				if none, all := len(empty.requests), len(full.requests); none != 1 || all != 10 {
					t.Errorf("%d calls went to the broker without workers, and %d to the other", none, all)
				}
			})
		}
	}
}

// waitingAt has the request of this number time out, and answers the others.
func waitingAt(number int) says {
	n := 0
	return func(r *mitterev1.Request) [][][]byte {
		if n++; n == number {
			return waiting(r)
		}
		return echoing(r)
	}
}

// TestBrokerThatAnswersIsAvoidedNoLonger has a call time out at one broker, and the
// next one at the other.
func TestBrokerThatAnswersIsAvoidedNoLonger(t *testing.T) {
	zmq := newContext(t)
	former, later := scripted(t, zmq, tcp, waitingAt(1)), scripted(t, zmq, tcp, waitingAt(2))
	c := newClient(t, zmq, service.FromBroker(former.endpoint, later.endpoint), service.WithBalance(service.RoundRobin))
	awaitReady(t, c, 2)
	for range 10 {
		wantEcho(t, c)
	}
	if n, m := len(former.requests), len(later.requests); n != 1+9 || m != 2 {
		t.Errorf("%d and %d requests", n, m)
	}
}

// TestCallWaitsAtEachBrokerForAShareOfItsTime looks at what the brokers are told.
func TestCallWaitsAtEachBrokerForAShareOfItsTime(t *testing.T) {
	const short = 50 * time.Millisecond
	zmq := newContext(t)
	a, b := scripted(t, zmq, tcp, echoing), scripted(t, zmq, tcp, echoing)
	several := newClient(t, zmq, service.FromBroker(a.endpoint, b.endpoint))
	once := newClient(t, zmq, service.FromBroker(a.endpoint, b.endpoint), service.WithTries(1))
	one := newClient(t, zmq, service.FromBroker(a.endpoint))
	for name, test := range map[string]struct {
		client      *service.Client
		time        time.Duration // of the context; 0 is for ever
		options     []call.Option
		least, most time.Duration
	}{
		"much time":    {several, time.Hour, nil, time.Second, time.Second},
		"all the time": {several, 0, nil, time.Second, time.Second},
		"little time":  {several, time.Second, nil, 1, time.Second / 2},
		"own wait":     {several, time.Hour, []call.Option{call.WithWait(short)}, 1, short / 2},
		"long wait":    {several, time.Second, []call.Option{call.WithWait(time.Hour)}, 1, time.Second / 2},
		"a target":     {several, time.Hour, []call.Option{call.ToWorker("w")}, 0, 0},
		"one try":      {once, time.Hour, nil, 0, 0},
		"one broker":   {one, time.Hour, nil, 0, 0},
		"one, waits":   {one, time.Hour, []call.Option{call.WithWait(short)}, short, short},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			if test.time > 0 {
				ctx = within(t, test.time)
			}
			must(askEcho(ctx, test.client, "hello", test.options...))(t)
			var r *mitterev1.Request
			select {
			case r = <-a.requests:
			case r = <-b.requests:
			}
			if wait := time.Duration(r.GetWaitNano()); wait < test.least || wait > test.most {
				t.Errorf("it may wait for %v, want %v to %v", wait, test.least, test.most)
			}
		})
	}
}

// TestCallWaitsAtBrokersInTurnUntilItsTimeIsOver has more turns than the client has
// tries.
func TestCallWaitsAtBrokersInTurnUntilItsTimeIsOver(t *testing.T) {
	t.Parallel() // it waits rather than works
	zmq := newContext(t)
	for _, options := range [][]call.Option{nil, {call.WithWait(500 * time.Millisecond)}} {
		a, b := scripted(t, zmq, tcp, waiting), scripted(t, zmq, tcp, waiting)
		c := newClient(t, zmq, service.FromBroker(a.endpoint, b.endpoint), service.WithTries(2))
		awaitReady(t, c, 2)
		ctx := patient(t)
		if options == nil { // and its time may be over before the last answer comes
			ctx = within(t, 500*time.Millisecond)
		}
		_, err := askEcho(ctx, c, "x", options...)
		if e := wantCode(t, err, messaging.DeadlineExceeded); options != nil && (len(e.Details) != 1 || !e.Refused()) {
			t.Errorf("%v does not say where the time went", e)
		}
		if n, m := len(a.requests), len(b.requests); n+m < 3 || n-m > 1 || m-n > 1 {
			t.Errorf("%d and %d requests", n, m)
		}
		for len(a.requests) > 0 {
			if r := <-a.requests; r.GetAttempt() != 1 {
				t.Errorf("%v: nobody has executed it", r)
			}
		}
	}
}

func TestTurnsAreNotCountedAsTries(t *testing.T) {
	zmq := newContext(t)
	var n atomic.Int64
	says := func(r *mitterev1.Request) [][][]byte {
		switch n.Add(1) {
		case 4:
			return unavailable(r)
		case 5:
			return echoing(r)
		default:
			return waiting(r)
		}
	}
	a, b := scripted(t, zmq, tcp, says), scripted(t, zmq, tcp, says)
	wantEcho(t, newClient(t, zmq, service.FromBroker(a.endpoint, b.endpoint), service.WithTries(2)))
}

func TestCallThatWasExecutedDoesNotWaitElsewhere(t *testing.T) {
	zmq := newContext(t)
	for name, says := range map[string]says{
		"executing": overtime(false, mitterev1.Overtime_PHASE_EXECUTING),
		"unsaid":    func(r *mitterev1.Request) [][][]byte { return [][][]byte{refusal(r, messaging.DeadlineExceeded)} },
	} {
		a, b := scripted(t, zmq, tcp, says), scripted(t, zmq, tcp, says)
		c := newClient(t, zmq, service.FromBroker(a.endpoint, b.endpoint))
		_, err := askEcho(patient(t), c, "x")
		wantCode(t, err, messaging.DeadlineExceeded)
		if n := len(a.requests) + len(b.requests); n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
	lost := overtime(false, mitterev1.Overtime_PHASE_WAITING)
	a, b := scripted(t, zmq, tcp, lost), scripted(t, zmq, tcp, lost)
	_, err := goStore(patient(t), newClient(t, zmq, service.FromBroker(a.endpoint, b.endpoint)), 1).Wait(patient(t))
	wantCode(t, err, messaging.DeadlineExceeded)
	if n := len(a.requests) + len(b.requests); n != 1 {
		t.Errorf("what may do harm: %d requests", n)
	}
}

// serveBroker runs a broker until the test ends.
func serveBroker(t testing.TB, zmq *comm.Context) (endpoint string) {
	t.Helper()
	b := must(broker.New(zmq, tcp, broker.WithLogger(quiet)))(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		ok(t, <-ended)
		ok(t, b.Close())
	})
	return b.Endpoints()[0]
}

// TestTwoBrokersOfWhichOneHasAWorker is with real ones.
func TestTwoBrokersOfWhichOneHasAWorker(t *testing.T) {
	t.Parallel() // it waits rather than works
	zmq := newContext(t)
	empty, full := serveBroker(t, zmq), serveBroker(t, zmq)
	w, _ := working(t, must(service.NewServer(zmq, "", handlers(), service.WithBroker(full), service.WithLogger(quiet)))(t))
	ok(t, w.WaitRegistered(patient(t)))
	c := newClient(t, zmq, service.FromBroker(empty, full))
	awaitReady(t, c, 2)
	for range 10 {
		wantEcho(t, c)
	}
}
