package reactor_test

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// peer is what sits at the other end of a reactor's socket.
type peer struct {
	// send sends without waiting for an answer.
	send func(context.Context, proto.Message) error
	// next receives an answer; nil where none can come.
	next func(context.Context) (proto.Message, error)
	// do sends and waits for one answer; nil where that is next's.
	do func(context.Context, proto.Message) (proto.Message, error)
}

// exchange sends a message and returns the first answer.
func (p peer) exchange(t testing.TB, m proto.Message) (proto.Message, error) {
	t.Helper()
	if p.do != nil {
		return p.do(patient(t), m)
	}
	ok(t, p.send(patient(t), m))
	return p.next(patient(t))
}

// answer is exchange where no error may come.
func (p peer) answer(t testing.TB, m proto.Message) proto.Message {
	t.Helper()
	return must(p.exchange(t, m))(t)
}

// pairing is a kind of socket for a reactor with a kind of peer.
type pairing struct {
	name string
	make func(t testing.TB, zmq *comm.Context, at string) (reactor.Socket, peer)
	// one says that the peer waits for exactly one answer.
	one bool
}

// replying are the pairings where answers come back.
var replying = []pairing{
	{name: "Response and Request", make: responseAndRequest, one: true},
	{name: "Response and Dealer", make: responseAndDealer},
	{name: "Response and delimited Dealer", make: responseAndDelimitedDealer, one: true},
	{name: "Router and Request", make: routerAndRequest, one: true},
	{name: "Router and Dealer", make: routerAndDealer},
	{name: "Dealer and Dealer", make: dealerAndDealer},
	{name: "Dealer and Router", make: dealerAndRouter},
	{name: "Pair and Pair", make: pairAndPair},
}

// oneWay are the pairings where nothing can come back.
var oneWay = []pairing{
	{name: "Pull and Push", make: pullAndPush},
	{name: "Subscriber and Publisher", make: subscriberAndPublisher},
}

// onEachPairing runs a test with each pairing on each transport.
func onEachPairing(t *testing.T, pairings []pairing, test func(t *testing.T, kind pairing, s reactor.Socket, p peer)) {
	for _, kind := range pairings {
		t.Run(kind.name, func(t *testing.T) {
			onEachTransport(t, func(t *testing.T, at func() string) {
				s, p := kind.make(t, newContext(t), at())
				test(t, kind, s, p)
			})
		})
	}
}

func responseAndRequest(t testing.TB, zmq *comm.Context, at string) (reactor.Socket, peer) {
	s := must(messaging.NewRep(zmq, at))(t)
	return s, requestPeer(newRequest(t, zmq, s))
}

func routerAndRequest(t testing.TB, zmq *comm.Context, at string) (reactor.Socket, peer) {
	s := must(messaging.NewRouter(zmq, at))(t)
	return s, requestPeer(newRequest(t, zmq, s))
}

func requestPeer(req *messaging.Req) peer {
	do := func(ctx context.Context, m proto.Message) (proto.Message, error) { return req.Do(ctx, m) }
	return peer{do: do, send: func(ctx context.Context, m proto.Message) error { _, err := do(ctx, m); return err }}
}

func responseAndDealer(t testing.TB, zmq *comm.Context, at string) (reactor.Socket, peer) {
	s := must(messaging.NewRep(zmq, at))(t)
	return s, dealerPeer(must(messaging.NewDealer(zmq, of(s)))(t))
}

func routerAndDealer(t testing.TB, zmq *comm.Context, at string) (reactor.Socket, peer) {
	s := must(messaging.NewRouter(zmq, at))(t)
	return s, dealerPeer(must(messaging.NewDealer(zmq, of(s)))(t))
}

func dealerAndDealer(t testing.TB, zmq *comm.Context, at string) (reactor.Socket, peer) {
	s := must(messaging.NewDealer(zmq, "@"+at))(t)
	return s, dealerPeer(must(messaging.NewDealer(zmq, of(s)))(t))
}

func dealerPeer(d *messaging.Dealer) peer {
	send := func(ctx context.Context, m proto.Message) error { return d.Send(ctx, m) }
	return peer{send: send, next: next(d)}
}

func responseAndDelimitedDealer(t testing.TB, zmq *comm.Context, at string) (reactor.Socket, peer) {
	s := must(messaging.NewRep(zmq, at))(t)
	d := must(messaging.NewDealer(zmq, of(s)))(t)
	send := func(ctx context.Context, m proto.Message) error { return d.SendTo(ctx, messaging.Delimiter(), m) }
	return s, peer{send: send, next: next(d)}
}

// dealerAndRouter is a worker that connects to its callers.
func dealerAndRouter(t testing.TB, zmq *comm.Context, at string) (reactor.Socket, peer) {
	router := must(messaging.NewRouter(zmq, at))(t)
	s := must(messaging.NewDealer(zmq, of(router)))(t)
	ok(t, s.Send(patient(t), note(0))) // its first message tells the router its name
	hello := must(router.Recv(patient(t)))(t)
	send := func(ctx context.Context, m proto.Message) error { return router.SendTo(ctx, hello.Route, m) }
	return s, peer{send: send, next: next(router)}
}

func pairAndPair(t testing.TB, zmq *comm.Context, at string) (reactor.Socket, peer) {
	s := must(messaging.NewPair(zmq, "@"+at))(t)
	p := must(messaging.NewPair(zmq, of(s)))(t)
	send := func(ctx context.Context, m proto.Message) error { return p.Send(ctx, m) }
	return s, peer{send: send, next: next(p)}
}

func pullAndPush(t testing.TB, zmq *comm.Context, at string) (reactor.Socket, peer) {
	s := must(messaging.NewPull(zmq, at))(t)
	push := must(messaging.NewPush(zmq, of(s)))(t)
	return s, peer{send: func(ctx context.Context, m proto.Message) error { return push.Send(ctx, m) }}
}

func subscriberAndPublisher(t testing.TB, zmq *comm.Context, at string) (reactor.Socket, peer) {
	pub := must(messaging.NewPublisher(zmq, at))(t)
	s := must(messaging.NewSubscriber(zmq, of(pub)))(t)
	ok(t, pub.WaitForSubscribers(patient(t), 1, (*testv1.Note)(nil)))
	return s, peer{send: func(ctx context.Context, m proto.Message) error { return pub.Send(ctx, m) }}
}

// next returns how the next message is received and opened; a Status that says
// so is an error.
func next(from messaging.Source) func(context.Context) (proto.Message, error) {
	return func(ctx context.Context) (proto.Message, error) {
		d, err := from.Recv(ctx)
		if err != nil {
			return nil, err
		}
		defer d.Release()
		m, err := d.Open()
		if err != nil {
			return nil, err
		}
		return m, statusError(m)
	}
}
