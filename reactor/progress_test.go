package reactor_test

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
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// reporting answers an EchoRequest after these reports, whose errors it gives.
func reporting(errs chan<- error, reports ...proto.Message) *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.Handle(h, func(ctx context.Context, m *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		for _, report := range reports {
			errs <- reactor.Progress(ctx, report)
		}
		return echo(ctx, m)
	})
	return h
}

// wantProgress checks that the next command of interest is a report to a call.
func wantProgress(t testing.TB, c messaging.Command, call uint64, number int64) {
	t.Helper()
	event, is := c.Kind.(*mitterev1.Event)
	if !is || event.GetCall() != call || event.GetInstance() != "reporter" {
		t.Fatalf("got %v, want a report to call %d", c.Kind, call)
	}
	e := must(messaging.Decode(c.Body))(t)
	wantEqual(t, must(messaging.Open[*testv1.Note](&e))(t), note(int(number)))
}

func TestProgressIsReportedToTheBroker(t *testing.T) {
	zmq, errs := newContext(t), make(chan error, 2)
	b := newBrokerEnd(t, zmq, tcp)
	worker := must(messaging.NewWorker(zmq, of(b.router)))(t)
	serve(t, reporting(errs, note(1), note(2)), sockets(worker), offering(), reactor.WithIdentity("", "reporter"))
	b.accept(time.Minute)
	b.say(&mitterev1.Request{Call: 5, Session: b.session}, ask("good"))
	for number := int64(1); number <= 2; number++ {
		_, command := b.next()
		wantProgress(t, command, 5, number)
		ok(t, <-errs)
	}
	b.wantReply(5, messaging.OK)
}

// TestProgressIsReportedToAllWhoWait has a request sent again while it runs.
func TestProgressIsReportedToAllWhoWait(t *testing.T) {
	zmq, begun, proceed := newContext(t), make(chan bool), make(chan bool)
	h := reactor.NewHandlers()
	reactor.Handle(h, func(ctx context.Context, m *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		begun <- true
		<-proceed
		check(t, reactor.Progress(ctx, note(1)))
		return echo(ctx, m)
	})
	server := must(messaging.NewServer(zmq, tcp))(t)
	r := serve(t, h, sockets(server), reactor.WithIdentity("", "reporter"))
	c := newRawClient(t, zmq, of(server))
	c.hello()
	c.send(&mitterev1.Request{Call: 1, Session: c.session, Key: keyOf(1, 1)}, ask("good"))
	<-begun
	c.send(&mitterev1.Request{Call: 2, Session: c.session, Key: keyOf(1, 1), Attempt: 2}, ask("good"))
	eventually(t, "it is recognised", func() bool { return r.Stats().Repeated == 1 })
	proceed <- true
	for call := uint64(1); call <= 2; call++ {
		m := must(c.dealer.Recv(patient(t)))(t)
		wantProgress(t, must(command.Decode(m.Frames))(t), call, 1)
	}
	c.wantReply(1, messaging.OK)
	c.wantReply(2, messaging.OK)
}

func TestPlainCallersGetNoProgress(t *testing.T) {
	zmq, errs := newContext(t), make(chan error, 1)
	server := must(messaging.NewServer(zmq, tcp))(t)
	serve(t, reporting(errs, note(1)), sockets(server))
	wantEcho(t, newRequest(t, zmq, server), "good")
	ok(t, <-errs)
}

func TestProgressThatCannotBeSentIsAnError(t *testing.T) {
	zmq, errs := newContext(t), make(chan error, 2)
	server := must(messaging.NewServer(zmq, tcp, messaging.WithSocket(comm.WithMaxFrameSize(2000))))(t)
	serve(t, reporting(errs, &testv1.Note{Text: strings.Repeat("x", 2000)}, &testv1.Note{Text: "\xff"}), sockets(server))
	c := newRawClient(t, zmq, of(server))
	c.hello()
	c.send(&mitterev1.Request{Call: 1, Session: c.session}, ask("good"))
	c.wantReply(1, messaging.OK)
	wantCode(t, <-errs, messaging.ResourceExhausted)
	wantCode(t, <-errs, messaging.InvalidArgument)
}

func TestProgressOfNoRequestIsAnError(t *testing.T) {
	wantCode(t, reactor.Progress(t.Context(), note(1)), messaging.FailedPrecondition)
}

func TestProgressTellsWhyTheRequestIsOver(t *testing.T) {
	zmq, errs, begun := newContext(t), make(chan error, 1), make(chan bool)
	h := reactor.NewHandlers()
	reactor.Handle(h, func(ctx context.Context, m *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		close(begun)
		<-ctx.Done()
		errs <- reactor.Progress(ctx, note(1))
		return nil, ctx.Err()
	})
	server := must(messaging.NewServer(zmq, tcp))(t)
	serve(t, h, sockets(server))
	c := newRawClient(t, zmq, of(server))
	c.hello()
	c.send(&mitterev1.Request{Call: 1, Session: c.session}, ask("good"))
	<-begun
	c.send(&mitterev1.Cancel{Call: 1}, nil)
	wantCode(t, <-errs, messaging.Cancelled)
}

// TestProgressKeepsNoAnswerOut has far more reports than a client reads, which are
// dropped, and an answer behind them.
func TestProgressKeepsNoAnswerOut(t *testing.T) {
	const reports = 3000
	zmq := newContext(t)
	server := must(messaging.NewServer(zmq, tcp, messaging.WithSocket(comm.WithHighWaterMark(4))))(t)
	h := reactor.NewHandlers()
	large := &testv1.Note{Text: strings.Repeat("x", 10_000)}
	reactor.Handle(h, func(ctx context.Context, m *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		for range reports {
			check(t, reactor.Progress(ctx, large))
		}
		return echo(ctx, m)
	})
	r := serve(t, h, sockets(server), reactor.WithOutbox(8))
	c := &rawClient{t: t, dealer: must(comm.NewDealer(zmq, of(server), comm.WithHighWaterMark(4)))(t)}
	c.hello()
	c.send(&mitterev1.Request{Call: 1, Session: c.session}, ask("good"))
	eventually(t, "all is reported", func() bool { return r.Stats().Handled == 1 })
	events := 0
	for {
		m := must(c.dealer.Recv(patient(t)))(t)
		if _, over := must(command.Decode(m.Frames))(t).Kind.(*mitterev1.Reply); over {
			break
		}
		events++
	}
	if events == 0 || events == reports {
		t.Errorf("%d of %d reports arrived, want some to be dropped", events, reports)
	}
}
