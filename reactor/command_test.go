package reactor_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

// serviceMethod returns the descriptor of a method of the EchoService.
func serviceMethod(name protoreflect.Name) protoreflect.MethodDescriptor {
	return testv1.File_mittere_test_v1_test_proto.Services().ByName("EchoService").Methods().ByName(name)
}

// depot is the EchoService: its Store holds what it is asked for until the request's
// context ends or it is let go.
type depot struct {
	begun    chan uint64
	proceed  chan struct{}
	executed atomic.Int64
}

func newDepot() *depot {
	return &depot{begun: make(chan uint64, 1000), proceed: make(chan struct{})}
}

func (d *depot) store(ctx context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
	times := d.executed.Add(1)
	d.begun <- r.GetItem()
	select {
	case <-d.proceed:
		return &testv1.StoreResponse{Times: uint64(times)}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *depot) numbers(ctx context.Context, r *testv1.NumbersRequest, send func(*testv1.NumbersResponse) error) error {
	d.executed.Add(1)
	for n := uint64(1); n <= r.GetLimit(); n++ {
		if err := send(&testv1.NumbersResponse{Number: n}); err != nil {
			return err
		}
	}
	return nil
}

func (d *depot) handlers() *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.HandleMethod(h, serviceMethod("Echo"), echo)
	reactor.HandleMethod(h, serviceMethod("Store"), d.store)
	reactor.StreamMethod(h, serviceMethod("Numbers"), d.numbers)
	return h
}

// serveDepot runs a reactor that serves calls.
func serveDepot(t testing.TB, zmq *comm.Context, d *depot, options ...reactor.Option) (r *running, endpoint string) {
	t.Helper()
	server := must(messaging.NewServer(zmq, tcp))(t)
	return serve(t, d.handlers(), sockets(server), options...), of(server)
}

// dial returns a connection until the test ends.
func dial(t testing.TB, zmq *comm.Context, endpoint string) *call.Conn {
	t.Helper()
	conn := must(call.Dial(zmq, endpoint))(t)
	t.Cleanup(func() { check(t, conn.Close()) })
	return conn
}

// wantCallEcho checks that a good call is answered.
func wantCallEcho(t testing.TB, conn *call.Conn) {
	t.Helper()
	_, err := call.Unary[*testv1.EchoResponse](patient(t), conn, call.MethodOf(serviceMethod("Echo")), ask("good"))
	ok(t, err)
}

// rawClient sends commands as it likes.
type rawClient struct {
	t       testing.TB
	dealer  *comm.Dealer
	session uint64
}

func newRawClient(t testing.TB, zmq *comm.Context, endpoint string) *rawClient {
	t.Helper()
	return &rawClient{t: t, dealer: must(comm.NewDealer(zmq, endpoint))(t)}
}

// raw sends frames.
func (c *rawClient) raw(frames ...[]byte) {
	c.t.Helper()
	ok(c.t, c.dealer.Send(patient(c.t), comm.NewMessage(frames...)))
}

// send sends a command with the envelope of a message.
func (c *rawClient) send(kind, message proto.Message) {
	c.t.Helper()
	command := must(command.New(kind, message))(c.t)
	c.raw(must(command.Frames())(c.t)...)
}

// hello begins a session.
func (c *rawClient) hello() {
	c.t.Helper()
	c.helloAs("client")
}

// helloAs begins a session of a client with this instance.
func (c *rawClient) helloAs(instance string) {
	c.t.Helper()
	c.send(&mitterev1.Hello{Instance: []byte(instance), HeartbeatNano: int64(time.Minute)}, nil)
	c.session = want[*mitterev1.Welcome](c).GetSession()
}

// store sends a request for the depot.
func (c *rawClient) store(r *mitterev1.Request) {
	c.t.Helper()
	r.Session, r.Method = c.session, reactor.MethodName(serviceMethod("Store"))
	c.send(r, &testv1.StoreRequest{Item: cmp.Or(r.GetKey().GetNumber(), r.GetCall())})
}

// want waits for a command of one kind, and skips others.
func want[K proto.Message](c *rawClient) K {
	c.t.Helper()
	for {
		m := must(c.dealer.Recv(patient(c.t)))(c.t)
		command := must(command.Decode(m.Frames))(c.t)
		if kind, right := command.Kind.(K); right {
			return kind
		}
	}
}

// wantReply waits for the answer to a call, with this code.
func (c *rawClient) wantReply(call uint64, code messaging.Code) *mitterev1.Reply {
	c.t.Helper()
	r := want[*mitterev1.Reply](c)
	if r.GetCall() != call || r.GetStatus().GetCode() != code {
		c.t.Fatalf("got %v, want the answer to call %d with code %v", r, call, code)
	}
	return r
}

// keyOf returns the key of a request.
func keyOf(number, settled uint64) *mitterev1.Key {
	return &mitterev1.Key{Instance: []byte("client"), Number: number, Settled: settled}
}

func TestRequestsThatWaitAreBoundedInBytes(t *testing.T) {
	zmq, d := newContext(t), newDepot()
	r, endpoint := serveDepot(t, zmq, d, reactor.WithCallQueueBytes(100_000))
	c := newRawClient(t, zmq, endpoint)
	c.hello()
	store := func(call uint64) {
		c.store(&mitterev1.Request{Call: call, Metadata: map[string]string{"large": strings.Repeat("x", 40_000)}})
	}
	store(1)
	<-d.begun
	for call := range uint64(3) {
		store(call + 2)
	}
	if !c.wantReply(4, messaging.ResourceExhausted).GetRefused() {
		t.Error("it is not refused")
	}
	close(d.proceed)
	for call := range uint64(3) {
		c.wantReply(call+1, messaging.OK)
	}
	if n := r.Stats().Overloaded; n != 1 {
		t.Errorf("%d were refused", n)
	}
}

// TestAnswerIsOfWhoAskedForItAlone has the key of a request come in the session of another
// client, and with another question, while it runs and when it has ended.
func TestAnswerIsOfWhoAskedForItAlone(t *testing.T) {
	for _, where := range []string{"in a session of another client", "with another question"} {
		t.Run(where, func(t *testing.T) {
			zmq, d := newContext(t), newDepot()
			r, endpoint := serveDepot(t, zmq, d, reactor.WithPool(4, nil))
			owner, other := newRawClient(t, zmq, endpoint), newRawClient(t, zmq, endpoint)
			owner.hello()
			item := uint64(1)
			if where == "with another question" {
				other.hello()
				item = 2
			} else {
				other.helloAs("another client")
			}
			ask := func(call uint64) {
				t.Helper()
				other.send(&mitterev1.Request{
					Call: call, Session: other.session, Method: reactor.MethodName(serviceMethod("Store")), Key: keyOf(1, 1), Attempt: 2,
				}, &testv1.StoreRequest{Item: item})
			}
			owner.store(&mitterev1.Request{Call: 1, Key: keyOf(1, 1)})
			<-d.begun
			ask(2)
			<-d.begun
			close(d.proceed)
			owner.wantReply(1, messaging.OK)
			other.wantReply(2, messaging.OK)
			ask(3)
			other.wantReply(3, messaging.OK)
			owner.store(&mitterev1.Request{Call: 4, Key: keyOf(1, 1), Attempt: 2})
			owner.wantReply(4, messaging.OK)
			if n, repeated := d.executed.Load(), r.Stats().Repeated; n != 3 || repeated != 1 {
				t.Errorf("%d were executed and %d repeated, want 3 and 1", n, repeated)
			}
		})
	}
}

func TestRequestThatComesAgainIsExecutedOnce(t *testing.T) {
	for _, where := range []string{"in one session", "in another session", "in a new session of the same peer"} {
		t.Run(where, func(t *testing.T) {
			zmq, d := newContext(t), newDepot()
			r, endpoint := serveDepot(t, zmq, d, reactor.WithPool(4, nil))
			first := newRawClient(t, zmq, endpoint)
			second := first
			if where == "in another session" {
				second = newRawClient(t, zmq, endpoint)
				second.hello()
			}
			first.hello()
			first.store(&mitterev1.Request{Call: 1, Key: keyOf(1, 1)})
			<-d.begun
			second.store(&mitterev1.Request{Call: 2, Key: keyOf(1, 1), Attempt: 2})
			eventually(t, "it is recognised", func() bool { return r.Stats().Repeated == 1 })
			close(d.proceed)
			first.wantReply(1, messaging.OK)
			second.wantReply(2, messaging.OK)
			if where == "in a new session of the same peer" {
				second.hello()
			}
			second.store(&mitterev1.Request{Call: 3, Key: keyOf(1, 1), Attempt: 3})
			second.wantReply(3, messaging.OK)
			second.store(&mitterev1.Request{Call: 4, Key: keyOf(2, 2)}) // which settles the first
			second.wantReply(4, messaging.OK)
			second.store(&mitterev1.Request{Call: 5, Key: keyOf(1, 2), Attempt: 4})
			if second.wantReply(5, messaging.Aborted).GetRefused() {
				t.Error("a request that was executed is refused")
			}
			if n := d.executed.Load(); n != 2 {
				t.Errorf("two requests were executed %d times", n)
			}
		})
	}
}

// TestRequestThatComesAgainWhileItIsCancelled has the first caller go away, and
// another one ask for the same before the handler has noticed.
func TestRequestThatComesAgainWhileItIsCancelled(t *testing.T) {
	zmq, begun, proceed := newContext(t), make(chan context.Context), make(chan struct{})
	h := reactor.NewHandlers()
	reactor.HandleMethod(h, serviceMethod("Store"), func(ctx context.Context, _ *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		begun <- ctx
		<-proceed
		return nil, ctx.Err()
	})
	server := must(messaging.NewServer(zmq, tcp))(t)
	r := serve(t, h, sockets(server))
	first, second := newRawClient(t, zmq, of(server)), newRawClient(t, zmq, of(server))
	first.hello()
	second.hello()
	first.store(&mitterev1.Request{Call: 1, Key: keyOf(1, 1)})
	ctx := <-begun
	first.send(&mitterev1.Disconnect{}, nil)
	<-ctx.Done()
	second.store(&mitterev1.Request{Call: 2, Key: keyOf(1, 1), Attempt: 2})
	eventually(t, "it is recognised", func() bool { return r.Stats().Repeated == 1 })
	close(proceed)
	if second.wantReply(2, messaging.Unavailable).GetRefused() {
		t.Error("a request that was begun is refused")
	}
}

func TestStreamThatComesAgainIsAborted(t *testing.T) {
	zmq, d := newContext(t), newDepot()
	_, endpoint := serveDepot(t, zmq, d)
	c := newRawClient(t, zmq, endpoint)
	c.hello()
	request := func(id uint64) *mitterev1.Request {
		return &mitterev1.Request{Call: id, Key: keyOf(1, 1), Session: c.session, Credit: 1, Attempt: uint32(id)}
	}
	c.send(request(1), &testv1.NumbersRequest{Limit: 2})
	want[*mitterev1.Item](c)
	c.send(request(2), &testv1.NumbersRequest{Limit: 2})
	c.wantReply(2, messaging.Aborted)
	c.send(&mitterev1.Credit{Call: 1, Items: 1}, nil)
	c.wantReply(1, messaging.OK)
	c.send(request(3), &testv1.NumbersRequest{Limit: 2})
	c.wantReply(3, messaging.Aborted)
	if n := d.executed.Load(); n != 1 {
		t.Errorf("executed %d times", n)
	}
}

func TestErrorsTellWhereTheTimeOfACallWent(t *testing.T) {
	zmq, d := newContext(t), newDepot()
	_, endpoint := serveDepot(t, zmq, d)
	c := newRawClient(t, zmq, endpoint)
	c.hello()
	c.store(&mitterev1.Request{Call: 1, TimeoutNano: int64(100 * time.Millisecond)})
	c.store(&mitterev1.Request{Call: 2, TimeoutNano: int64(10 * time.Millisecond)})
	wantPhase(t, c.wantReply(2, messaging.DeadlineExceeded), mitterev1.Overtime_PHASE_WAITING)
	wantPhase(t, c.wantReply(1, messaging.DeadlineExceeded), mitterev1.Overtime_PHASE_EXECUTING)
}

// wantPhase checks that a reply tells where the time went.
func wantPhase(t testing.TB, reply *mitterev1.Reply, phase mitterev1.Overtime_Phase) {
	t.Helper()
	details := reply.GetStatus().GetDetails()
	var overtime mitterev1.Overtime
	if len(details) != 1 || details[0].UnmarshalTo(&overtime) != nil || overtime.GetPhase() != phase {
		t.Errorf("got %v, want phase %v", reply, phase)
	}
	if waiting := phase == mitterev1.Overtime_PHASE_WAITING; reply.GetRefused() != waiting {
		t.Errorf("got %v, want it refused: %v", reply, waiting)
	}
}

// tricks are what a hostile client sends in a session of its own.
var tricks = map[string]func(c *rawClient){
	"garbage":                func(c *rawClient) { c.raw([]byte("\x08\x01garbage")); want[*mitterev1.Disconnect](c) },
	"another version":        func(c *rawClient) { c.raw([]byte{8, 9, 0x1a, 0}); want[*mitterev1.Disconnect](c) },
	"a kind of another time": func(c *rawClient) { c.raw([]byte{8, 1, 0xa2, 1, 0}) },
	"many frames":            func(c *rawClient) { c.raw([]byte{8, 1}, []byte("a"), []byte("b")); want[*mitterev1.Disconnect](c) },
	"empty frames":           func(c *rawClient) { c.raw(nil, nil, nil) },
	"a server's commands":    func(c *rawClient) { c.send(&mitterev1.Welcome{}, nil); c.send(&mitterev1.Item{Call: 1}, nil) },
	"the end of calls":       func(c *rawClient) { c.send(&mitterev1.Cancel{Call: 99}, nil); c.send(&mitterev1.Credit{Call: 99}, nil) },
	"a request without hello": func(c *rawClient) {
		c.session = 0
		c.store(&mitterev1.Request{Call: 1})
		c.wantReply(1, messaging.Unavailable)
	},
	"a stale session": func(c *rawClient) {
		stale := c.session
		c.hello()
		c.session = stale
		c.store(&mitterev1.Request{Call: 1})
		if !c.wantReply(1, messaging.Unavailable).GetRefused() {
			c.t.Error("a request of no session is not refused")
		}
		c.send(&mitterev1.Heartbeat{Session: stale}, nil)
		want[*mitterev1.Disconnect](c)
	},
	"many hellos": func(c *rawClient) {
		for range 100 {
			c.hello()
		}
	},
	"a call twice": func(c *rawClient) {
		c.store(&mitterev1.Request{Call: 1})
		c.store(&mitterev1.Request{Call: 1})
		c.wantReply(1, messaging.InvalidArgument)
		c.send(&mitterev1.Cancel{Call: 1}, nil)
	},
	"a request without envelope": func(c *rawClient) {
		c.send(&mitterev1.Request{Call: 1, Session: c.session}, nil)
		c.wantReply(1, messaging.InvalidArgument)
	},
	"numbers without end": func(c *rawClient) {
		c.store(&mitterev1.Request{Call: 1, TimeoutNano: -1 << 63, WaitNano: -1, SentAtNano: -1 << 63, Attempt: 1 << 31})
		c.store(&mitterev1.Request{Call: 2, TimeoutNano: 1<<63 - 1, WaitNano: 1, SentAtNano: 1<<63 - 1})
		c.store(&mitterev1.Request{Call: 3, Key: &mitterev1.Key{Instance: make([]byte, 1000), Number: 1<<64 - 1, Settled: 1<<64 - 1}})
		c.send(&mitterev1.Disconnect{}, nil)
	},
	"credit without end": func(c *rawClient) {
		c.send(&mitterev1.Request{Call: 1, Session: c.session, Credit: 1<<32 - 1}, &testv1.NumbersRequest{Limit: 1 << 40})
		want[*mitterev1.Item](c)
		for range 10 {
			c.send(&mitterev1.Credit{Call: 1, Items: 1<<32 - 1}, nil)
		}
		check(c.t, c.dealer.Close())
	},
	"a worker's hello": func(c *rawClient) {
		c.send(&mitterev1.Hello{Role: mitterev1.Role_ROLE_WORKER}, nil)
		want[*mitterev1.Disconnect](c)
	},
	"a one-way stream": func(c *rawClient) {
		c.send(&mitterev1.Request{Call: 1, Session: c.session, Credit: 1, OneWay: true}, &testv1.NumbersRequest{Limit: 10})
	},
}

func TestTricksOfAClientHarmNobodyElse(t *testing.T) {
	for name, trick := range tricks {
		t.Run(name, func(t *testing.T) {
			zmq, d := newContext(t), newDepot()
			r, endpoint := serveDepot(t, zmq, d, reactor.WithPool(4, nil))
			conn := dial(t, zmq, endpoint)
			wantCallEcho(t, conn)
			c := newRawClient(t, zmq, endpoint)
			c.hello()
			trick(c)
			wantCallEcho(t, conn)
			close(d.proceed)
			_ = c.dealer.Close()
			eventually(t, "what it asked for is over", func() bool { return r.Stats().InFlight == 0 && r.Stats().Sessions == 1 })
			wantCallEcho(t, conn)
		})
	}
}

// twins returns two methods of another service that take the same type.
func twins(t testing.TB) (first, second protoreflect.MethodDescriptor) {
	t.Helper()
	method := func(name string) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{
			Name: &name, InputType: proto.String(".mittere.test.v1.EchoRequest"), OutputType: proto.String(".mittere.test.v1.EchoResponse"),
		}
	}
	file := must(protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("twins.proto"), Package: proto.String("twins"), Syntax: proto.String("proto3"),
		Dependency: []string{testv1.File_mittere_test_v1_test_proto.Path()},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("Twins"), Method: []*descriptorpb.MethodDescriptorProto{method("First"), method("Second")},
		}},
	}, protoregistry.GlobalFiles))(t)
	methods := file.Services().Get(0).Methods()
	return methods.Get(0), methods.Get(1)
}

func TestTypeThatTwoMethodsTakeLeadsToNone(t *testing.T) {
	zmq := newContext(t)
	first, second := twins(t)
	h := reactor.NewHandlers()
	for _, md := range []protoreflect.MethodDescriptor{first, second} {
		reactor.HandleMethod(h, md, func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
			return &testv1.EchoResponse{Text: string(md.Name())}, nil
		})
	}
	server := must(messaging.NewServer(zmq, tcp))(t)
	serve(t, h, sockets(server))
	conn := dial(t, zmq, of(server))
	for _, md := range []protoreflect.MethodDescriptor{first, second} {
		reply := must(call.Unary[*testv1.EchoResponse](patient(t), conn, call.MethodOf(md), ask("")))(t)
		wantEqual(t, reply, &testv1.EchoResponse{Text: string(md.Name())})
	}
	_, err := call.Unary[*testv1.EchoResponse](patient(t), conn, call.ByType(), ask(""))
	wantCode(t, err, messaging.Unimplemented)
	_, err = newRequest(t, zmq, server).Do(patient(t), ask(""))
	wantCode(t, err, messaging.Unimplemented)
}

func TestOneMethodTwiceIsAnErrorOfTheConstructor(t *testing.T) {
	_, err := reactor.New(reactor.Join(newDepot().handlers(), newDepot().handlers()), sockets(newFeed(0)))
	wantCode(t, err, messaging.InvalidArgument)
}

func TestPlainRequestIsServedBesideCommands(t *testing.T) {
	zmq, d := newContext(t), newDepot()
	server := must(messaging.NewServer(zmq, tcp))(t)
	serve(t, d.handlers(), sockets(server))
	req := newRequest(t, zmq, server)
	wantEcho(t, req, "plain")
	wantCallEcho(t, dial(t, zmq, of(server)))
	_, err := req.Do(patient(t), note(1))
	wantCode(t, err, messaging.Unimplemented)
	wantEcho(t, req, "plain")
}

func TestControlPlaneAnswersWhileAllOthersAreBusy(t *testing.T) {
	zmq, d := newContext(t), newDepot()
	server := must(messaging.NewServer(zmq, tcp))(t)
	h := reactor.NewHandlers()
	reactor.HandleMethod(h, serviceMethod("Store"), d.store)
	beside := reactor.NewHandlers()
	reactor.HandleMethod(beside, serviceMethod("Echo"), echo)
	r := serve(t, reactor.Join(h, reactor.ControlPlane(beside)), sockets(server), reactor.WithCallQueue(0))
	conn := dial(t, zmq, of(server))
	storing := call.Go(patient(t), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](conn, call.MethodOf(serviceMethod("Store"))), &testv1.StoreRequest{})
	<-d.begun
	wantCallEcho(t, conn)
	drained := make(chan error)
	go func() { drained <- r.Drain(patient(t)) }()
	eventually(t, "it drains", func() bool { return !conn.Ready() })
	wantCallEcho(t, conn)
	close(d.proceed)
	must(storing.Wait(patient(t)))(t)
	ok(t, <-drained)
}

// ordered is a Store that notes in which order it is called, and whether calls
// overlap that must not.
type ordered struct {
	mu    sync.Mutex
	busy  map[uint64]bool
	items map[uint64][]uint64
	wrong atomic.Int64
}

// store takes items whose last digit is what they are kept in order by.
func (o *ordered) store(_ context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
	group := r.GetItem() % 10
	o.mu.Lock()
	if o.busy[group] {
		o.wrong.Add(1)
	}
	o.busy[group] = true
	o.items[group] = append(o.items[group], r.GetItem())
	o.mu.Unlock()
	time.Sleep(50 * time.Microsecond) // work
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy[group] = false
	return &testv1.StoreResponse{}, nil
}

// byLastDigit is the key of an item.
func byLastDigit(d *messaging.Delivery) string {
	r, err := messaging.Open[*testv1.StoreRequest](&d.Envelope)
	if err != nil {
		return ""
	}
	return fmt.Sprint(r.GetItem() % 10)
}

func TestCallsAreHandledInTheOrderOfTheirKeys(t *testing.T) {
	for name, test := range map[string]struct {
		options []reactor.Option
		groups  uint64
	}{
		"sequential": {nil, 1},
		"pool":       {[]reactor.Option{reactor.WithPool(4, byLastDigit)}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			zmq := newContext(t)
			o := &ordered{busy: map[uint64]bool{}, items: map[uint64][]uint64{}}
			h := reactor.NewHandlers()
			reactor.HandleMethod(h, serviceMethod("Store"), o.store)
			server := must(messaging.NewServer(zmq, tcp))(t)
			serve(t, h, sockets(server), test.options...)
			c := newRawClient(t, zmq, of(server))
			c.hello()
			for i := range uint64(500) {
				c.store(&mitterev1.Request{Call: i%test.groups + i*10})
			}
			for range 500 {
				want[*mitterev1.Reply](c)
			}
			for group, items := range o.items {
				if !slices.IsSorted(items) || o.wrong.Load() > 0 {
					t.Errorf("group %d was handled in the order %v, %d at once", group, items, o.wrong.Load())
				}
			}
		})
	}
}

func TestSessionsLastWhileTheirHeartbeatsDo(t *testing.T) {
	t.Parallel()
	const heartbeat = 300 * time.Millisecond // a busy machine may let a process stand for half a second
	zmq, d := newContext(t), newDepot()
	r, endpoint := serveDepot(t, zmq, d, reactor.WithHeartbeat(heartbeat))
	conn := must(call.Dial(zmq, endpoint, call.WithHeartbeat(heartbeat)))(t)
	defer conn.Close()
	quiet := newRawClient(t, zmq, endpoint)
	quiet.send(&mitterev1.Hello{HeartbeatNano: int64(heartbeat)}, nil)
	wantCallEcho(t, conn)
	changed := conn.Changed()
	busy := call.Go(patient(t), call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](conn, call.MethodOf(serviceMethod("Store"))), &testv1.StoreRequest{})
	<-d.begun // a sequential reactor is busy from now on
	eventually(t, "the session of the silent client is over", func() bool { return r.Stats().Sessions == 1 })
	select {
	case <-changed:
		t.Errorf("the session of a busy handler ended: %v", conn.Err())
	case <-time.After(8 * heartbeat): // nothing shall happen
	}
	close(d.proceed)
	must(busy.Wait(patient(t)))(t)
}
