package broker_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service"
)

const (
	// queueLimit is how many requests may wait for a service at the brokers of these
	// tests, and overLimit how many more are made.
	queueLimit, overLimit = 10_000, 100
	// brief is how long some of the last of those that wait may do so: until all are made,
	// and no worker has come.
	brief = 2 * time.Second
)

// queuer is a client that speaks by itself, with very many requests at once.
type queuer struct {
	*peer
	session uint64

	mu      sync.Mutex
	replies map[uint64]*mitterev1.Reply
	bodies  map[uint64][]byte
}

// newQueuer returns a client with a session.
func newQueuer(t testing.TB, zmq *comm.Context, endpoint string) *queuer {
	t.Helper()
	q := &queuer{
		peer:    &peer{t, must(comm.NewDealer(zmq, endpoint, comm.WithLinger(0)))(t)},
		replies: map[uint64]*mitterev1.Reply{}, bodies: map[uint64][]byte{},
	}
	q.session = q.hello(mitterev1.Role_ROLE_CLIENT).GetSession()
	ctx, cancel := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	reading.Go(func() { q.read(ctx) })
	t.Cleanup(func() { cancel(); reading.Wait(); ok(t, q.Close()) })
	return q
}

// read notes all replies until ctx ends.
func (q *queuer) read(ctx context.Context) {
	for {
		m, err := q.Recv(ctx)
		if err != nil {
			return
		}
		c, err := command.Decode(m.Frames)
		if r, is := c.Kind.(*mitterev1.Reply); is && err == nil {
			q.note(r, c.Body)
		}
	}
}

func (q *queuer) note(r *mitterev1.Reply, body []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.replies[r.GetCall()] != nil {
		q.t.Errorf("call %d is answered twice", r.GetCall())
	}
	q.replies[r.GetCall()], q.bodies[r.GetCall()] = r, slices.Clone(body)
}

// reply returns how a call ended.
func (q *queuer) reply(call uint64) (*mitterev1.Reply, []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.replies[call], q.bodies[call]
}

// ended returns how many calls ended with a code.
func (q *queuer) ended(code mitterev1.Code) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range q.replies {
		if r.GetStatus().GetCode() == code {
			n++
		}
	}
	return n
}

// short reports whether a call may wait for a brief time only, and cancelled whether it
// is given up.
func short(call uint64) bool {
	return call > queueLimit*9/10 && call <= queueLimit && call%10 == 1
}
func cancelled(call uint64) bool { return call%4 == 0 }

// store stores an item with the number of the call.
func (q *queuer) store(call uint64) {
	q.t.Helper()
	e := must(messaging.Pack(&testv1.StoreRequest{Item: call}))(q.t)
	k := &mitterev1.Request{
		Call: call, Session: q.session, Service: echoName, Method: echoName + "/Store", SentAtNano: now(), TimeoutNano: int64(10 * time.Minute),
	}
	if short(call) {
		k.TimeoutNano = int64(brief)
	}
	q.command(k, e.Append(nil))
}

// TestStressTenThousandRequestsWaitForAWorker has a queue fill up, and be worked off.
func TestStressTenThousandRequestsWaitForAWorker(t *testing.T) {
	at := task{Endpoint: tcp, Heartbeat: 20 * time.Second}
	b := startBroker(t, &at)
	zmq := newContext(t)
	var before, full, after held
	b.Ask(&before)
	q := newQueuer(t, zmq, at.Endpoint)
	for call := uint64(1); call <= queueLimit+overLimit; call++ {
		q.store(call)
	}
	eventually(t, "what is too much is refused", func() bool { return q.ended(mitterev1.Code_CODE_RESOURCE_EXHAUSTED) == overLimit })
	b.Ask(&full)
	if l := full.Stats.Load; l.Calls != queueLimit {
		t.Errorf("%d requests wait, want %d", l.Calls, queueLimit)
	}
	for call := uint64(queueLimit + 1); call <= queueLimit+overLimit; call++ {
		if r, _ := q.reply(call); !r.GetRefused() {
			t.Errorf("call %d ended with %v, want it to be refused", call, r)
		}
	}
	var want []uint64
	dead := 0
	for call := uint64(1); call <= queueLimit; call++ {
		switch {
		case cancelled(call):
			q.command(&mitterev1.Cancel{Call: call}, nil)
		case short(call):
			dead++
		default:
			want = append(want, call)
		}
	}
	eventually(t, "some wait for too long", func() bool { return q.ended(mitterev1.Code_CODE_DEADLINE_EXCEEDED) == dead })
	q.wantInOrder(zmq, at.Endpoint, want)
	b.Ask(&after)
	t.Logf("%d requests wait: %d KiB of heap and %d KiB resident, before %d and %d KiB: %d bytes of heap each; after they were served %d and %d KiB",
		full.Stats.Load.Calls, full.Heap>>10, full.Resident>>10, before.Heap>>10, before.Resident>>10,
		(int64(full.Heap)-int64(before.Heap))/queueLimit, after.Heap>>10, after.Resident>>10)
	if l := after.Stats.Load; l.Calls != 0 || l.Bytes != 0 || l.InFlight != 0 {
		t.Errorf("the broker still holds %+v", l)
	}
}

// wantInOrder has a worker come that does one thing at a time, and checks which and in
// which order.
func (q *queuer) wantInOrder(zmq *comm.Context, endpoint string, want []uint64) {
	q.t.Helper()
	var order []uint64 // one goroutine handles
	store := func(_ context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		order = append(order, r.GetItem())
		return &testv1.StoreResponse{Times: faulttest.Checksum(r.GetItem())}, nil
	}
	w := must(service.NewServer(zmq, "", echoService(store), service.WithBroker(endpoint), service.WithLimits(1, 1), service.WithLogger(slog.New(slog.DiscardHandler))))(q.t)
	ctx, cancel := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() { _ = w.Run(ctx) })
	eventually(q.t, "all that live are answered", func() bool { return q.ended(mitterev1.Code_CODE_UNSPECIFIED) == len(want) })
	cancel()
	working.Wait()
	ok(q.t, w.Close())
	if !slices.Equal(order, want) {
		q.t.Errorf("%d requests were executed, want %d in the order in which they came", len(order), len(want))
	}
	for _, call := range want {
		r := new(testv1.StoreResponse)
		_, body := q.reply(call)
		e := must(messaging.Decode(body))(q.t)
		ok(q.t, proto.Unmarshal(e.Body, r))
		if r.GetTimes() != faulttest.Checksum(call) {
			q.t.Fatalf("the answer to call %d is %v", call, r)
		}
	}
}
