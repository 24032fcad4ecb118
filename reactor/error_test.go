package reactor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// secret is what no peer may see.
const secret = "the secret of the panic"

// maxFrame is the longest frame of the sockets in these tests.
const maxFrame = 64 << 10

// brokenReply is a message that panics when it is looked at.
type brokenReply struct{ proto.Message }

func (brokenReply) ProtoReflect() protoreflect.Message { panic(secret) }

// failure is one way in which a handler does not answer.
type failure struct {
	name    string
	handler func(context.Context) (proto.Message, error)
	code    messaging.Code
	text    string // what the caller is told
}

// failures are the ways that a reactor has to survive.
var failures = []failure{
	{"a typed error", func(context.Context) (proto.Message, error) {
		return nil, messaging.Errorf(messaging.NotFound, "no such thing")
	}, messaging.NotFound, "no such thing"},
	{"a wrapped typed error", func(context.Context) (proto.Message, error) {
		return nil, fmt.Errorf("while looking: %w", messaging.Errorf(messaging.NotFound, "no such thing"))
	}, messaging.NotFound, "no such thing"},
	{"an error without a type", func(context.Context) (proto.Message, error) {
		return nil, errors.New("just so")
	}, messaging.Unknown, "just so"},
	{"an error that is no text", func(context.Context) (proto.Message, error) {
		return nil, errors.New("bad \xff text")
	}, messaging.Unknown, "bad \uFFFD text"},
	{"a context's error", func(context.Context) (proto.Message, error) {
		return nil, fmt.Errorf("upstream: %w", context.DeadlineExceeded)
	}, messaging.DeadlineExceeded, "upstream: context deadline exceeded"},
	{"an error whose code is OK", func(context.Context) (proto.Message, error) {
		return nil, &messaging.Error{Message: "no success"}
	}, messaging.Unknown, "no success"},
	{"a nil pointer as error", func(context.Context) (proto.Message, error) {
		var none *messaging.Error
		return &testv1.EchoResponse{}, none
	}, messaging.Internal, "a nil *messaging.Error was returned"},
	{"an error with too much in it", func(context.Context) (proto.Message, error) {
		return nil, messaging.Errorf(messaging.Aborted, "see the details").WithDetails(&testv1.Blob{Data: make([]byte, maxFrame)})
	}, messaging.Aborted, "the error itself cannot be sent"},
	{"an error with details that are no text", func(context.Context) (proto.Message, error) {
		return nil, &messaging.Error{Code: messaging.Aborted, Details: []*anypb.Any{{TypeUrl: "\xff"}}}
	}, messaging.Aborted, "the error itself cannot be sent"},
	{"no reply", func(context.Context) (proto.Message, error) {
		return nil, nil
	}, messaging.Internal, "returned nothing"},
	{"a nil pointer as reply", func(context.Context) (proto.Message, error) {
		return (*testv1.EchoResponse)(nil), nil
	}, messaging.Internal, "returned nothing"},
	{"a reply that is too large", func(context.Context) (proto.Message, error) {
		return &testv1.Blob{Data: make([]byte, maxFrame)}, nil
	}, messaging.ResourceExhausted, "too large"},
	{"a reply that is no text", func(context.Context) (proto.Message, error) {
		return &testv1.EchoResponse{Text: "\xff"}, nil
	}, messaging.Internal, "cannot be sent"},
	{"a reply that panics", func(context.Context) (proto.Message, error) {
		return brokenReply{}, nil
	}, messaging.Internal, "returned something broken"},
	{"a panic", func(context.Context) (proto.Message, error) {
		panic(secret)
	}, messaging.Internal, "the handler of mittere.test.v1.Note panicked"},
	{"a panic with an error", func(context.Context) (proto.Message, error) {
		panic(errors.New(secret))
	}, messaging.Internal, "the handler of mittere.test.v1.Note panicked"},
	{"a panic with nil", func(context.Context) (proto.Message, error) {
		panic(any(nil))
	}, messaging.Internal, "the handler of mittere.test.v1.Note panicked"},
	{"a fault of the runtime", func(context.Context) (proto.Message, error) {
		var list []proto.Message
		return list[len(list)], nil
	}, messaging.Internal, "the handler of mittere.test.v1.Note panicked"},
}

// failing returns handlers of which that of notes fails in one way.
func failing(f failure) *reactor.Handlers {
	h := echoing()
	reactor.Handle(h, func(ctx context.Context, _ *testv1.Note) (proto.Message, error) { return f.handler(ctx) })
	return h
}

func TestCallerIsToldWhyThereIsNoReplyAndTheNextOneIsServed(t *testing.T) {
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			for _, pool := range []int{0, 3} {
				testFailure(t, f, poolOf(pool)...)
			}
		})
	}
}

// poolOf returns the option for n handlers at once; 0 is one at a time.
func poolOf(n int) []reactor.Option {
	if n == 0 {
		return nil
	}
	return []reactor.Option{reactor.WithPool(n, nil)}
}

// testFailure checks what a Request sees of a failure, and that a good message
// is served after it.
func testFailure(t *testing.T, f failure, options ...reactor.Option) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, tcp, messaging.WithSocket(comm.WithMaxFrameSize(maxFrame))))(t)
	r := serve(t, failing(f), sockets(rep), options...)
	req := newRequest(t, zmq, rep)
	for range 3 {
		_, err := req.Do(patient(t), note(1))
		e := wantCode(t, err, f.code)
		if !e.Remote() || !strings.Contains(e.Message, f.text) || strings.Contains(e.Message, secret) {
			t.Errorf("the caller is told %q (remote: %v), want %q", e.Message, e.Remote(), f.text)
		}
		wantEcho(t, req, "good")
	}
	ok(t, r.stop())
	if s := r.Stats(); s.Handled != 6 || s.Undeliverable != 0 {
		t.Errorf("stats are %+v, want 6 handled and nothing undeliverable", s)
	}
}

func TestFailureWithNobodyToTellLeavesTheReactorServing(t *testing.T) {
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			h := failing(f)
			good := make(chan struct{})
			reactor.Observe(h, func(context.Context, *testv1.Blob) error { close(good); return nil })
			pull := newFeed(0)
			r := serve(t, h, sockets(pull))
			pull.give(t, note(1))
			pull.give(t, &testv1.Blob{})
			<-good
			ok(t, r.stop())
			if s := r.Stats(); s.Handled != 2 {
				t.Errorf("stats are %+v, want 2 handled", s)
			}
		})
	}
}

func TestErrorOfAnObserverWithNobodyToTellIsLogged(t *testing.T) {
	h := reactor.NewHandlers()
	reactor.Observe(h, func(context.Context, *testv1.Note) error { return errors.New("full") })
	pull := newFeed(1)
	pull.give(t, note(1))
	r := serve(t, h, sockets(pull))
	eventually(t, "it fails", func() bool { return r.Stats().Failed == 1 })
	ok(t, r.stop())
	if line := r.log.one(t, "message failed"); line["error"] != "full" || line["socket"] != "feed" {
		t.Errorf("the log says %v", line)
	}
}

func TestErrorOfAnObserverIsToldToNobodyWhoDoesNotWait(t *testing.T) {
	h := echoing()
	reactor.Observe(h, func(context.Context, *testv1.Note) error { return errors.New("full") })
	s, p := responseAndDealer(t, newContext(t), tcp)
	r := serve(t, h, sockets(s))
	ok(t, p.send(patient(t), note(1)))
	wantEqual(t, p.answer(t, ask("next")), &testv1.EchoResponse{Text: "next"})
	ok(t, r.stop())
	r.log.one(t, "message failed")
	wantStats(t, r, reactor.Stats{Handled: 2, Failed: 1})
}

func TestErrorsTravelWithTheirDetails(t *testing.T) {
	zmq := newContext(t)
	cause := errors.New("stays here")
	f := failure{handler: func(context.Context) (proto.Message, error) {
		return nil, messaging.Errorf(messaging.AlreadyExists, "there is one: %w", cause).WithDetails(note(7), ask("?"))
	}}
	rep := must(messaging.NewRep(zmq, tcp))(t)
	serve(t, failing(f), sockets(rep))
	_, err := newRequest(t, zmq, rep).Do(patient(t), note(1))
	e := wantCode(t, err, messaging.AlreadyExists)
	if e.Message != "there is one: stays here" || errors.Is(err, cause) {
		t.Errorf("the caller got %q, with its cause: %v", e.Message, errors.Is(err, cause))
	}
	if len(e.Details) != 2 {
		t.Fatalf("%d details, want 2", len(e.Details))
	}
	wantEqual(t, must(e.Details[0].UnmarshalNew())(t), note(7))
	wantEqual(t, must(e.Details[1].UnmarshalNew())(t), ask("?"))
}

func TestPanicIsLoggedWithItsStackAndCounted(t *testing.T) {
	for name, message := range map[string]string{
		"a panic":                "handler panicked",
		"a fault of the runtime": "handler panicked",
		"a reply that panics":    "reply panicked",
	} {
		t.Run(name, func(t *testing.T) {
			i := slices.IndexFunc(failures, func(f failure) bool { return f.name == name })
			zmq := newContext(t)
			rep := must(messaging.NewRep(zmq, tcp))(t)
			r := serve(t, failing(failures[i]), sockets(rep))
			_, err := newRequest(t, zmq, rep).Do(patient(t), note(1))
			wantCode(t, err, messaging.Internal)
			line := r.log.one(t, message)
			if !strings.Contains(line["stack"], "error_test.go") || line["type"] != "mittere.test.v1.Note" || line["level"] != "ERROR" {
				t.Errorf("the log says %v, want the stack", line)
			}
			if s := r.Stats(); s.Panicked != 1 {
				t.Errorf("stats are %+v, want one panic", s)
			}
		})
	}
}

func TestPanicOfOneHandlerDoesNotHideThatOfAnother(t *testing.T) {
	zmq := newContext(t)
	h := reactor.NewHandlers()
	reactor.Observe(h, func(context.Context, *testv1.Note) error { panic("one") })
	reactor.Observe(h, func(context.Context, *testv1.Blob) error { panic("another") })
	rep := must(messaging.NewRep(zmq, tcp))(t)
	r := serve(t, h, sockets(rep))
	req := newRequest(t, zmq, rep)
	for range 10 {
		_, err := req.Do(patient(t), note(1))
		wantCode(t, err, messaging.Internal)
		_, err = req.Do(patient(t), &testv1.Blob{})
		wantCode(t, err, messaging.Internal)
	}
	logged := map[string]bool{}
	for _, line := range r.log.all("handler panicked") {
		logged[line["panic"]] = true
	}
	if len(logged) != 2 {
		t.Errorf("the log tells of the panics %v, want one and another", logged)
	}
}

func TestReplyToAPeerThatLeftIsCountedAndTheNextOneIsServed(t *testing.T) {
	zmq := newContext(t)
	arrived, left := make(chan struct{}), make(chan struct{})
	h := echoing()
	reactor.Handle(h, func(context.Context, *testv1.Note) (*testv1.Note, error) {
		arrived <- struct{}{}
		<-left
		return note(2), nil
	})
	rep := must(messaging.NewRep(zmq, tcp))(t)
	r := serve(t, h, sockets(rep))
	leaving := must(messaging.NewDealer(zmq, of(rep)))(t)
	ok(t, leaving.Send(patient(t), note(1)))
	<-arrived
	ok(t, leaving.Close())
	eventually(t, "the connection ends", func() bool { return rep.Stats().Disconnects == 1 })
	close(left)
	wantEcho(t, newRequest(t, zmq, rep), "good")
	ok(t, r.stop())
	wantStats(t, r, reactor.Stats{Handled: 2, Undeliverable: 1})
}
