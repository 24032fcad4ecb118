package reactor_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// saying returns handlers that answer echo requests with a word.
func saying(word string) *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.Handle(h, func(context.Context, *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		return &testv1.EchoResponse{Text: word}, nil
	})
	return h
}

// noting returns handlers that answer notes with themselves.
func noting() *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.Handle(h, func(_ context.Context, n *testv1.Note) (*testv1.Note, error) { return n, nil })
	return h
}

// wantWrong checks that a constructor refuses, and names each of these.
func wantWrong(t *testing.T, err error, texts ...string) {
	t.Helper()
	e := wantCode(t, err, messaging.InvalidArgument)
	for _, text := range texts {
		if !strings.Contains(e.Message, text) {
			t.Errorf("the error %q does not say %q", e.Message, text)
		}
	}
	if strings.Contains(e.Error(), "\n") {
		t.Errorf("the error %q has more than one line", e.Error())
	}
}

func TestEverythingThatIsWrongIsReportedAtOnce(t *testing.T) {
	h := saying("one")
	reactor.Handle(h, echo)
	reactor.Observe[*testv1.EchoRequest](h, func(context.Context, *testv1.EchoRequest) error { return nil })
	reactor.Stream[*testv1.Note, *testv1.Note](h, nil)
	reactor.Handle(h, func(context.Context, proto.Message) (*testv1.Note, error) { return nil, nil })
	reactor.Observe(h, func(context.Context, *dynamicpb.Message) error { return nil })
	pull := newFeed(0)
	var none *messaging.Rep
	_, err := reactor.New(h, sockets(pull, nil, none, pull),
		reactor.WithPool(0, nil), reactor.WithTimer(0, nil), reactor.WithIdle(-1, nil), reactor.WithStart(nil),
		reactor.WithStopTimeout(-time.Second), reactor.WithOutbox(-2), reactor.WithLogger(nil),
		reactor.WithInterceptors(nil))
	wantWrong(t, err,
		"two handlers for mittere.test.v1.EchoRequest; two handlers for mittere.test.v1.EchoRequest",
		"the handler for mittere.test.v1.Note is nil",
		"a handler for protoreflect.ProtoMessage, which is no pointer to a generated message",
		"a handler for *dynamicpb.Message, which is no",
		"socket 1 is nil", "socket 2 is nil", "socket 3, feed, is there twice",
		"pool of 0", "timer every 0s: must", "timer every 0s: the hook", "idle after -1ns: must", "idle after -1ns: the hook",
		"start hook", "stop timeout -1s", "outbox of -2", "logger", "interceptor")
}

func TestNewWantsHandlersAndSockets(t *testing.T) {
	_, err := reactor.New(nil, nil)
	wantWrong(t, err, "no handlers", "no sockets to listen on")
}

func TestReactorWithoutAnyHandlerIsLegal(t *testing.T) {
	must(reactor.New(&reactor.Handlers{}, sockets(newFeed(0))))(t)
}

func TestZeroValueOfHandlersIsReady(t *testing.T) {
	var h reactor.Handlers
	reactor.Handle(&h, echo)
	wantTypes(t, &h, "mittere.test.v1.EchoRequest")
	wantTypes(t, reactor.Derive(&reactor.Handlers{}, &h), "mittere.test.v1.EchoRequest")
	wantTypes(t, reactor.Join(&reactor.Handlers{}, &h), "mittere.test.v1.EchoRequest")
}

// wantTypes checks for which types there are handlers.
func wantTypes(t *testing.T, h *reactor.Handlers, types ...string) {
	t.Helper()
	if got := h.Types(); !slices.Equal(got, types) {
		t.Errorf("handlers for %v, want %v", got, types)
	}
}

func TestTypesAreSorted(t *testing.T) {
	h := reactor.Join(noting(), echoing())
	reactor.Observe(h, func(context.Context, *testv1.Tree_Leaf) error { return nil })
	wantTypes(t, h, "mittere.test.v1.EchoRequest", "mittere.test.v1.Note", "mittere.test.v1.Tree.Leaf")
}

func TestJoinServesTheTypesOfAllParts(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, tcp))(t)
	serve(t, reactor.Join(noting(), reactor.NewHandlers(), saying("joined")), sockets(rep))
	req := newRequest(t, zmq, rep)
	wantEqual(t, must(req.Do(patient(t), ask("")))(t), &testv1.EchoResponse{Text: "joined"})
	wantEqual(t, must(req.Do(patient(t), note(3)))(t), note(3))
}

func TestJoinOfTheSameTypeIsAnErrorOfTheConstructor(t *testing.T) {
	wrong := noting()
	reactor.Handle(wrong, func(_ context.Context, n *testv1.Note) (*testv1.Note, error) { return n, nil })
	h := reactor.Join(saying("one"), wrong, saying("two"))
	_, err := reactor.New(h, sockets(newFeed(0)))
	wantWrong(t, err, "two handlers for mittere.test.v1.EchoRequest", "two handlers for mittere.test.v1.Note")
}

func TestDeriveOverridesAndLeavesItsPartsAlone(t *testing.T) {
	base, overrides := reactor.Join(saying("base"), noting()), saying("derived")
	derived := reactor.Derive(base, overrides)
	wantTypes(t, derived, "mittere.test.v1.EchoRequest", "mittere.test.v1.Note")
	wantTypes(t, overrides, "mittere.test.v1.EchoRequest")
	for h, word := range map[*reactor.Handlers]string{base: "base", derived: "derived"} {
		zmq := newContext(t)
		rep := must(messaging.NewRep(zmq, tcp))(t)
		serve(t, h, sockets(rep))
		req := newRequest(t, zmq, rep)
		wantEqual(t, must(req.Do(patient(t), ask("")))(t), &testv1.EchoResponse{Text: word})
		wantEqual(t, must(req.Do(patient(t), note(3)))(t), note(3))
	}
}

func TestDeriveKeepsTheErrorsOfItsParts(t *testing.T) {
	base, overrides := saying("one"), noting()
	reactor.Handle(base, echo)
	reactor.Stream[*testv1.Note, *testv1.Note](overrides, nil)
	_, err := reactor.New(reactor.Derive(base, overrides), sockets(newFeed(0)))
	wantWrong(t, err, "two handlers for mittere.test.v1.EchoRequest", "the handler for mittere.test.v1.Note is nil")
}

func TestHandlersEnteredAfterNewHaveNoEffect(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, tcp))(t)
	h := echoing()
	serve(t, h, sockets(rep))
	reactor.Observe(h, func(context.Context, *testv1.Note) error { return nil })
	_, err := newRequest(t, zmq, rep).Do(patient(t), note(1))
	wantCode(t, err, messaging.Unimplemented)
}
