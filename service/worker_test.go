package service_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service"
)

// brokerEnd is the end of a broker that says what a test wants it to.
type brokerEnd struct {
	t      testing.TB
	router *comm.Router
	worker []byte // the routing id of who was heard last
}

// sessionID names the sessions that it gives.
const sessionID = 4711

func newBrokerEnd(t testing.TB, zmq *comm.Context) *brokerEnd {
	t.Helper()
	return &brokerEnd{t: t, router: must(comm.NewRouter(zmq, tcp))(t)}
}

func (b *brokerEnd) endpoint() string { return b.router.Endpoints()[0] }

// say sends a command with the envelope of a message.
func (b *brokerEnd) say(kind, message proto.Message) {
	b.t.Helper()
	command := must(command.New(kind, message))(b.t)
	frames := append([][]byte{b.worker}, must(command.Frames())(b.t)...)
	ok(b.t, b.router.Send(patient(b.t), comm.NewMessage(frames...)))
}

// heard waits for a command of one kind, and skips others.
func heard[K proto.Message](b *brokerEnd) (kind K, body []byte) {
	b.t.Helper()
	for {
		m := must(b.router.Recv(patient(b.t)))(b.t)
		command := must(command.Decode(m.Frames[1:]))(b.t)
		if kind, right := command.Kind.(K); right {
			b.worker = slices.Clone(m.Frames[0])
			return kind, slices.Clone(command.Body)
		}
	}
}

// accept begins a session with a worker, and takes what it offers.
func (b *brokerEnd) accept() *mitterev1.Ready {
	b.t.Helper()
	heard[*mitterev1.Hello](b)
	b.say(&mitterev1.Welcome{Session: sessionID, HeartbeatNano: int64(time.Minute)}, nil)
	ready, _ := heard[*mitterev1.Ready](b)
	b.say(&mitterev1.Heartbeat{Session: sessionID}, nil)
	return ready
}

// ask gives the worker a request.
func (b *brokerEnd) ask(r *mitterev1.Request, message proto.Message) {
	b.t.Helper()
	r.Session = sessionID
	b.say(r, message)
}

// wantAnswer waits for a reply with an answer of type M.
func wantAnswer[M proto.Message](b *brokerEnd, call uint64) (answer M) {
	b.t.Helper()
	reply, body := heard[*mitterev1.Reply](b)
	if reply.GetCall() != call || reply.GetStatus() != nil {
		b.t.Fatalf("got %v, want the answer to call %d", reply, call)
	}
	e := must(messaging.Decode(body))(b.t)
	return must(messaging.Open[M](&e))(b.t)
}

// working runs a worker until the test ends.
func working(t testing.TB, made *service.Server) (w *service.Server, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		err = made.Run(ctx)
	}()
	stop = func() error { cancel(); <-ended; return err }
	t.Cleanup(func() {
		_ = stop()
		if err := made.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return made, stop
}

// newWorker returns a worker of the EchoService that logs nothing, and does not wait for
// the answer to its Drain that a brokerEnd does not give.
func newWorker(t testing.TB, zmq *comm.Context, b *brokerEnd, options ...service.ServerOption) *service.Server {
	t.Helper()
	return must(service.NewServer(zmq, "", handlers(), append([]service.ServerOption{
		service.WithBroker(b.endpoint()), service.WithLogger(quiet), service.WithDrainTimeout(0),
	}, options...)...))(t)
}

func TestWorkerOffersItsService(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq)
	w, _ := working(t, newWorker(t, zmq, b, service.WithID("w1"), service.WithVersion("v7"), service.WithLimits(3, 1)))
	ready := b.accept()
	if !slices.Equal(ready.GetServices(), []string{echoService}) || ready.GetInstance() != "w1" || ready.GetVersion() != "v7" ||
		ready.GetCapacity() != 3 || len(ready.GetEndpoints()) != 0 || len(ready.GetDescriptors()) != 32 {
		t.Errorf("it offers %v", ready)
	}
	if w.Name() != echoService || w.ID() != "w1" || len(w.Endpoints()) != 0 {
		t.Errorf("it is %s, %s at %v", w.Name(), w.ID(), w.Endpoints())
	}
	ok(t, w.WaitRegistered(patient(t)))
	b.ask(&mitterev1.Request{Call: 1, Service: echoService, Method: echoMethod.Name}, &testv1.EchoRequest{Text: "hello"})
	if got := wantAnswer[*testv1.EchoResponse](b, 1).GetText(); got != "hello" {
		t.Errorf("the answer is %q", got)
	}
}

func TestDescriptorsOfAWorkerTellItsSchema(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq)
	var hashes []string
	for range 2 {
		_, stop := working(t, newWorker(t, zmq, b))
		hashes = append(hashes, string(b.accept().GetDescriptors()))
		ok(t, stop())
	}
	if hashes[0] != hashes[1] {
		t.Error("the same service has two hashes")
	}
}

func TestWorkerAnswersAboutItself(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq)
	w, _ := working(t, newWorker(t, zmq, b, service.WithID("w1")))
	ready := b.accept()
	if ping := mitterev1mittere.ManagementServiceName + "/Ping"; slices.Contains(ready.GetTypes(), "mittere.v1.PingRequest") ||
		!slices.Contains(ready.GetTypes(), "mittere.test.v1.EchoRequest") {
		t.Errorf("it takes %v by itself", ready.GetTypes())
	} else {
		b.ask(&mitterev1.Request{Call: 1, Method: ping}, &mitterev1.PingRequest{})
	}
	if id := wantAnswer[*mitterev1.PingResponse](b, 1).GetId(); id != "w1" {
		t.Errorf("it is %q", id)
	}
	w.SetHealth(mitterev1.Health_HEALTH_NOT_SERVING)
	heard[*mitterev1.Drain](b)
	b.ask(&mitterev1.Request{Call: 2, Method: mitterev1mittere.ManagementServiceName + "/Health"}, &mitterev1.HealthRequest{})
	if health := wantAnswer[*mitterev1.HealthResponse](b, 2).GetHealth(); health != mitterev1.Health_HEALTH_NOT_SERVING {
		t.Errorf("it is %v", health)
	}
	w.SetHealth(mitterev1.Health_HEALTH_SERVING)
	heard[*mitterev1.Ready](b)
}

func TestWorkerIsCalledDirectlyWhereItListens(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq)
	w, _ := working(t, must(service.NewServer(zmq, "echo", handlers(), service.WithBroker(b.endpoint()), service.WithLogger(quiet),
		service.WithDrainTimeout(0), service.WithBind("tcp://0.0.0.0:*", inproc())))(t))
	ready := b.accept()
	if !slices.Equal(ready.GetEndpoints(), w.Endpoints()) || len(w.Endpoints()) != 2 || !slices.Equal(ready.GetServices(), []string{"echo"}) {
		t.Errorf("it offers %v, and listens at %v", ready, w.Endpoints())
	}
	c := must(service.NewClient(zmq, "echo", service.FromEndpoints(w.Endpoints()...)))(t)
	wantEcho(t, c)
	ok(t, c.Close())
}

func TestWorkerRegistersToo(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	b := newBrokerEnd(t, zmq)
	w, _ := working(t, newWorker(t, zmq, b, service.WithRegistry(n.endpoint)))
	b.accept()
	ok(t, w.WaitRegistered(patient(t)))
	if got := wantEcho(t, newClient(t, zmq, service.FromRegistry(n.endpoint))); got != w.ID() {
		t.Errorf("%s answers, want %s", got, w.ID())
	}
}

func TestStoppingWorkerFinishesWhatRuns(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq)
	d := newDepot()
	made := must(service.NewServer(zmq, "", storing(d.store), service.WithBroker(b.endpoint()), service.WithLogger(quiet)))(t)
	_, stop := working(t, made)
	b.accept()
	b.ask(&mitterev1.Request{Call: 1}, &testv1.StoreRequest{Item: 5})
	receive(t, "it runs", d.begun)
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	heard[*mitterev1.Drain](b)
	b.say(&mitterev1.Drain{Session: sessionID}, nil)
	b.ask(&mitterev1.Request{Call: 2}, &testv1.StoreRequest{Item: 6})
	if reply, _ := heard[*mitterev1.Reply](b); reply.GetCall() != 2 || !reply.GetRefused() || reply.GetStatus().GetCode() != messaging.Unavailable {
		t.Errorf("a late request is answered by %v", reply)
	}
	close(d.proceed)
	if got := wantAnswer[*testv1.StoreResponse](b, 1).GetTimes(); got != 5 {
		t.Errorf("the answer is %d", got)
	}
	heard[*mitterev1.Disconnect](b)
	ok(t, receive(t, "it stops", stopped))
}

func TestWorkerEndsWhenAnotherHasItsID(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq)
	w := newWorker(t, zmq, b)
	defer w.Close()
	ended := make(chan error, 1)
	go func() { ended <- w.Run(context.Background()) }()
	b.accept()
	b.say(&mitterev1.Disconnect{Status: &mitterev1.Status{Code: messaging.AlreadyExists}}, nil)
	wantCode(t, receive(t, "it ends", ended), messaging.AlreadyExists)
	wantCode(t, w.WaitRegistered(patient(t)), messaging.AlreadyExists)
	wantCode(t, w.Run(t.Context()), messaging.FailedPrecondition)
}

func TestWaitRegisteredWaitsForTheBroker(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq)
	w, _ := working(t, newWorker(t, zmq, b))
	heard[*mitterev1.Hello](b)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantCode(t, w.WaitRegistered(ctx), messaging.Cancelled)
	b.say(&mitterev1.Welcome{Session: sessionID, HeartbeatNano: int64(time.Minute)}, nil)
	heard[*mitterev1.Ready](b)
	wantCode(t, w.WaitRegistered(ctx), messaging.Cancelled)
	b.say(&mitterev1.Heartbeat{Session: sessionID}, nil)
	ok(t, w.WaitRegistered(patient(t)))
}

func TestWorkerEndsThatABrokerWillNeverTake(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq)
	w := newWorker(t, zmq, b)
	defer w.Close()
	ended := make(chan error, 1)
	go func() { ended <- w.Run(context.Background()) }()
	heard[*mitterev1.Hello](b)
	b.say(&mitterev1.Disconnect{Status: &mitterev1.Status{Code: messaging.PermissionDenied, Message: "not you"}}, nil)
	wantCode(t, w.WaitRegistered(patient(t)), messaging.PermissionDenied)
	wantCode(t, receive(t, "it ends", ended), messaging.PermissionDenied)
}

func TestWhatIsWrongWithAWorkerIsReported(t *testing.T) {
	zmq := newContext(t)
	for name, err := range map[string]error{
		"no broker":     second(service.NewServer(zmq, "", handlers(), service.WithBroker(""))),
		"two brokers":   second(service.NewServer(zmq, "", handlers(), service.WithBroker("inproc://a,inproc://b"))),
		"no handlers":   second(service.NewServer(zmq, "", nil, service.WithBroker("inproc://a"))),
		"taken name":    second(service.NewServer(zmq, "mmi.service", handlers(), service.WithBroker("inproc://a"))),
		"long name":     second(service.NewServer(zmq, strings.Repeat("n", 256), handlers(), service.WithBroker("inproc://a"))),
		"strange name":  second(service.NewServer(zmq, "n\xff", handlers(), service.WithBroker("inproc://a"))),
		"bell name":     second(service.NewServer(zmq, "n\a", handlers(), service.WithBroker("inproc://a"))),
		"long id":       second(service.NewServer(zmq, "", handlers(), service.WithBroker("inproc://a"), service.WithID(strings.Repeat("i", 256)))),
		"strange id":    second(service.NewServer(zmq, "", handlers(), service.WithBroker("inproc://a"), service.WithID("i\xff"))),
		"wrong address": second(service.NewServer(zmq, "", handlers(), service.WithBroker("nowhere"))),
	} {
		t.Run(name, func(t *testing.T) { wantCode(t, err, messaging.InvalidArgument) })
	}
}

func TestNamesOf255BytesAreTaken(t *testing.T) {
	zmq, long := newContext(t), strings.Repeat("n", 255)
	w := must(service.NewServer(zmq, long, handlers(), service.WithBroker("inproc://a"), service.WithID(long)))(t)
	ok(t, w.Close())
	ok(t, must(service.NewClient(zmq, long, service.FromBroker("inproc://a")))(t).Close())
	for _, name := range []string{long + "n", "n\xff"} {
		_, err := service.NewClient(zmq, name, service.FromBroker("inproc://a"))
		wantCode(t, err, messaging.InvalidArgument)
		_, err = service.NewServer(zmq, name, handlers())
		wantCode(t, err, messaging.InvalidArgument)
	}
}

// second returns the error of a constructor.
func second(_ *service.Server, err error) error { return err }

func TestWorkerSaysWhyItsBrokerIsNotThere(t *testing.T) {
	zmq := newContext(t)
	w, _ := working(t, must(service.NewServer(zmq, "", handlers(), service.WithBroker("tcp://127.0.0.1:1"), service.WithLogger(quiet)))(t))
	ctx, cancel := context.WithCancel(patient(t))
	defer cancel()
	for {
		short, done := context.WithTimeout(ctx, 500*time.Millisecond)
		err := w.WaitRegistered(short)
		done()
		if err == nil || ctx.Err() != nil {
			t.Fatalf("got %v", err)
		}
		if strings.Contains(err.Error(), "connection refused") {
			return
		}
	}
}
