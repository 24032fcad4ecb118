package service_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// unread asks for so many answers of 100 KB and a stream without end, and reads none.
func unread(say func(*mitterev1.Request, proto.Message)) {
	for id := range uint64(300) {
		say(&mitterev1.Request{Call: id, Method: echoMethod.Name}, &testv1.EchoRequest{})
	}
	say(&mitterev1.Request{Call: 300, Method: numbersMethod.Name, Credit: 1 << 31}, &testv1.NumbersRequest{})
}

// verbose answers with 100 KB.
func verbose() *reactor.Handlers {
	text := strings.Repeat("x", 100_000)
	return serving(func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		return &testv1.EchoResponse{Text: text}, nil
	}, store)
}

// narrowSocket has a server keep as little as it can in libzmq.
func narrowSocket() service.ServerOption { return service.WithSocket(comm.WithHighWaterMark(1)) }

// awaitUnread waits until all is answered but the stream, which goes on.
func awaitUnread(t *testing.T, zmq *comm.Context, endpoint string) {
	t.Helper()
	c := newClient(t, zmq, service.FromEndpoints(endpoint))
	eventually(t, "all are answered", func() bool {
		return statsOf(t, c, echoMethod).GetRequests() == 300 && statsOf(t, c, numbersMethod).GetInFlight() == 1
	})
}

func TestServerStopsWhoseCallersReadNothing(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, verbose(), service.WithBind(tcp), narrowSocket(), service.WithDrainTimeout(time.Hour))
	dealer := must(comm.NewDealer(zmq, s.Endpoints()[0], comm.WithLinger(0), comm.WithHighWaterMark(1)))(t)
	defer dealer.Close()
	say := func(kind, message proto.Message) {
		ok(t, dealer.Send(patient(t), comm.NewMessage(word(kind, message)...)))
	}
	say(&mitterev1.Hello{HeartbeatNano: int64(time.Minute)}, nil)
	m := must(dealer.Recv(patient(t)))(t)
	w := must(command.Decode(m.Frames))(t).Kind.(*mitterev1.Welcome)
	unread(func(r *mitterev1.Request, m proto.Message) { r.Session = w.GetSession(); say(r, m) })
	awaitUnread(t, zmq, s.Endpoints()[0])
	ok(t, s.stop())
}

func TestWorkerStopsWhoseBrokerReadsNothing(t *testing.T) {
	zmq := newContext(t)
	b := newBrokerEnd(t, zmq)
	w, stop := working(t, must(service.NewServer(zmq, "", verbose(), service.WithBroker(b.endpoint()), service.WithLogger(quiet), service.WithBind(tcp), narrowSocket(), service.WithDrainTimeout(time.Hour)))(t))
	b.accept()
	unread(func(r *mitterev1.Request, m proto.Message) { r.Session = sessionID; b.say(r, m) })
	awaitUnread(t, zmq, w.Endpoints()[0])
	ok(t, stop())
}
