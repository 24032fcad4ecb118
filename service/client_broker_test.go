package service_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
)

// says is what a scripted broker sends when a request comes.
type says func(r *mitterev1.Request) [][][]byte

// scriptedBroker is the broker's end of the protocol, with a test in the place of
// workers.
type scriptedBroker struct {
	*comm.Router
	endpoint string
	requests chan *mitterev1.Request // all that came
	peers    chan []byte             // who said hello
}

// scripted runs a scripted broker until the test ends.
func scripted(t testing.TB, zmq *comm.Context, endpoint string, says says) *scriptedBroker {
	t.Helper()
	return scriptedOn(t, must(comm.NewRouter(zmq, endpoint))(t), says)
}

// scriptedOn runs a scripted broker on a socket until the test ends.
func scriptedOn(t testing.TB, router *comm.Router, says says) *scriptedBroker {
	b := &scriptedBroker{
		Router: router, endpoint: router.Endpoints()[0], requests: make(chan *mitterev1.Request, 1000), peers: make(chan []byte, 1000),
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			m, err := router.Recv(ctx)
			if err != nil {
				return
			}
			c, _ := command.Decode(m.Frames[1:])
			var answers [][][]byte
			switch k := c.Kind.(type) {
			case *mitterev1.Hello:
				b.peers <- m.Frames[0]
				answers = append(answers, word(&mitterev1.Welcome{
					Session: 1, HeartbeatNano: int64(time.Minute), Features: []string{command.FeatureTargets},
				}, nil))
			case *mitterev1.Request:
				b.requests <- k
				answers = says(k)
			}
			for _, answer := range answers {
				_ = router.Send(ctx, comm.NewMessage(slices.Concat([][]byte{m.Frames[0]}, answer)...)) // its peer may be gone
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		serving.Wait()
		ok(t, router.Close())
	})
	return b
}

// word returns a command as it travels.
func word(kind, message proto.Message) [][]byte {
	c, err := command.New(kind, message)
	if err != nil {
		panic(err)
	}
	frames, err := c.Frames()
	if err != nil {
		panic(err)
	}
	return frames
}

// answerOf answers a request as a worker does.
func answerOf(r *mitterev1.Request, worker string, more bool) [][]byte {
	return word(&mitterev1.Reply{Call: r.GetCall(), Instance: worker, More: more}, &testv1.EchoResponse{Text: "hello"})
}

// refusal refuses a request.
func refusal(r *mitterev1.Request, code messaging.Code) [][]byte {
	return word(&mitterev1.Reply{Call: r.GetCall(), Refused: true, Status: &mitterev1.Status{Code: code, Message: "not now"}}, nil)
}

// silent answers nothing.
func silent(*mitterev1.Request) [][][]byte { return nil }

// echoing answers each request at once.
func echoing(r *mitterev1.Request) [][][]byte { return [][][]byte{answerOf(r, "w", false)} }

func TestCallsGoToTheBrokerWithTheirServiceAndTarget(t *testing.T) {
	zmq := newContext(t)
	b := scripted(t, zmq, tcp, echoing)
	c := newClient(t, zmq, service.FromBroker(b.endpoint))
	if worker := wantEcho(t, c); worker != "w" {
		t.Errorf("%q answered", worker)
	}
	if r := receive(t, "the request", b.requests); r.GetService() != echoService || r.GetTarget() != nil {
		t.Errorf("got %v", r)
	}
	must(askEcho(patient(t), c, "hello", call.ToWorker("w")))(t)
	if r := receive(t, "the request", b.requests); !slices.Equal(r.GetTarget().GetNames(), []string{"w"}) {
		t.Errorf("got %v", r)
	}
	if members := c.Members(); len(members) != 1 || !members[0].Ready || members[0].Instance.GetId() != b.endpoint {
		t.Errorf("the members are %v", members)
	}
}

func TestBrokerAnswersForAllItsWorkers(t *testing.T) {
	zmq := newContext(t)
	b := scripted(t, zmq, tcp, func(r *mitterev1.Request) [][][]byte {
		return [][][]byte{
			word(&mitterev1.Accepted{Call: r.GetCall(), Instances: []string{"v", "w"}, Unknown: []string{"x"}}, nil), answerOf(r, "w", true), answerOf(r, "v", false),
		}
	})
	c := newClient(t, zmq, service.FromBroker(b.endpoint))
	wantAnswers(t, askAll(patient(t), c, call.ToWorkers("v", "w", "x")), "x: CODE_NOT_FOUND", "w: hello", "v: hello")
	if r := receive(t, "the request", b.requests); len(r.GetTarget().GetNames()) != 3 {
		t.Errorf("got %v", r)
	}
}

// TestBrokerThatComesBackGetsTheCallAgain closes a broker that has a call and lets
// another one follow it on its port.
func TestBrokerThatComesBackGetsTheCallAgain(t *testing.T) {
	zmq := newContext(t)
	b := scripted(t, zmq, tcp, silent)
	c := newClient(t, zmq, service.FromBroker(b.endpoint))
	p := call.Go(patient(t), call.Bind[*testv1.EchoRequest, *testv1.EchoResponse](c, echoMethod), &testv1.EchoRequest{})
	first := receive(t, "the call", b.requests)
	ok(t, b.Close())
	awaitReady(t, c, 0)
	again := scriptedAgain(t, zmq, b.endpoint, echoing)
	must(p.Wait(patient(t)))(t)
	second := receive(t, "the call again", again.requests)
	if !proto.Equal(first.GetKey(), second.GetKey()) || first.GetAttempt() != 1 || second.GetAttempt() != 2 {
		t.Errorf("first %v, then %v", first, second)
	}
}

// scriptedAgain runs a scripted broker where another one was.
func scriptedAgain(t testing.TB, zmq *comm.Context, endpoint string, says says) *scriptedBroker {
	t.Helper()
	var router *comm.Router
	eventually(t, "the endpoint is free", func() (free bool) {
		var err error
		router, err = comm.NewRouter(zmq, endpoint)
		return err == nil
	})
	return scriptedOn(t, router, says)
}

func TestCallThatMayDoHarmIsNotTriedAgainAtABroker(t *testing.T) {
	zmq := newContext(t)
	b := scripted(t, zmq, tcp, silent)
	c := newClient(t, zmq, service.FromBroker(b.endpoint))
	p := goStore(patient(t), c, 1)
	receive(t, "the call", b.requests)
	ok(t, b.Close())
	_, err := p.Wait(patient(t))
	if wantCode(t, err, messaging.Unavailable); messaging.Refused(err) {
		t.Errorf("%v: whether it was executed is not known", err)
	}
}

func TestCallOfSeveralThatWasAcceptedIsNotTriedAgain(t *testing.T) {
	zmq := newContext(t)
	b := scripted(t, zmq, tcp, func(r *mitterev1.Request) [][][]byte {
		return [][][]byte{word(&mitterev1.Accepted{Call: r.GetCall(), Instances: []string{"v", "w"}}, nil)}
	})
	c := newClient(t, zmq, service.FromBroker(b.endpoint), service.WithPatience(20*time.Millisecond))
	accepted := 0
	for a := range askAll(patient(t), c, call.WithAccepted(func([]string, []string) { accepted++; ok(t, b.Close()) })) {
		if wantCode(t, a.Err, messaging.Unavailable); a.Worker != "" || strings.Contains(a.Err.Error(), "and then") {
			t.Errorf("got %+v", a)
		}
	}
	if accepted != 1 {
		t.Errorf("it was accepted %d times", accepted)
	}
}

func TestRefusedCallsAreTriedAgainAtABroker(t *testing.T) {
	zmq := newContext(t)
	for _, test := range []struct {
		code     messaging.Code
		requests int
		target   []call.Option
	}{
		{messaging.Unavailable, 2, nil},
		{messaging.ResourceExhausted, 2, nil},
		{messaging.Unavailable, 2, []call.Option{call.ToWorker("w")}},
		{messaging.NotFound, 1, []call.Option{call.ToWorker("w")}},
		{messaging.Aborted, 1, nil},
	} {
		tries := 0
		b := scripted(t, zmq, tcp, func(r *mitterev1.Request) [][][]byte {
			if tries++; tries == 1 {
				return [][][]byte{refusal(r, test.code)}
			}
			return echoing(r)
		})
		c := newClient(t, zmq, service.FromBroker(b.endpoint))
		_, err := askEcho(patient(t), c, "hello", test.target...)
		if test.requests == 1 {
			wantRefused(t, err, test.code)
		} else {
			ok(t, err)
		}
		if n := len(b.requests); n != test.requests {
			t.Errorf("%v: %d requests, want %d", test.code, n, test.requests)
		}
	}
}

func TestBrokerThatDrainsGetsNoFurtherCalls(t *testing.T) {
	zmq := newContext(t)
	drained, other := scripted(t, zmq, tcp, echoing), scripted(t, zmq, tcp, echoing)
	c := newClient(t, zmq, service.FromBroker(drained.endpoint, other.endpoint))
	awaitReady(t, c, 2)
	peer := receive(t, "the client", drained.peers)
	ok(t, drained.Send(patient(t), comm.NewMessage(append([][]byte{peer}, word(&mitterev1.Drain{Session: 1}, nil)...)...)))
	awaitReady(t, c, 1)
	for range 10 {
		wantEcho(t, c)
	}
	if n := len(drained.requests); n != 0 {
		t.Errorf("%d calls went to a broker that drains", n)
	}
}

func TestErrorsSpeakOfTheBroker(t *testing.T) {
	zmq := newContext(t)
	here, there := inproc(), inproc()
	for _, test := range []struct {
		why     string
		brokers []string
	}{
		{"the broker at " + here + " cannot be reached: ", []string{here}},
		{"none of 2 brokers can be reached: ", []string{here, there}},
	} {
		c := newClient(t, zmq, service.FromBroker(test.brokers...), service.WithPatience(20*time.Millisecond))
		_, err := askEcho(patient(t), c, "x")
		if e := wantRefused(t, err, messaging.Unavailable); !strings.Contains(e.Message, test.why) || strings.Contains(e.Message, "instance") {
			t.Errorf("%q does not say %q", e.Message, test.why)
		}
		wantAnswers(t, askAll(patient(t), c), ": CODE_UNAVAILABLE")
	}
}

func TestClientNeedsASourceAndABrokerAName(t *testing.T) {
	zmq := newContext(t)
	for name, from := range map[string]service.Source{
		"":  service.FromBroker(inproc()),
		"x": service.FromBroker(),
		"y": service.FromRegistry(""),
		"z": {},
	} {
		_, err := service.NewClient(zmq, name, from)
		wantCode(t, err, messaging.InvalidArgument)
	}
}

func TestCallThatFailsFastIsTriedOnceAtEachBroker(t *testing.T) {
	zmq := newContext(t)
	refuse := func(r *mitterev1.Request) [][][]byte {
		if !r.GetFailFast() {
			return [][][]byte{answerOf(r, "w", false)}
		}
		return [][][]byte{refusal(r, messaging.Unavailable)}
	}
	a, b := scripted(t, zmq, tcp, refuse), scripted(t, zmq, tcp, refuse)
	c := newClient(t, zmq, service.FromBroker(a.endpoint, b.endpoint))
	awaitReady(t, c, 2)
	_, err := askEcho(patient(t), c, "x", call.WithFailFast())
	wantRefused(t, err, messaging.Unavailable)
	if one, other := len(a.requests), len(b.requests); one != 1 || other != 1 {
		t.Errorf("%d requests at one broker, %d at the other", one, other)
	}
	wantEcho(t, c)
}

func TestCallWaitsForTheRegistryAndSaysSo(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	c := newClient(t, zmq, service.FromRegistry(n.endpoint))
	_, err := askEcho(patient(t), c, "x", call.WithFailFast())
	if e := wantRefused(t, err, messaging.Unavailable); !strings.Contains(e.Message, "no instance of "+echoService+" is known") {
		t.Errorf("got %v", err)
	}
	heard := make(chan error, 10)
	answered := make(chan error, 1)
	go func() {
		_, err := askEcho(patient(t), c, "x", call.WithWaiting(func(why error) { heard <- why }))
		answered <- err
	}()
	if why := receive(t, "why it waits", heard); why == nil || !strings.Contains(why.Error(), "no instance of") {
		t.Errorf("got %v", why)
	}
	serve(t, zmq, handlers(), service.WithRegistry(n.endpoint))
	ok(t, receive(t, "the answer", answered))
	for why := range heard {
		if why == nil {
			return
		}
	}
}

func TestCallThatFailsFastEndsWhenItIsKnownThatTheRegistryIsNone(t *testing.T) {
	zmq := newContext(t)
	other := serve(t, zmq, handlers(), service.WithBind(tcp))
	c := newClient(t, zmq, service.FromRegistry(other.Endpoints()[0]), service.WithPatience(time.Hour))
	ctx := patient(t)
	_, err := askEcho(ctx, c, "x", call.WithFailFast())
	if e := wantRefused(t, err, messaging.Unavailable); !strings.Contains(e.Message, "is no registry") || ctx.Err() != nil {
		t.Errorf("got %v", err)
	}
}
