package reactor_test

import (
	"context"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

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
			t.Errorf("one of those who wait gets %v", reply)
		}
	}
	if refused != more-15 || d.executed.Load() != 1 || r.Stats().Repeated != more {
		t.Errorf("%d refused, %d executed, %d repeated", refused, d.executed.Load(), r.Stats().Repeated)
	}
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
