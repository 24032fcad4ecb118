package majordomo_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/majordomo"
)

func TestFailedHandlersAreTypedErrorsAtTheClient(t *testing.T) {
	zmq := newContext(t)
	at, _ := serve(t, zmq, "tcp://127.0.0.1:*")
	work(t, zmq, at, "fail", func(_ context.Context, request [][]byte) ([][]byte, error) {
		switch text(request) {
		case "panic":
			panic("secret")
		case "end":
			runtime.Goexit()
		case "nil":
			return nil, (*messaging.Error)(nil)
		case "large":
			return [][]byte{make([]byte, 10_000)}, nil
		case "plain":
			return nil, errors.New("plain")
		}
		return nil, messaging.Errorf(messaging.NotFound, "no %s", request[0])
	}, majordomo.WithMaxFrameSize(5000))
	c := dial(t, zmq, at)
	for body, want := range map[string]messaging.Code{
		"panic": messaging.Internal, "end": messaging.Internal, "nil": messaging.Internal,
		"large": messaging.ResourceExhausted, "plain": messaging.Unknown, "unicorn": messaging.NotFound,
	} {
		_, err := c.Request(patient(t), "fail", []byte(body))
		if e, is := errors.AsType[*messaging.Error](err); !is || e.Code != want || !e.Remote() {
			t.Errorf("%s: error %v, want %v", body, err, want)
		}
	}
}

func TestWorkerThatIsBusyForLongIsNotTakenForDead(t *testing.T) {
	for _, v := range []majordomo.Version{majordomo.V1, majordomo.V2} {
		zmq := newContext(t)
		at, _ := serve(t, zmq, "tcp://127.0.0.1:*")
		work(t, zmq, at, "slow", func(ctx context.Context, request [][]byte) ([][]byte, error) {
			select {
			case <-time.After(2 * liveness * heartbeat): // is what is tested
				return request, nil
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}, majordomo.WithVersion(v))
		ask(t, dial(t, zmq, at), "slow", "hi", "hi")
	}
}

func TestWorkerComesBackWhenTheBrokerIsRestarted(t *testing.T) {
	for _, endpoint := range []string{"tcp://127.0.0.1:*", "inproc://broker"} {
		zmq := newContext(t)
		at, stop := serve(t, zmq, endpoint)
		work(t, zmq, at, "echo", echo)
		ask(t, dial(t, zmq, at), "echo", "one", "one")
		for range 3 {
			stop()
			at, stop = serve(t, zmq, at)
			ask(t, dial(t, zmq, at), "echo", "two", "two")
		}
	}
}

func TestWorkerBeginsAnewOnDisconnectAndOnSilence(t *testing.T) {
	zmq := newContext(t)
	f := pretend(t, zmq)
	work(t, zmq, f.Endpoints()[0], "echo", echo)
	first, _ := f.hear("|MDPW01|\x01|echo")
	f.say(first, "|MDPW01|\x05")
	second, _ := f.hear("|MDPW01|\x01|echo")
	f.hear("|MDPW01|\x04")                  // and the broker is silent
	third, _ := f.hear("|MDPW01|\x01|echo") // until the worker is impatient
	if first == second || second == third {
		t.Error("no new socket")
	}
}

func TestSessionThatIsLostEndsTheHandler(t *testing.T) {
	zmq := newContext(t)
	f := pretend(t, zmq)
	ended := make(chan error, 1)
	work(t, zmq, f.Endpoints()[0], "echo", func(ctx context.Context, _ [][]byte) ([][]byte, error) {
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil, ctx.Err()
	})
	from, _ := f.hear("|MDPW01|\x01|echo")
	f.say(from, "|MDPW01|\x02|client||hi")
	f.say(from, "|MDPW01|\x05")
	if err := await(t, ended); messaging.CodeOf(err) != messaging.Unavailable {
		t.Errorf("cause %v", err)
	}
	f.hear("|MDPW01|\x01|echo")
}

func TestSecondRequestToABusyWorkerBeginsAnew(t *testing.T) {
	zmq := newContext(t)
	f := pretend(t, zmq)
	work(t, zmq, f.Endpoints()[0], "echo", func(ctx context.Context, _ [][]byte) ([][]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	from, _ := f.hear("|MDPW01|\x01|echo")
	f.say(from, "|MDPW01|\x02|client||hi")
	f.say(from, "|MDPW01|\x02|client||hi")
	if again, _ := f.hear("|MDPW01|\x05"); again != from {
		t.Error("another worker's DISCONNECT")
	}
	f.hear("|MDPW01|\x01|echo")
}

func TestGarbageOfABrokerDoesNotEndAWorker(t *testing.T) {
	zmq := newContext(t)
	f := pretend(t, zmq)
	r := work(t, zmq, f.Endpoints()[0], "echo", echo)
	from, _ := f.hear("|MDPW01|\x01|echo")
	for _, garbage := range []string{
		"", "|", "|MDPW01", "|MDPW01|", "|MDPW01|\x01|echo", "|MDPW01|\x02", "|MDPW01|\x02|client", "|MDPW01|\x02|client|x|y",
		"|MDPW01|\x03|client||x", "|MDPW01|\x05|more", "|MDPW01|\x09", "MDPW02|\x06", "|MDPC01|echo|x", "\x00\xff",
	} {
		f.say(from, garbage)
	}
	f.say(from, "|MDPW01|\x02|client||hi")
	if to, answer := f.hear("|MDPW01|\x03|"); to != from || answer != "client||hi" {
		t.Errorf("answer %q", answer)
	}
	f.say(from, "|MDPW01|\x02|client|") // without a body: one empty frame
	if _, answer := f.hear("|MDPW01|\x03|"); answer != "client||" {
		t.Errorf("answer %q", answer)
	}
	ok(t, r.stop())
	f.hear("|MDPW01|\x05")
}

func TestWorkerThatStopsEndsItsRequestFirst(t *testing.T) {
	zmq := newContext(t)
	f := pretend(t, zmq)
	begun, proceed := make(chan struct{}), make(chan struct{})
	r := work(t, zmq, f.Endpoints()[0], "echo", func(_ context.Context, request [][]byte) ([][]byte, error) {
		close(begun)
		<-proceed
		return request, nil
	}, majordomo.WithHeartbeat(heartbeat, 1000))
	from, _ := f.hear("|MDPW01|\x01|echo")
	f.say(from, "|MDPW01|\x02|client||hi")
	await(t, begun)
	r.cancel()
	f.hear("|MDPW01|\x04") // it lives for as long
	close(proceed)
	f.hear("|MDPW01|\x03|client||hi")
	f.hear("|MDPW01|\x05")
	ok(t, r.stop())
}

func TestWorkerThatStopsWaitsNoLongerThanItsDrainTimeout(t *testing.T) {
	zmq := newContext(t)
	f := pretend(t, zmq)
	begun := make(chan struct{})
	r := work(t, zmq, f.Endpoints()[0], "echo", func(ctx context.Context, _ [][]byte) ([][]byte, error) {
		close(begun)
		<-ctx.Done()
		return nil, ctx.Err()
	}, majordomo.WithDrainTimeout(time.Millisecond))
	from, _ := f.hear("|MDPW01|\x01|echo")
	f.say(from, "|MDPW01|\x02|client||hi")
	await(t, begun)
	ok(t, r.stop())
	f.hear("|MDPW01|\x05")
}

func TestWorkerWithoutABrokerStopsAtOnce(t *testing.T) {
	for _, endpoint := range []string{"tcp://127.0.0.1:9", "inproc://nobody"} {
		w := must(majordomo.NewWorker(newContext(t), endpoint, "echo", echo, majordomo.WithLogger(quiet())))(t)
		ok(t, run(t, w.Run).stop())
		if err := w.Run(patient(t)); messaging.CodeOf(err) != messaging.FailedPrecondition {
			t.Errorf("second Run: %v", err)
		}
	}
}

func TestWorkerWhoseContextOfCommIsClosedEnds(t *testing.T) {
	zmq := must(comm.NewContext())(t)
	w := must(majordomo.NewWorker(zmq, "tcp://127.0.0.1:9", "echo", echo, majordomo.WithLogger(quiet())))(t)
	ok(t, zmq.Close())
	if err := w.Run(patient(t)); err == nil {
		t.Error("no error")
	}
}
