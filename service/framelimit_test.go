package service_test

import (
	"context"
	"strings"
	"testing"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// narrow is how many bytes of a frame the callers of these tests take, far fewer than
// who serves them.
const narrow = 8000

// wide answers with messages, errors and news that are larger, and holds what it is asked
// to store.
func wide(d *depot) *reactor.Handlers {
	large := strings.Repeat("x", 2*narrow)
	h := serving(func(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		switch r.GetText() {
		case "reply":
			return &testv1.EchoResponse{Text: large}, nil
		case "error":
			return nil, messaging.Errorf(messaging.Aborted, "%s", large)
		case "details":
			return nil, messaging.Errorf(messaging.Aborted, "no").WithDetails(&testv1.Note{Text: large})
		case "progress":
			return &testv1.EchoResponse{}, reactor.Progress(ctx, &testv1.Note{Text: large})
		default:
			return &testv1.EchoResponse{Text: r.GetText()}, nil
		}
	}, d.store)
	reactor.Stream(h, func(_ context.Context, n *testv1.Note, send func(*testv1.Blob) error) error {
		for i := range n.GetNumber() {
			if err := send(&testv1.Blob{Data: make([]byte, i*2*narrow)}); err != nil {
				return err
			}
		}
		return nil
	})
	return h
}

// narrowly has the ways to a service that answers with more than a caller takes: each
// returns where the caller connects to.
var narrowly = map[string]func(*testing.T, *comm.Context, *reactor.Handlers) service.Source{
	"directly": func(t *testing.T, zmq *comm.Context, h *reactor.Handlers) service.Source {
		return service.FromEndpoints(serve(t, zmq, h, service.WithBind(tcp)).Endpoints()...)
	},
	"directly over inproc": func(t *testing.T, zmq *comm.Context, h *reactor.Handlers) service.Source {
		return service.FromEndpoints(serve(t, zmq, h, service.WithBind(inproc())).Endpoints()...)
	},
	"through a broker": func(t *testing.T, zmq *comm.Context, h *reactor.Handlers) service.Source {
		b := serveBroker(t, zmq)
		w, _ := working(t, must(service.NewServer(zmq, "", h, service.WithBroker(b), service.WithLogger(quiet)))(t))
		ok(t, w.WaitRegistered(patient(t)))
		return service.FromBroker(b)
	},
}

// TestAnswerLargerThanItsCallerTakesEndsThatCallAlone has another call of the same session
// go on.
func TestAnswerLargerThanItsCallerTakesEndsThatCallAlone(t *testing.T) {
	for name, way := range narrowly {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zmq, d := newContext(t), newDepot()
			c := newClient(t, zmq, way(t, zmq, wide(d)), service.WithSocket(comm.WithMaxFrameSize(narrow)))
			other := goStore(patient(t), c, 7)
			receive(t, "the other call", d.begun)
			_, err := askEcho(patient(t), c, "progress") // which is told the handler, or dropped by a broker
			if err != nil {
				wantCode(t, err, messaging.ResourceExhausted)
			}
			for _, what := range []string{"reply", "error", "details"} {
				_, err := askEcho(patient(t), c, what)
				if wantCode(t, err, messaging.ResourceExhausted); messaging.Refused(err) {
					t.Errorf("%s: %v is refused, though the request was executed", what, err)
				}
			}
			items := 0
			var last error
			for _, err := range call.Stream[*testv1.Blob](patient(t), c, call.Method{Streaming: true}, &testv1.Note{Number: 5}) {
				if last = err; err == nil {
					items++
				}
			}
			if wantCode(t, last, messaging.ResourceExhausted); items != 1 {
				t.Errorf("%d items came before, want 1", items)
			}
			close(d.proceed)
			if got := must(other.Wait(patient(t)))(t); got.GetTimes() != 7 || d.executed.Load() != 1 {
				t.Errorf("the other call got %v", got)
			}
		})
	}
}

func TestManagementAnswersNoMoreThanItsCallerTakes(t *testing.T) {
	for name, way := range narrowly {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zmq := newContext(t)
			c := newClient(t, zmq, way(t, zmq, handlers()), service.WithSocket(comm.WithMaxFrameSize(1024)))
			_, err := manage(c).Descriptors(patient(t), &mitterev1.DescriptorsRequest{})
			wantCode(t, err, messaging.ResourceExhausted)
			must(manage(c).Ping(patient(t), &mitterev1.PingRequest{}))(t)
		})
	}
}

func TestBrokerTellsOfItselfNoMoreThanItsCallerTakes(t *testing.T) {
	zmq := newContext(t)
	b := serveBroker(t, zmq)
	for range 2 {
		w, _ := working(t, must(service.NewServer(zmq, "", handlers(), service.WithBroker(b), service.WithLogger(quiet), service.WithVersion(strings.Repeat("v", 1000))))(t))
		ok(t, w.WaitRegistered(patient(t)))
	}
	c := must(service.NewClient(zmq, "mittere.v1.Broker", service.FromBroker(b), service.WithSocket(comm.WithMaxFrameSize(1024))))(t)
	defer c.Close()
	about := mitterev1mittere.NewBrokerServiceClient(c)
	_, err := about.ListWorkers(patient(t), &mitterev1.ListWorkersRequest{})
	wantCode(t, err, messaging.ResourceExhausted)
	must(about.Status(patient(t), &mitterev1.BrokerServiceStatusRequest{}))(t)
}
