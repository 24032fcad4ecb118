package service_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// askAll asks several instances for an echo.
func askAll(ctx context.Context, c call.Caller, options ...call.Option) iter.Seq[call.Answer[*testv1.EchoResponse]] {
	return call.All(ctx, call.Bind[*testv1.EchoRequest, *testv1.EchoResponse](c, echoMethod), &testv1.EchoRequest{Text: "hello"}, options...)
}

// lines returns what answers say.
func lines[M proto.Message](answers iter.Seq[call.Answer[M]], what func(M) any) (all []string) {
	for a := range answers {
		if a.Err != nil {
			all = append(all, fmt.Sprintf("%s: %v", a.Worker, messaging.CodeOf(a.Err)))
		} else {
			all = append(all, fmt.Sprintf("%s: %v", a.Worker, what(a.Reply)))
		}
	}
	return all
}

// wantAnswers checks what answers say, in order.
func wantAnswers(t testing.TB, answers iter.Seq[call.Answer[*testv1.EchoResponse]], want ...string) {
	t.Helper()
	if got := lines(answers, func(r *testv1.EchoResponse) any { return r.GetText() }); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// wantSorted checks what answers say, in any order.
func wantSorted(t testing.TB, got []string, want ...string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// text is what an answer says.
func text(r *testv1.EchoResponse) any { return r.GetText() }

// crew returns so many services with this handler, a client of them without a
// registry, and their names there.
func crew(t testing.TB, zmq *comm.Context, n int, h func() *reactor.Handlers, options ...service.ClientOption) (c *service.Client, servers []*server, endpoints []string) {
	t.Helper()
	for range n {
		s := serve(t, zmq, h(), service.WithBind(inproc()))
		servers, endpoints = append(servers, s), append(endpoints, s.Endpoints()[0])
	}
	return clientOf(t, zmq, servers, options...), servers, endpoints
}

func TestAllCallsEachInstance(t *testing.T) {
	zmq := newContext(t)
	c, _, at := crew(t, zmq, 3, handlers)
	wantSorted(t, lines(askAll(patient(t), c), text), at[0]+": hello", at[1]+": hello", at[2]+": hello")
	var told string
	listen := call.WithAccepted(func(workers, unknown []string) { told = fmt.Sprint(workers, unknown) })
	wantSorted(t, lines(askAll(patient(t), c, call.ToWorkers(at[2], "x", at[0], at[2], "x"), listen), text),
		"x: CODE_NOT_FOUND", at[0]+": hello", at[2]+": hello")
	if want := fmt.Sprint([]string{at[0], at[2]}, []string{"x"}); told != want {
		t.Errorf("it went to %s, want %s", told, want)
	}
	var timing call.Timing
	must(askEcho(patient(t), c, "x", call.ToWorker(at[1]), call.WithTiming(&timing)))(t)
	if timing.Instance == "" {
		t.Error("nobody answered")
	}
}

func TestAllCallsEachInstanceThatARegistryKnows(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	for _, id := range []string{"one", "two"} {
		serve(t, zmq, handlers(), service.WithRegistry(n.endpoint), service.WithID(id))
	}
	c := newClient(t, zmq, service.FromRegistry(n.endpoint))
	awaitReady(t, c, 2)
	wantSorted(t, lines(askAll(patient(t), c), text), "one: hello", "two: hello")
	for range 5 {
		var timing call.Timing
		must(askEcho(patient(t), c, "x", call.ToWorker("two"), call.WithTiming(&timing)))(t)
		if timing.Instance != "two" {
			t.Errorf("%q answered, want two", timing.Instance)
		}
	}
	_, err := askEcho(patient(t), c, "x", call.ToWorker("three"))
	wantRefused(t, err, messaging.NotFound)
	wantAnswers(t, askAll(patient(t), c, call.ToWorkers("three", "four")), ": CODE_NOT_FOUND")
	early := newClient(t, zmq, service.FromRegistry(n.endpoint)) // which knows of nobody yet
	wantSorted(t, lines(askAll(patient(t), early, call.ToWorkers("one")), text), "one: hello")
}

func TestStreamsOfEachInstanceComeInOrder(t *testing.T) {
	const limit = 500
	zmq := newContext(t)
	c, _, at := crew(t, zmq, 3, handlers)
	numbers := call.BindStream[*testv1.NumbersRequest, *testv1.NumbersResponse](c, numbersMethod)
	got := map[string]uint64{}
	for a := range call.AllStream(patient(t), numbers, &testv1.NumbersRequest{Limit: limit}, call.WithWindow(4)) {
		ok(t, a.Err)
		if got[a.Worker]++; a.Reply.GetNumber() != got[a.Worker] {
			t.Fatalf("item %d of %s came as number %d", a.Reply.GetNumber(), a.Worker, got[a.Worker])
		}
	}
	for _, worker := range at {
		if got[worker] != limit {
			t.Errorf("%d items of %s, want %d", got[worker], worker, limit)
		}
	}
	n := 0
	for a := range call.AllStream(patient(t), numbers, &testv1.NumbersRequest{}) { // without end
		ok(t, a.Err)
		if n++; n == 100 {
			break
		}
	}
	for _, m := range c.Members() {
		wantEcho(t, m.Caller)
	}
}

func TestLeavingTheLoopCancelsTheInstancesThatRun(t *testing.T) {
	zmq := newContext(t)
	depot := newDepot()
	quick := func() *reactor.Handlers { return handlers() }
	slow := func() *reactor.Handlers { return storing(depot.store) }
	a := serve(t, zmq, quick(), service.WithBind(inproc()))
	b := serve(t, zmq, slow(), service.WithBind(inproc()))
	c := clientOf(t, zmq, []*server{a, b})
	storeAll := func(ctx context.Context) iter.Seq[call.Answer[*testv1.StoreResponse]] {
		return call.All(ctx, call.Bind[*testv1.StoreRequest, *testv1.StoreResponse](c, storeMethod), &testv1.StoreRequest{Item: 7})
	}
	for answer := range storeAll(context.Background()) { // it would not end otherwise
		ok(t, answer.Err)
		handler := receive(t, "the other call", depot.begun)
		defer func() { <-handler.Done() }()
		break
	}
	ctx, cancel := context.WithCancel(patient(t))
	defer cancel()
	var last call.Answer[*testv1.StoreResponse]
	for last = range storeAll(ctx) {
		cancel()
	}
	if wantCode(t, last.Err, messaging.Cancelled); last.Worker != "" {
		t.Errorf("the end of the context is an error of %q", last.Worker)
	}
}

func TestInstanceThatFailsIsAnAnswerOfItsOwn(t *testing.T) {
	zmq := newContext(t)
	failing := func() *reactor.Handlers {
		return serving(func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
			return nil, messaging.Errorf(messaging.Aborted, "no")
		}, store)
	}
	a := serve(t, zmq, handlers(), service.WithBind(inproc()))
	b := serve(t, zmq, failing(), service.WithBind(inproc()))
	gone := serve(t, zmq, handlers(), service.WithBind(inproc()))
	c := clientOf(t, zmq, []*server{a, b, gone}, service.WithPatience(20*time.Millisecond))
	at := []string{a.Endpoints()[0], b.Endpoints()[0], gone.Endpoints()[0]}
	ok(t, gone.stop())
	ok(t, gone.Close())
	awaitReady(t, c, 2)
	wantSorted(t, lines(askAll(patient(t), c, call.ToWorkers(at...)), text),
		at[0]+": hello", at[1]+": CODE_ABORTED", at[2]+": CODE_UNAVAILABLE")
	wantSorted(t, lines(askAll(patient(t), c), text), at[0]+": hello", at[1]+": CODE_ABORTED") // who can be called
	_, err := askEcho(patient(t), c, "x", call.ToWorker(at[2]))
	if e := wantRefused(t, err, messaging.Unavailable); !strings.Contains(e.Message, "the instance "+at[2]) {
		t.Errorf("got %v", err)
	}
}

func TestOneWayCallGoesToEachInstance(t *testing.T) {
	zmq := newContext(t)
	depot := newDepot()
	c, _, _ := crew(t, zmq, 3, func() *reactor.Handlers { return storing(depot.store) })
	ok(t, call.OneWay(patient(t), c, storeMethod, &testv1.StoreRequest{}, call.ToAll()))
	for range 3 {
		receive(t, "a call", depot.begun)
	}
	close(depot.proceed)
	_, err := askStore(patient(t), c, 1, call.ToAll())
	wantRefused(t, err, messaging.InvalidArgument)
	if n := depot.executed.Load(); n != 3 {
		t.Errorf("%d were executed, want 3", n)
	}
}

func TestManyCallsOfAllAtOnce(t *testing.T) {
	const callers, rounds, instances = 8, 20, 3
	zmq := newContext(t)
	c, _, _ := crew(t, zmq, instances, handlers)
	answered := make(chan int, callers)
	for range callers {
		go func() {
			n := 0
			for range rounds {
				for a := range askAll(patient(t), c) {
					if a.Err == nil {
						n++
					}
				}
			}
			answered <- n
		}()
	}
	for range callers {
		if n := receive(t, "a caller", answered); n != rounds*instances {
			t.Errorf("%d answers, want %d", n, rounds*instances)
		}
	}
}
