package broker_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker"
)

// slow is a heartbeat of which no test outlives three.
const slow = 20 * time.Second

// request returns a request of a native client.
func request(session, call uint64) *mitterev1.Request {
	return &mitterev1.Request{Session: session, Call: call, Service: "echo", Attempt: 1, TimeoutNano: int64(patience)}
}

// body returns an envelope.
func body(t testing.TB) []byte {
	t.Helper()
	e := must(messaging.Pack(&mitterev1.Key{Instance: []byte("any")}))(t)
	return e.Append(nil)
}

func TestSessionGetsHeartbeatsAndEndsInSilence(t *testing.T) {
	b := serve(t, broker.WithShortestHeartbeat(50*time.Millisecond), broker.WithName("one"))
	client := b.dial(t)
	welcome := client.hello(mitterev1.Role_ROLE_CLIENT)
	if welcome.GetInstance() != "one" || welcome.GetHeartbeatNano() != int64(50*time.Millisecond) {
		t.Errorf("got %v", welcome)
	}
	client.command(request(welcome.GetSession(), 1), body(t))
	eventually(t, "the request waits", func() bool { return b.Stats().Load.Calls == 1 })
	answered[*mitterev1.Heartbeat](client)
	eventually(t, "it is cancelled with its session", func() bool { return b.Stats().Counters.Cancelled == 1 })
	client.command(request(welcome.GetSession(), 2), body(t))
	if got := answered[*mitterev1.Disconnect](client); got.GetStatus().GetCode() != mitterev1.Code_CODE_UNAVAILABLE {
		t.Errorf("got %v", got)
	}
}

func TestRequestsOfAClientWhoseConnectionEndsAreCancelledAtOnce(t *testing.T) {
	b := serve(t, broker.WithHeartbeat(slow, 3), broker.WithShortestHeartbeat(slow))
	client := b.dial(t)
	session := client.hello(mitterev1.Role_ROLE_CLIENT).GetSession()
	client.command(request(session, 1), body(t))
	eventually(t, "the request waits", func() bool { return b.Stats().Load.Calls == 1 })
	ok(t, client.Close())
	eventually(t, "it is cancelled", func() bool { return b.Stats().Counters.Cancelled == 1 })
	eventually(t, "nothing is left", func() bool { return b.sessions() == 0 && b.peers() == 0 })
}

func TestRequestOfAWorkerWhoseConnectionEndsGoesToAnotherAtOnce(t *testing.T) {
	b := serve(t, broker.WithHeartbeat(slow, 3))
	client, first, second := b.dial(t), b.dial(t), b.dial(t)
	first.ready("echo")
	client.say("", "MDPC01", "echo", "x")
	first.want()
	ctx, cancel := context.WithCancel(patient(t))
	var working sync.WaitGroup
	working.Go(func() { second.work(ctx, "echo", func(body string) string { return "second " + body }) })
	eventually(t, "both are registered", func() bool { return len(b.workers()) == 2 })
	ok(t, first.Close())
	if got := client.want(); !slices.Equal(got, []string{"", "MDPC01", "echo", "second x"}) {
		t.Errorf("the client got %q", got)
	}
	cancel()
	working.Wait()
}

func TestWorkerThatIsThereIsNotLostWithTheConnectionsOfOthers(t *testing.T) {
	b := serve(t, broker.WithHeartbeat(slow, 3))
	worker := b.dial(t)
	worker.ready("echo")
	eventually(t, "it is registered", func() bool { return len(b.workers()) == 1 })
	other := b.dial(t)
	other.say("", "MDPC01", "mmi.service", "echo")
	other.want()
	ok(t, other.Close())
	if got := must(worker.Recv(patient(t)))(t).Frames; len(got) != 3 || string(got[2]) != "\x04" {
		t.Errorf("the worker got %q", got)
	}
	if len(b.workers()) != 1 {
		t.Error("the worker is lost")
	}
}

func TestBrokerThatStopsSaysSoInSessions(t *testing.T) {
	b := serve(t)
	client, worker := b.dial(t), b.dial(t)
	worker.ready("echo")
	session := client.hello(mitterev1.Role_ROLE_CLIENT).GetSession()
	client.command(request(session, 7), body(t))
	asked := worker.want()
	b.cancel()
	if got := answered[*mitterev1.Drain](client); got.GetSession() != session {
		t.Errorf("got %v", got)
	}
	worker.say("", "MDPW01", "\x03", asked[3], "", "done")
	if got := answered[*mitterev1.Reply](client); got.GetCall() != 7 {
		t.Errorf("got %v", got)
	}
	if got := answered[*mitterev1.Disconnect](client); got.GetStatus().GetCode() != mitterev1.Code_CODE_UNAVAILABLE {
		t.Errorf("got %v", got)
	}
	ok(t, b.stop())
}

// TestSlowClientGetsItsAnswersWhenTheBrokerStops has a client read only when the broker has
// stopped, which has no time for what runs.
func TestSlowClientGetsItsAnswersWhenTheBrokerStops(t *testing.T) {
	const calls = 100
	b := serve(t, broker.WithDrainTimeout(0), broker.WithHeartbeat(slow, 3), broker.WithShortestHeartbeat(slow), broker.WithSocket(comm.WithHighWaterMark(4)))
	ctx, cancel := context.WithCancel(patient(t))
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	worker, client := b.dial(t), b.dial(t, comm.WithHighWaterMark(4))
	large := strings.Repeat("x", 200_000)
	working.Go(func() { worker.work(ctx, "echo", func(string) string { return large }) })
	session := client.hello(mitterev1.Role_ROLE_CLIENT).GetSession()
	for call := range uint64(calls) {
		client.command(request(session, call+1), body(t))
	}
	eventually(t, "all are answered, as far as the broker can", func() bool { return b.Stats().Counters.Answered == calls })
	if b.Stats().Waiting == 0 {
		t.Error("no answer waits for its client")
	}
	b.cancel()
	eventually(t, "it stops", b.Stopping)
	for range calls {
		if reply := answered[*mitterev1.Reply](client); reply.GetStatus() != nil {
			t.Fatalf("an answer is %v", reply)
		}
	}
	if last := answered[*mitterev1.Disconnect](client); !last.GetRefused() {
		t.Errorf("the last word is %v", last)
	}
	ok(t, client.Close())
	ok(t, b.stop())
}
