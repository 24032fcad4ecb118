package broker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

func TestWorkerThatDisconnectedGetsNothingThatWasToBeSent(t *testing.T) {
	b := serve(t, broker.WithHeartbeat(slow, 3), broker.WithDrainTimeout(0))
	worker, client := b.dial(t, comm.WithRoutingID("worker")), b.dial(t, comm.WithRoutingID("client"))
	worker.ready("echo")
	client.say("", "MDPC01", "mmi.service", "echo")
	client.want()
	eventually(t, "it is registered", func() bool { return len(b.workers()) == 1 })
	b.Take(
		messageOf("client", "", "MDPC01", "echo", "never"),
		messageOf("worker", "", "MDPW01", "\x05"),
	)
	worker.ready("other")
	client.say("", "MDPC01", "other", "next")
	if got := worker.want(); len(got) != 6 || got[5] != "next" {
		t.Errorf("the worker got %q", got)
	}
}

func TestMessagesOfOneEventStayInOrder(t *testing.T) {
	b := serve(t, broker.WithSocket(narrow()), broker.WithBacklog(10_000, 1<<30, 1<<30))
	endpoint, _ := b.Inner()
	lazy := b.dialAt(t, endpoint, narrow(), comm.WithRoutingID("lazy"))
	other := b.dial(t, comm.WithRoutingID("other"))
	for _, p := range []*peer{lazy, other} {
		p.say("", "MDPC01", "mmi.service", "0")
		p.want()
	}
	const many = 200
	name := func(i int) string { return fmt.Sprint("mmi.", i) }
	var batch []comm.Message
	for i := range many {
		batch = append(batch, messageOf("lazy", "", "MDPC01", name(i), "?"), messageOf("other", "", "MDPC01", "mmi.x", "?"))
	}
	var reading sync.WaitGroup
	reading.Go(func() { // so that there is room now and then
		for i := range many {
			if got, err := lazy.hear(patient(t)); err != nil || len(got) != 4 || got[2] != name(i) {
				t.Errorf("answer %d is %q, %v", i, got, err)
				return
			}
		}
	})
	b.Take(batch...)
	reading.Wait()
	for range many {
		other.want()
	}
}

// TestRequestsThatNeverLeftGoToAnotherWorker has a worker get several at once whose
// connection has ended: a second execution would do harm, and there is none.
func TestRequestsThatNeverLeftGoToAnotherWorker(t *testing.T) {
	b := serve(t, broker.WithHeartbeat(slow, 3), broker.WithShortestHeartbeat(slow))
	client := b.dial(t, comm.WithRoutingID("client"))
	session := client.hello(mitterev1.Role_ROLE_CLIENT).GetSession()
	gone := b.dial(t, comm.WithRoutingID("gone"))
	ready := &mitterev1.Ready{Session: gone.hello(mitterev1.Role_ROLE_WORKER).GetSession(), Instance: "gone", Services: []string{"echo"}, Capacity: 10}
	gone.command(ready, nil)
	eventually(t, "it is registered", func() bool { return len(b.workers()) == 1 })
	var batch []comm.Message
	for call := range 10 {
		c := messaging.Command{Kind: request(session, uint64(call+1)), Body: body(t)}
		batch = append(batch, comm.NewMessage(slices.Concat([][]byte{[]byte("client")}, must(c.Frames())(t))...))
	}
	ok(t, gone.Close())
	b.TakeWithout("gone", batch...)
	if delivered := b.Stats().Counters.Delivered; delivered != 10 || len(b.workers()) != 0 {
		t.Fatalf("%d requests were given to the worker", delivered)
	}
	ctx, cancel := context.WithCancel(patient(t))
	var working sync.WaitGroup
	answer := string(body(t))
	second := b.dial(t)
	working.Go(func() { second.work(ctx, "echo", func(string) string { return answer }) })
	for range 10 {
		if got := answered[*mitterev1.Reply](client); got.GetStatus().GetCode() != mitterev1.Code_CODE_UNSPECIFIED {
			t.Errorf("got %v", got)
		}
	}
	cancel()
	working.Wait()
}

func TestRequestThatIsTooLargeForAWorkerIsAnsweredAndTheWorkerIsFree(t *testing.T) {
	b := serve(t, broker.WithSocket(comm.WithMaxFrameSize(2000)), broker.WithLimits(desk.Limits{Deliveries: 1}))
	client, worker := b.dial(t), b.dial(t)
	session := worker.hello(mitterev1.Role_ROLE_WORKER).GetSession()
	worker.command(&mitterev1.Ready{Session: session, Instance: "one", Services: []string{"echo"}, Capacity: 1}, nil)
	eventually(t, "it is registered", func() bool { return len(b.workers()) == 1 })
	part := strings.Repeat("x", 1500)
	client.say("", "MDPC01", "echo", part, part) // which go to the worker in one frame
	got := client.want()
	e := must(messaging.Decode([]byte(got[len(got)-1])))(t)
	if e.Type != "mittere.v1.Status" || b.workers()[0].InFlight != 0 {
		t.Errorf("the client got a %s, the worker has %d requests", e.Type, b.workers()[0].InFlight)
	}
}
