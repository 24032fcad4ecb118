package reactor_test

import (
	"context"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// TestDrainDeliversTheAnswersOfSlowReaders has a client ask for more than fits on
// the way to it, and read only when the server has begun to stop.
func TestDrainDeliversTheAnswersOfSlowReaders(t *testing.T) {
	const calls = 200
	zmq := newContext(t)
	server := must(messaging.NewServer(zmq, tcp, messaging.WithSocket(comm.WithHighWaterMark(4))))(t)
	h := reactor.NewHandlers()
	text := strings.Repeat("x", 200_000)
	reactor.HandleMethod(h, serviceMethod("Echo"), func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		return &testv1.EchoResponse{Text: text}, nil
	})
	r := serve(t, h, sockets(server), reactor.WithPool(8, nil))
	c := &rawClient{t: t, dealer: must(comm.NewDealer(zmq, of(server), comm.WithHighWaterMark(4)))(t)}
	c.hello()
	for call := range uint64(calls) {
		c.send(&mitterev1.Request{Call: call + 1, Session: c.session, Method: reactor.MethodName(serviceMethod("Echo"))}, &testv1.EchoRequest{})
	}
	eventually(t, "all are answered, as far as the server can", func() bool { return r.Stats().Handled == calls })
	var draining sync.WaitGroup
	draining.Go(func() {
		if err := r.Drain(patient(t)); err != nil {
			t.Errorf("drain: %v", err)
		}
	})
	for call := range uint64(calls) {
		if reply := want[*mitterev1.Reply](c); reply.GetStatus() != nil {
			t.Fatalf("answer %d is %v", call, reply)
		}
	}
	draining.Wait()
}

// TestDrainDoesNotWaitForPeersThatReadNothing has a client, and the broker of a worker, read
// neither answers nor a stream without end.
func TestDrainDoesNotWaitForPeersThatReadNothing(t *testing.T) {
	h := reactor.NewHandlers()
	text := strings.Repeat("x", 100_000)
	reactor.HandleMethod(h, serviceMethod("Echo"), func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		return &testv1.EchoResponse{Text: text}, nil
	})
	reactor.StreamMethod(h, serviceMethod("Numbers"), func(_ context.Context, _ *testv1.NumbersRequest, send func(*testv1.NumbersResponse) error) error {
		for {
			if err := send(&testv1.NumbersResponse{}); err != nil {
				return err
			}
		}
	})
	requests := func(send func(r *mitterev1.Request, m proto.Message)) {
		for call := range uint64(20) {
			send(&mitterev1.Request{Call: call, Method: reactor.MethodName(serviceMethod("Echo"))}, &testv1.EchoRequest{})
		}
		send(&mitterev1.Request{Call: 20, Method: reactor.MethodName(serviceMethod("Numbers")), Credit: 1 << 31}, &testv1.NumbersRequest{})
	}
	drains := func(t *testing.T, r *running) {
		t.Helper()
		eventually(t, "all are answered, and the stream waits", func() bool { return r.Stats().Handled == 20 && r.Waiting() > 25 })
		ok(t, r.Drain(patient(t)))
		if n := r.Waiting(); n > 0 {
			t.Errorf("%d answers are kept", n)
		}
		ok(t, r.stop())
	}
	t.Run("client", func(t *testing.T) {
		zmq := newContext(t)
		server := must(messaging.NewServer(zmq, inprocEndpoint(t), narrow()))(t)
		r := serve(t, h, sockets(server), reactor.WithPool(8, nil), reactor.WithStopTimeout(0))
		c := &rawClient{t: t, dealer: must(comm.NewDealer(zmq, of(server), comm.WithHighWaterMark(1)))(t)}
		c.hello()
		requests(func(k *mitterev1.Request, m proto.Message) { k.Session = c.session; c.send(k, m) })
		drains(t, r)
	})
	t.Run("broker", func(t *testing.T) {
		zmq := newContext(t)
		b := &brokerEnd{t: t, router: must(comm.NewRouter(zmq, inprocEndpoint(t), comm.WithHighWaterMark(1)))(t)}
		worker := must(messaging.NewWorker(zmq, of(b.router), narrow()))(t)
		r := serve(t, h, sockets(worker), offering(), reactor.WithPool(8, nil), reactor.WithStopTimeout(0))
		b.accept(time.Minute)
		requests(func(k *mitterev1.Request, m proto.Message) { k.Session = b.session; b.sayWhenRoom(k, m) })
		drains(t, r)
	})
}

func TestThoseWhoJoinARequestAreBounded(t *testing.T) {
	zmq, d := newContext(t), newDepot()
	r, endpoint := serveDepot(t, zmq, d)
	c := newRawClient(t, zmq, endpoint)
	c.hello()
	c.store(&mitterev1.Request{Call: 1, Key: keyOf(1, 1)})
	<-d.begun
	const more = 1000
	for call := range uint64(more) {
		c.store(&mitterev1.Request{Call: call + 2, Key: keyOf(1, 1), Attempt: 2})
	}
	refused := 0
	for range more - 15 {
		reply := want[*mitterev1.Reply](c)
		if reply.GetRefused() && reply.GetStatus().GetCode() == messaging.ResourceExhausted {
			refused++
		}
	}
	close(d.proceed)
	for range 16 {
		if reply := want[*mitterev1.Reply](c); reply.GetStatus() != nil {
			t.Errorf("a waiting call gets %v", reply)
		}
	}
	if refused != more-15 || d.executed.Load() != 1 || r.Stats().Repeated != more {
		t.Errorf("%d refused, %d executed, %d repeated", refused, d.executed.Load(), r.Stats().Repeated)
	}
}

// TestServerThatStopsWaitsUntilItsLastWordIsRead answers a call, and has its client hang up.
func TestServerThatStopsWaitsUntilItsLastWordIsRead(t *testing.T) {
	zmq, d := newContext(t), newDepot()
	r, endpoint := serveDepot(t, zmq, d, reactor.WithStopTimeout(patience))
	c := newRawClient(t, zmq, endpoint)
	c.hello()
	c.store(&mitterev1.Request{Call: 1})
	<-d.begun
	close(d.proceed)
	c.wantReply(1, messaging.OK)
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	if last := want[*mitterev1.Disconnect](c); !last.GetRefused() {
		t.Errorf("the last word is %v, want that all is answered", last)
	}
	ok(t, c.dealer.Close())
	ok(t, <-stopped)
}

func TestHelloThatCannotBeTakenIsDismissed(t *testing.T) {
	zmq, d := newContext(t), newDepot()
	_, endpoint := serveDepot(t, zmq, d)
	c := newRawClient(t, zmq, endpoint)
	for _, wrong := range []struct {
		hello *mitterev1.Hello
		code  messaging.Code
	}{
		{&mitterev1.Hello{Instance: make([]byte, 65)}, messaging.InvalidArgument},
		{&mitterev1.Hello{FrameBytes: 1}, messaging.InvalidArgument},
		{&mitterev1.Hello{FrameBytes: 1023}, messaging.InvalidArgument},
		{&mitterev1.Hello{Role: 7}, messaging.Unimplemented},
		{&mitterev1.Hello{Role: -1}, messaging.Unimplemented},
	} {
		c.send(wrong.hello, nil)
		if code := want[*mitterev1.Disconnect](c).GetStatus().GetCode(); code != wrong.code {
			t.Errorf("%v: dismissed with %v, want %v", wrong.hello, code, wrong.code)
		}
	}
	c.hello()
}

func TestHelloOfExtremeValuesIsBounded(t *testing.T) {
	zmq, d := newContext(t), newDepot()
	_, endpoint := serveDepot(t, zmq, d)
	close(d.proceed)
	c := newRawClient(t, zmq, endpoint)
	for _, heartbeat := range []int64{math.MinInt64, -1, 0, 1, 1 << 62, math.MaxInt64} {
		for _, sent := range []int64{math.MinInt64, math.MaxInt64} {
			c.send(&mitterev1.Hello{HeartbeatNano: heartbeat, SentAtNano: sent, FrameBytes: math.MaxUint64}, nil)
			w := want[*mitterev1.Welcome](c)
			if agreed := time.Duration(w.GetHeartbeatNano()); agreed < reactor.DefaultHeartbeat || agreed > 30*time.Second {
				t.Errorf("a heartbeat of %v is agreed on where %v was asked for", agreed, time.Duration(heartbeat))
			}
			c.session = w.GetSession()
			c.store(&mitterev1.Request{Call: 1})
			c.wantReply(1, messaging.OK)
		}
	}
}

// TestClientWithoutAClockIsServed tells its time in its Hello, and not in its
// request.
func TestClientWithoutAClockIsServed(t *testing.T) {
	zmq, d := newContext(t), newDepot()
	_, endpoint := serveDepot(t, zmq, d)
	close(d.proceed)
	c := newRawClient(t, zmq, endpoint)
	c.send(&mitterev1.Hello{SentAtNano: 1 << 50}, nil)
	c.session = want[*mitterev1.Welcome](c).GetSession()
	c.store(&mitterev1.Request{Call: 1, TimeoutNano: int64(patience)})
	c.wantReply(1, messaging.OK)
}

// TestDrainWithNoTimeLeftSucceedsIfNothingRuns repeats what a coin may decide.
func TestDrainWithNoTimeLeftSucceedsIfNothingRuns(t *testing.T) {
	zmq := newContext(t)
	server := must(messaging.NewServer(zmq, tcp))(t)
	r := serve(t, reactor.NewHandlers(), sockets(server))
	over, end := context.WithCancel(context.Background())
	end()
	for range 50 {
		if err := r.Drain(over); err != nil {
			t.Fatalf("drain: %v", err)
		}
	}
}
