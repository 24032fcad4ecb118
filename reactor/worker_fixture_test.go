package reactor_test

import (
	"cmp"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// brokerEnd is the end of a broker that says what a test wants it to, to the worker of
// which it heard last.
type brokerEnd struct {
	t       testing.TB
	router  *comm.Router
	worker  string // its routing id
	session uint64
}

func newBrokerEnd(t testing.TB, zmq *comm.Context, endpoint string) *brokerEnd {
	t.Helper()
	return &brokerEnd{t: t, router: must(comm.NewRouter(zmq, endpoint))(t)}
}

// raw sends frames.
func (b *brokerEnd) raw(frames ...[]byte) {
	b.t.Helper()
	all := append([][]byte{[]byte(b.worker)}, frames...)
	ok(b.t, b.router.Send(patient(b.t), comm.NewMessage(all...)))
}

// say sends a command with the envelope of a message.
func (b *brokerEnd) say(kind, message proto.Message) {
	b.t.Helper()
	command := must(command.New(kind, message))(b.t)
	b.raw(must(command.Frames())(b.t)...)
}

// sayWhenRoom is say to a worker whose queue is short.
func (b *brokerEnd) sayWhenRoom(kind, message proto.Message) {
	b.t.Helper()
	command := must(command.New(kind, message))(b.t)
	m := comm.NewMessage(append([][]byte{[]byte(b.worker)}, must(command.Frames())(b.t)...)...)
	eventually(b.t, "it is sent", func() bool { return b.router.Send(patient(b.t), m) == nil })
}

// next waits for a command, of any worker.
func (b *brokerEnd) next() (worker string, c messaging.Command) {
	b.t.Helper()
	m := must(b.router.Recv(patient(b.t)))(b.t)
	return string(m.Frames[0]), must(command.Decode(m.Frames[1:]))(b.t)
}

// heard waits for a command of one kind, and skips others.
func heard[K proto.Message](b *brokerEnd) K {
	b.t.Helper()
	for {
		worker, command := b.next()
		if kind, right := command.Kind.(K); right {
			b.worker = worker
			return kind
		}
	}
}

// accept waits for a worker, begins a session with it and takes what it offers.
func (b *brokerEnd) accept(heartbeat time.Duration) (*mitterev1.Hello, *mitterev1.Ready) {
	b.t.Helper()
	hello, ready := b.hear(heartbeat)
	b.say(&mitterev1.Heartbeat{Session: b.session}, nil)
	return hello, ready
}

// hear waits for a worker and hears what it offers.
func (b *brokerEnd) hear(heartbeat time.Duration) (*mitterev1.Hello, *mitterev1.Ready) {
	b.t.Helper()
	hello := heard[*mitterev1.Hello](b)
	b.session += 1000
	b.say(&mitterev1.Welcome{Session: b.session, HeartbeatNano: int64(heartbeat)}, nil)
	return hello, heard[*mitterev1.Ready](b)
}

// store gives the worker a request for the depot.
func (b *brokerEnd) store(r *mitterev1.Request) {
	b.t.Helper()
	if r.GetSession() == 0 {
		r.Session = b.session
	}
	r.Method = reactor.MethodName(serviceMethod("Store"))
	b.say(r, &testv1.StoreRequest{Item: cmp.Or(r.GetKey().GetNumber(), r.GetCall())})
}

// wantReply waits for the answer to a call, with this code.
func (b *brokerEnd) wantReply(call uint64, code messaging.Code) *mitterev1.Reply {
	b.t.Helper()
	r := heard[*mitterev1.Reply](b)
	if r.GetCall() != call || r.GetStatus().GetCode() != code {
		b.t.Fatalf("got %v, want the answer to call %d with code %v", r, call, code)
	}
	return r
}

// wantServed checks that the worker answers.
func (b *brokerEnd) wantServed() {
	b.t.Helper()
	b.say(&mitterev1.Request{Call: 77, Session: b.session}, ask("good"))
	b.wantReply(77, messaging.OK)
}

// offering is what the workers of the tests offer.
func offering() reactor.Option {
	return reactor.WithOffer(reactor.Offer{Services: []string{"depot"}, Name: "worker-1"})
}

// work serves the depot at a broker until the test ends.
func work(t testing.TB, zmq *comm.Context, d *depot, endpoint string, options ...reactor.Option) *running {
	t.Helper()
	worker := must(messaging.NewWorker(zmq, endpoint))(t)
	t.Cleanup(func() { check(t, worker.Close()) })
	return serve(t, d.handlers(), sockets(worker), append([]reactor.Option{offering()}, options...)...)
}

// member returns a worker that has a session with a broker, whose heartbeats nobody
// need send.
func member(t *testing.T, options ...reactor.Option) (*brokerEnd, *depot, *running) {
	t.Helper()
	zmq, d := newContext(t), newDepot()
	b := newBrokerEnd(t, zmq, tcp)
	r := work(t, zmq, d, of(b.router), options...)
	b.accept(time.Minute)
	return b, d, r
}
