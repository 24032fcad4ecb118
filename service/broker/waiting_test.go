package broker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// waitingMethod is a method of a service that no test's worker answers.
var waitingMethod = call.Method{Name: "mittere.test.v1.EchoService/Echo"}

// waitingCall calls the service "echo" until ctx ends, or until it was told a reason
// with these words, and returns its error.
func waitingCall(ctx context.Context, t *testing.T, r *running, words string, options ...call.Option) error {
	t.Helper()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conn := must(call.Dial(r.zmq, r.Endpoints()[0], call.WithService("echo"), call.WithSocket(comm.WithLinger(0))))(t)
	defer func() { ok(t, conn.Close()) }()
	heard := call.WithWaiting(func(why error) {
		if why != nil && strings.Contains(why.Error(), words) {
			cancel(errHeard)
		}
	})
	_, err := call.Unary[*testv1.EchoResponse](
		ctx, conn, waitingMethod, &testv1.EchoRequest{}, append(options, heard)...)
	return err
}

// errHeard ends a call that was told what the test waits for.
var errHeard = errors.New("heard")

func TestCallersAreToldWhyTheirCallsWait(t *testing.T) {
	r := calm(t)
	wantReason := func(words string, options ...call.Option) {
		t.Helper()
		err := waitingCall(patient(t), t, r, words, options...)
		if !errors.Is(err, errHeard) || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want an error that says %q and that it was told so", err, words)
		}
	}
	wantReason(`no worker serves "echo"`)
	busy := r.register(t, "echo", "w1")[0]
	client := r.dial(t)
	defer client.Close()
	client.say("", "MDPC01", "echo", "x")
	busy.want()
	wantReason(`"echo" has 1 worker, and none is free`)
	wantReason(`the worker "w1" is busy`, call.ToWorker("w1"))
	for range 2 {
		client.say("", "MDPC01", "echo", "y")
	}
	wantReason(`and none is free; 2 requests wait before`)
	must(r.manage(t).Drain(patient(t), &mitterev1.DrainRequest{Workers: []string{"w1"}}))(t)
	wantReason(`"echo" has 1 worker, and all are draining`)
}

func TestCallWhoseTimeRanOutNamesTheReason(t *testing.T) {
	r := calm(t)
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	err := waitingCall(ctx, t, r, "what is never said")
	if messaging.CodeOf(err) != messaging.DeadlineExceeded || !strings.Contains(err.Error(), `no worker serves "echo"`) {
		t.Errorf("got %v", err)
	}
	err = waitingCall(patient(t), t, r, "what is never said", call.WithWait(time.Millisecond))
	if messaging.CodeOf(err) != messaging.DeadlineExceeded || !messaging.Refused(err) || !strings.Contains(err.Error(), `no worker serves "echo"`) {
		t.Errorf("got %v", err)
	}
}

func TestCallThatFailsFastIsRefusedWhenNoWorkerCanServeIt(t *testing.T) {
	r := calm(t)
	wantRefusal := func(words string) {
		t.Helper()
		err := waitingCall(patient(t), t, r, "what is never said", call.WithFailFast())
		if messaging.CodeOf(err) != messaging.Unavailable || !messaging.Refused(err) || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want UNAVAILABLE, refused, with %q", err, words)
		}
	}
	wantRefusal(`the service "echo" has no worker`)
	w := r.register(t, "echo", "w1")[0]
	client := r.dial(t)
	defer client.Close()
	client.say("", "MDPC01", "echo", "x")
	w.want()
	waits := make(chan error, 1)
	busy := make(chan struct{})
	go func() { // which has a worker to wait for, until that is gone
		conn, err := call.Dial(r.zmq, r.Endpoints()[0], call.WithService("echo"), call.WithSocket(comm.WithLinger(0)))
		if err != nil {
			waits <- err
			return
		}
		defer conn.Close()
		_, err = call.Unary[*testv1.EchoResponse](context.Background(), conn, waitingMethod, &testv1.EchoRequest{},
			call.WithFailFast(), call.WithWaiting(func(why error) {
				if why != nil && strings.Contains(why.Error(), "none is free") {
					close(busy)
				}
			}))
		waits <- err
	}()
	<-busy
	must(r.manage(t).Drain(patient(t), &mitterev1.DrainRequest{Workers: []string{"w1"}}))(t)
	if err := <-waits; messaging.CodeOf(err) != messaging.Unavailable || !messaging.Refused(err) {
		t.Errorf("got %v, want UNAVAILABLE, refused", err)
	}
	wantRefusal("all of them drain")
}

// A client that does not say that it knows Waiting is told nothing.
func TestClientsOfYesterdayAreNotToldWhyTheyWait(t *testing.T) {
	r := calm(t)
	p := r.dial(t)
	defer p.Close()
	p.command(&mitterev1.Hello{Instance: []byte("yesterday"), Role: mitterev1.Role_ROLE_CLIENT, HeartbeatNano: int64(time.Minute)}, nil)
	welcome := answered[*mitterev1.Welcome](p)
	c := must(command.New(&mitterev1.Request{
		Call: 1, Session: welcome.GetSession(), Service: "echo", Method: waitingMethod.Name, WaitNano: int64(500 * time.Millisecond),
	}, &testv1.EchoRequest{}))(t)
	p.command(c.Kind, c.Body)
	m := must(p.Recv(patient(t)))(t)
	first := must(command.Decode(m.Frames))(t)
	if _, reply := first.Kind.(*mitterev1.Reply); !reply {
		t.Errorf("got a %T, want its reply and nothing before", first.Kind)
	}
}
