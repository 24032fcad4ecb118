package messaging_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

// The behaviours of dīvidere's own messaging tests, each on all transports.

// everyType is one message of each kind that matters: all scalars at their bounds,
// nested, empty, large.
func everyType() []proto.Message {
	all := []proto.Message{note(7), messagetest.Tree(4), &testv1.Tree_Leaf{Text: "leaf"}, &testv1.Note{}, &testv1.Blob{Data: make([]byte, 100_000)}}
	for _, name := range slices.Sorted(maps.Keys(messagetest.Scalars())) {
		all = append(all, messagetest.Scalars()[name])
	}
	return all
}

func TestPublishersAndSubscribersCarryAllTypes(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		pub := must(messaging.NewPublisher(zmq, at()))(t)
		sub := must(messaging.NewSubscriber(zmq, of(pub)))(t)
		subscribed(t, pub, 1)
		for _, m := range everyType() {
			send(t, pub.Send(patient(t), m))
			d := must(sub.Recv(patient(t)))(t)
			wantEqual(t, must(d.Open())(t), m)
			if d.CanReply() || d.WantsReply() {
				t.Error("a published message can be replied to")
			}
			wantCode(t, d.Reply(patient(t), m), messaging.FailedPrecondition)
			wantCode(t, d.ReturnPath().Send(patient(t), m), messaging.FailedPrecondition)
		}
	})
}

func TestAllSubscribersGetEachMessage(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		pub := must(messaging.NewPublisher(zmq, at()))(t)
		var subs []*messaging.Subscriber
		for count := 1; count <= 9; count++ {
			subs = append(subs, must(messaging.NewSubscriber(zmq, of(pub)))(t))
			subscribed(t, pub, count)
			for i := range 10 {
				send(t, pub.Send(patient(t), note(i)))
			}
			for i := range 10 * count {
				wantNote(t, subs[i/10], i%10)
			}
		}
	})
}

func TestRequestsAreAnsweredManyTimesWithAllTypes(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		rep := must(messaging.NewRep(zmq, at()))(t)
		serve(t, rep, echo)
		req := must(messaging.NewReq(zmq, of(rep)))(t)
		for range 50 {
			for _, m := range everyType() {
				wantEqual(t, must(req.Do(patient(t), m))(t), m)
			}
		}
	})
}

func TestMessagesOfAllSizesArrive(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		rep := must(messaging.NewRep(zmq, at()))(t)
		serve(t, rep, echo)
		req := must(messaging.NewReq(zmq, of(rep)))(t)
		for size := 1; size <= 81_920; size += 1 + size/20 {
			wantBlob(t, req, size)
		}
		wantBlob(t, req, 81_920)
	})
}

// wantBlob checks that a blob comes back as it was.
func wantBlob(t *testing.T, req *messaging.Req, size int) {
	t.Helper()
	m := &testv1.Blob{Data: []byte(strings.Repeat("0123456789abcdef", size/16+1))[:size]}
	wantEqual(t, must(messaging.Call[*testv1.Blob](patient(t), req, m))(t), m)
}

func TestMessageOfFiftyMegabytesArrives(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		rep := must(messaging.NewRep(zmq, at()))(t)
		serve(t, rep, func(ctx context.Context, d *messaging.Delivery) error {
			defer d.Release()
			m, err := messaging.Open[*testv1.Blob](&d.Envelope)
			if err != nil {
				return err
			}
			return d.Reply(ctx, note(len(m.GetData())))
		})
		req := must(messaging.NewReq(zmq, of(rep)))(t)
		const size = 50_000_000
		got := must(req.Do(patient(t), &testv1.Blob{Data: make([]byte, size)}))(t)
		wantEqual(t, got, note(size))
	})
}

// rotation is sockets that take turns, and one that sends to them.
type rotation struct {
	sources []messaging.Source
	send    func(i int) error
}

// rotations makes the kinds of sockets that send to their peers in turn.
var rotations = map[string]func(t *testing.T, zmq *comm.Context, at func() string) rotation{
	"push": func(t *testing.T, zmq *comm.Context, at func() string) rotation {
		var r rotation
		var endpoints []string
		for range 3 {
			pull := must(messaging.NewPull(zmq, at()))(t)
			r.sources, endpoints = append(r.sources, pull), append(endpoints, of(pull))
		}
		push := must(messaging.NewPush(zmq, strings.Join(endpoints, ","), messaging.WithSocket(comm.WithImmediate(true))))(t)
		r.send = func(i int) error { return push.Send(patient(t), note(i)) }
		return r
	},
	"dealer": func(t *testing.T, zmq *comm.Context, at func() string) rotation {
		var r rotation
		var endpoints []string
		for range 3 {
			dealer := must(messaging.NewDealer(zmq, "@"+at()))(t)
			r.sources, endpoints = append(r.sources, dealer), append(endpoints, of(dealer))
		}
		dealer := must(messaging.NewDealer(zmq, strings.Join(endpoints, ",")))(t)
		r.send = func(i int) error { return dealer.Send(patient(t), note(i)) }
		return r
	},
}

func TestPeersTakeTurns(t *testing.T) {
	for kind, make := range rotations {
		t.Run(kind, func(t *testing.T) {
			onEachTransport(t, func(t *testing.T, at func() string) {
				r := make(t, newContext(t), at)
				arrived := arrivals(t, r.sources)
				awaitAll(t, r, arrived)
				for i := range 30 {
					send(t, r.send(i))
				}
				counts := map[int]int{}
				for range 30 {
					counts[(<-arrived).source]++
				}
				if counts[0] != 10 || counts[1] != 10 || counts[2] != 10 {
					t.Errorf("the peers got %v, want 10 each", counts)
				}
			})
		})
	}
}

// arrival tells at which of several sources a note arrived.
type arrival struct {
	source int
	number int64
}

// arrivals receives notes at all sources until the end of the test.
func arrivals(t *testing.T, sources []messaging.Source) <-chan arrival {
	arrived := make(chan arrival)
	for i, source := range sources {
		inBackground(t, func(ctx context.Context) {
			for m, err := range messaging.MessagesOf[*testv1.Note](ctx, source) {
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case arrived <- arrival{i, m.GetNumber()}:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return arrived
}

// awaitAll sends until each of the peers is connected and had its turn.
func awaitAll(t *testing.T, r rotation, arrived <-chan arrival) {
	t.Helper()
	for seen := map[int]bool{}; len(seen) < len(r.sources); {
		send(t, r.send(0))
		seen[(<-arrived).source] = true
	}
}

func TestRequestsGoToThreeResponsesInTurn(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		var endpoints []string
		for i := range 3 {
			rep := must(messaging.NewRep(zmq, at()))(t)
			serve(t, rep, func(ctx context.Context, d *messaging.Delivery) error { return d.Reply(ctx, note(i)) })
			endpoints = append(endpoints, of(rep))
		}
		req := must(messaging.NewReq(zmq, strings.Join(endpoints, ",")))(t)
		ask := func() int64 {
			return must(messaging.Call[*testv1.Note](patient(t), req, note(0)))(t).GetNumber()
		}
		for seen := map[int64]bool{}; len(seen) < 3; { // until all are connected
			seen[ask()] = true
		}
		counts := map[int64]int{}
		for range 30 {
			counts[ask()]++
		}
		if counts[0] != 10 || counts[1] != 10 || counts[2] != 10 {
			t.Errorf("the responses got %v, want 10 each", counts)
		}
	})
}

func TestOneToNineRequestersShareAResponse(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		rep := must(messaging.NewRep(zmq, at()))(t)
		serve(t, rep, echo)
		for count := 1; count <= 9; count++ {
			var asking sync.WaitGroup
			for client := range count {
				req := must(messaging.NewReq(zmq, of(rep)))(t)
				asking.Go(func() { askInTurn(t, req, client, 10) })
			}
			asking.Wait()
		}
	})
}

// askInTurn sends numbered requests and checks that each reply is to its own.
func askInTurn(t *testing.T, req *messaging.Req, client, count int) {
	for i := range count {
		want := &testv1.Note{Text: fmt.Sprint(client), Number: int64(i)}
		got, err := req.Do(patient(t), want)
		if err != nil || !proto.Equal(got, want) {
			t.Errorf("client %d got %v, %v for %v", client, got, err, want)
			return
		}
	}
}

func TestManyClientsAndWorkersMatchEveryReply(t *testing.T) {
	for _, c := range []struct{ clients, workers, each int }{{1, 1, 100}, {60, 40, 20}, {50, 20, 100}} {
		t.Run(fmt.Sprintf("%dx%dx%d", c.clients, c.workers, c.each), func(t *testing.T) {
			onEachTransport(t, func(t *testing.T, at func() string) {
				zmq := newContext(t)
				front, back := startForwarder(t, zmq, at)
				for range c.workers {
					serve(t, must(messaging.NewRep(zmq, ">"+back))(t), echo)
				}
				var asking sync.WaitGroup
				for client := range c.clients {
					req := must(messaging.NewReq(zmq, front))(t)
					asking.Go(func() { askInTurn(t, req, client, c.each) })
				}
				asking.Wait()
			})
		})
	}
}

// startForwarder starts what dīvidere's Proxy does: clients on one side, workers
// on the other.
func startForwarder(t *testing.T, zmq *comm.Context, at func() string) (front, back string) {
	t.Helper()
	clients := must(comm.NewRouter(zmq, at()))(t)
	workers := must(comm.NewDealer(zmq, "@"+at()))(t)
	inBackground(t, func(ctx context.Context) { forward(ctx, t, clients.Receiver, workers.Send) })
	inBackground(t, func(ctx context.Context) {
		forward(ctx, t, workers.Receiver, func(ctx context.Context, m comm.Message) error {
			err := clients.Send(ctx, m)
			for errors.Is(err, comm.Full) && clients.WaitRoom(ctx) == nil {
				err = clients.Send(ctx, m)
			}
			return err
		})
	})
	return of(clients), of(workers)
}

// forward passes messages on until ctx ends.
func forward(ctx context.Context, t *testing.T, from comm.Receiver, to func(context.Context, comm.Message) error) {
	for {
		m, err := from.Recv(ctx)
		if err == nil {
			err = to(ctx, m)
			m.Release()
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.Errorf("forward: %v", err)
			return
		}
	}
}

func TestDealersTalkBothWays(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		one := must(messaging.NewDealer(zmq, "@"+at()))(t)
		two := must(messaging.NewDealer(zmq, of(one)))(t)
		for i := range 20 {
			send(t, two.Send(patient(t), note(i)))
			d := must(one.Recv(patient(t)))(t)
			if len(d.Route) != 0 || d.WantsReply() || !d.CanReply() {
				t.Fatalf("route %q, wants a reply: %v, can have one: %v", d.Route, d.WantsReply(), d.CanReply())
			}
			send(t, d.Reply(patient(t), note(-i)))
			wantNote(t, two, -i)
		}
	})
}

func TestRouterAnswersTheDealerThatAsked(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		router := must(messaging.NewRouter(zmq, at()))(t)
		serve(t, router, echo)
		var asking sync.WaitGroup
		for range 8 {
			dealer := must(messaging.NewDealer(zmq, of(router)))(t)
			asking.Go(func() { sendThenReceive(t, dealer, 200) })
		}
		asking.Wait()
	})
}

// sendThenReceive has several messages under way at once and checks their order.
func sendThenReceive(t *testing.T, dealer *messaging.Dealer, count int) {
	for i := range count {
		if err := dealer.Send(patient(t), note(i)); err != nil {
			t.Error(err)
			return
		}
	}
	for i := range count {
		d, err := dealer.Recv(patient(t))
		if err != nil {
			t.Error(err)
			return
		}
		if got, err := d.Open(); err != nil || !proto.Equal(got, note(i)) {
			t.Errorf("got %v, %v, want number %d", got, err, i)
		}
	}
}

func TestRouterSendsToThePeerThatARouteNames(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		router := must(messaging.NewRouter(zmq, at()))(t)
		anna := must(messaging.NewDealer(zmq, of(router), messaging.WithSocket(comm.WithRoutingID("anna"))))(t)
		bert := must(messaging.NewDealer(zmq, of(router), messaging.WithSocket(comm.WithRoutingID("bert"))))(t)
		routes := map[string]messaging.ReturnPath{}
		send(t, anna.Send(patient(t), note(1)))
		send(t, bert.Send(patient(t), note(2)))
		for range 2 {
			d := must(router.Recv(patient(t)))(t)
			routes[string(d.Route[0])] = d.ReturnPath()
		}
		send(t, router.SendTo(patient(t), messaging.Route{[]byte("bert")}, note(3)))
		send(t, routes["anna"].Send(patient(t), note(4)))
		wantNote(t, bert, 3)
		wantNote(t, anna, 4)
		wantCode(t, router.SendTo(patient(t), messaging.Route{[]byte("carl")}, note(5)), messaging.Unavailable)
		wantCode(t, router.SendTo(patient(t), nil, note(5)), messaging.InvalidArgument)
	})
}

func TestRepliesTakeTheWayBackThroughForwarders(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		front, back := startForwarder(t, zmq, at)
		worker := must(messaging.NewDealer(zmq, back))(t) // dīvidere's workers may be Dealers
		serve(t, worker, func(ctx context.Context, d *messaging.Delivery) error {
			m, err := d.Open()
			if err != nil {
				return err
			}
			return worker.SendTo(ctx, d.Route, m)
		})
		plain := must(messaging.NewDealer(zmq, front))(t)
		sendThenReceive(t, plain, 50)
		askInTurn(t, must(messaging.NewReq(zmq, front))(t), 1, 50)
	})
}

func TestResponseAnswersInAnyOrder(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		rep := must(messaging.NewRep(zmq, at()))(t)
		req := must(messaging.NewReq(zmq, of(rep)))(t)
		const count = 20
		var asking sync.WaitGroup
		for i := range count {
			asking.Go(func() { askInTurn(t, req, i, 1) })
		}
		var deliveries []*messaging.Delivery
		for range count {
			deliveries = append(deliveries, must(rep.Recv(patient(t)))(t))
		}
		slices.Reverse(deliveries)
		for _, d := range deliveries {
			send(t, echo(patient(t), d))
		}
		asking.Wait()
	})
}

func TestPairsTalkBothWays(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		one := must(messaging.NewPair(zmq, "@"+at()))(t)
		two := must(messaging.NewPair(zmq, of(one)))(t)
		for i := range 20 {
			send(t, one.Send(patient(t), note(i)))
			d := must(two.Recv(patient(t)))(t)
			if len(d.Route) != 0 || d.WantsReply() || !d.CanReply() {
				t.Fatalf("route %q, wants a reply: %v, can have one: %v", d.Route, d.WantsReply(), d.CanReply())
			}
			send(t, d.Reply(patient(t), note(-i)))
			wantNote(t, one, -i)
		}
	})
}

func TestPushesArriveInOrder(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		pull := must(messaging.NewPull(zmq, at()))(t)
		push := must(messaging.NewPush(zmq, of(pull)))(t)
		inBackground(t, func(ctx context.Context) {
			for i := range 3000 {
				send(t, push.Send(ctx, note(i)))
			}
		})
		for i := range 3000 {
			wantNote(t, pull, i)
		}
	})
}

func TestGoroutinesShareASocketAndLoseNothing(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		few := messaging.WithSocket(comm.WithHighWaterMark(8))
		pull := must(messaging.NewPull(zmq, at(), few))(t)
		push := must(messaging.NewPush(zmq, of(pull), few))(t)
		const goroutines, each = 8, 500
		for g := range goroutines {
			inBackground(t, func(ctx context.Context) {
				for i := range each {
					send(t, push.Send(ctx, note(g*each+i)))
				}
			})
		}
		arrived := arrivals(t, slices.Repeat([]messaging.Source{pull}, goroutines))
		seen := make([]int, goroutines*each)
		for range seen {
			seen[(<-arrived).number]++
		}
		if i := slices.IndexFunc(seen, func(n int) bool { return n != 1 }); i >= 0 {
			t.Errorf("message %d arrived %d times", i, seen[i])
		}
	})
}

func TestSocketsSayWhatTheyAre(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		router := must(messaging.NewRouter(zmq, at()))(t)
		if router.Kind() != comm.KindRouter || router.String() != "router["+of(router)+"]" {
			t.Errorf("kind %v, %v", router.Kind(), router)
		}
		dealer := must(messaging.NewDealer(zmq, of(router)))(t)
		send(t, dealer.Send(patient(t), note(1)))
		must(router.Recv(patient(t)))(t)
		if sent, received := dealer.Stats().Sent, router.Stats().Received; sent != 1 || received != 1 {
			t.Errorf("%d sent, %d received", sent, received)
		}
		if err := dealer.Disconnect(of(router)); err != nil {
			t.Error(err)
		}
		if err := router.Unbind(of(router)); err != nil {
			t.Error(err)
		}
		if len(router.Endpoints()) != 0 {
			t.Errorf("still bound to %v", router.Endpoints())
		}
	})
}

func TestSocketsTakeFurtherEndpointsAndPorts(t *testing.T) {
	zmq := newContext(t)
	port := must(comm.AcquirePort(""))(t)
	pull := must(messaging.NewPull(zmq, ""))(t)
	push := must(messaging.NewPush(zmq, ""))(t)
	for _, err := range []error{pull.BindPort(port), pull.Bind(inprocEndpoint(t)), push.Connect(port.Endpoint())} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(pull.Endpoints()) != 2 {
		t.Errorf("bound to %v", pull.Endpoints())
	}
	send(t, push.Send(patient(t), note(1)))
	wantNote(t, pull, 1)
	second := must(messaging.NewPush(zmq, pull.Endpoints()[1]))(t)
	send(t, second.Send(patient(t), note(2)))
	wantNote(t, pull, 2)
}
