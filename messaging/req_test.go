package messaging_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	zmq4 "github.com/pebbe/zmq4"
	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/message"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// peer is a server whose replies a test writes itself, frame by frame.
type peer struct {
	testing.TB
	router *comm.Router
	req    *messaging.Req
}

// newPeer returns a peer with a Request that is connected to it.
func newPeer(t testing.TB, options ...messaging.Option) *peer {
	t.Helper()
	zmq := newContext(t)
	router := must(comm.NewRouter(zmq, inprocEndpoint(t)))(t)
	return &peer{TB: t, router: router, req: must(messaging.NewReq(zmq, of(router), options...))(t)}
}

// asked is a request that was sent, with the way back and its outcome.
type asked struct {
	route   [][]byte
	content []byte
	result  chan result
	cancel  context.CancelFunc
}

// result is what Do returned.
type result struct {
	reply proto.Message
	err   error
}

// ask sends a request and returns when it has arrived at the peer.
func (p *peer) ask(m proto.Message) asked {
	p.Helper()
	ctx, cancel := context.WithCancel(patient(p))
	a := asked{result: make(chan result, 1), cancel: cancel}
	go func() {
		reply, err := p.req.Do(ctx, m)
		a.result <- result{reply, err}
	}()
	got := must(p.router.Recv(patient(p)))(p)
	route, body := message.SplitRoute(got.Frames)
	if len(route) != 3 || len(route[1]) != 8 || len(body) != 1 {
		p.Fatalf("a request of the frames %q", got.Frames)
	}
	a.route, a.content = route, body[0]
	return a
}

// reply answers a request with these frames.
func (p *peer) reply(a asked, frames ...[]byte) {
	p.Helper()
	send(p, p.router.Send(patient(p), comm.NewMessage(append(append([][]byte{}, a.route...), frames...)...)))
}

// frame returns the frame of a message.
func frame(t testing.TB, m proto.Message) []byte {
	t.Helper()
	e := must(messaging.Pack(m))(t)
	return e.Append(nil)
}

func TestRequestIsSeenByARouterAsPeerIDDelimiterEnvelope(t *testing.T) {
	p := newPeer(t)
	for number := uint64(1); number <= 3; number++ {
		a := p.ask(&testv1.Note{Text: "hi", Number: 7})
		if got := binary.BigEndian.Uint64(a.route[1]); got != number {
			t.Errorf("the request's id is %d, want %d", got, number)
		}
		if len(a.route[2]) != 0 || !bytes.Equal(a.content, frameOf(t, "note")) {
			t.Errorf("behind the id stand %q and % x", a.route[2], a.content)
		}
		p.reply(a, frame(t, note(1)))
		if r := <-a.result; r.err != nil {
			t.Error(r.err)
		}
	}
}

func TestConcurrentRequestsGetTheirOwnReplies(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		rep := must(messaging.NewRep(zmq, at()))(t)
		for range 4 { // which answers in any order
			serve(t, rep, echo)
		}
		req := must(messaging.NewReq(zmq, of(rep)))(t)
		var asking sync.WaitGroup
		for client := range 64 {
			asking.Go(func() { askInTurn(t, req, client, 50) })
		}
		asking.Wait()
		if stats := req.Stats(); stats.Unexpected != 0 || stats.Received != 64*50 {
			t.Errorf("%+v", stats)
		}
	})
}

func TestLateRepliesAreDropped(t *testing.T) {
	p := newPeer(t)
	first := p.ask(note(1))
	first.cancel()
	wantCode(t, (<-first.result).err, messaging.Cancelled)
	second := p.ask(note(2))
	p.reply(first, frame(t, note(-1)))
	p.reply(second, frame(t, note(-2)))
	p.reply(second, frame(t, note(-3))) // a second reply is one that nobody waits for
	r := <-second.result
	if r.err != nil {
		t.Fatal(r.err)
	}
	wantEqual(t, r.reply, note(-2))
	third := p.ask(note(3))
	p.reply(third, frame(t, note(-4)))
	wantEqual(t, (<-third.result).reply, note(-4))
	if dropped := p.req.Stats().Unexpected; dropped != 2 {
		t.Errorf("%d replies dropped, want 2", dropped)
	}
}

func TestRepliesThatNobodyAskedForAreDropped(t *testing.T) {
	p := newPeer(t)
	a := p.ask(note(1))
	for _, route := range [][][]byte{
		{a.route[0]},
		{a.route[0], nil},
		{a.route[0], a.route[1]},
		{a.route[0], []byte("short"), nil},
		{a.route[0], []byte("12345678"), nil},
	} {
		p.reply(asked{route: route}, frame(t, note(-1)))
	}
	p.reply(a, frame(t, note(-2)))
	r := <-a.result
	if r.err != nil {
		t.Fatal(r.err)
	}
	wantEqual(t, r.reply, note(-2))
	if dropped := p.req.Stats().Unexpected; dropped != 5 {
		t.Errorf("%d replies dropped, want 5", dropped)
	}
}

func TestErrorsOfTheOtherSideComeAsTheyWereSent(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, inprocEndpoint(t)))(t)
	serve(t, rep, func(ctx context.Context, d *messaging.Delivery) error {
		return d.ReplyError(ctx, messaging.Errorf(messaging.NotFound, "no room %d", 7).WithDetails(note(7)))
	})
	req := must(messaging.NewReq(zmq, of(rep)))(t)
	_, err := req.Do(patient(t), note(1))
	got := wantCode(t, err, messaging.NotFound)
	if !got.Remote() || got.Message != "no room 7" || len(got.Details) != 1 {
		t.Fatalf("got %v, remote %v, %d details", got, got.Remote(), len(got.Details))
	}
	wantEqual(t, must(got.Details[0].UnmarshalNew())(t), note(7))
	if !errors.Is(err, &messaging.Error{Code: messaging.NotFound}) {
		t.Error("not the same as another error of its code")
	}
	_, err = messaging.Call[*testv1.Note](patient(t), req, note(1))
	wantCode(t, err, messaging.NotFound)
}

func TestErrorsOfAnyKindTravelWithACode(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, inprocEndpoint(t)))(t)
	failures := map[int64]error{
		1: errors.New("plain"), 2: context.DeadlineExceeded, 3: fmt.Errorf("deep: %w", messaging.Errorf(messaging.Aborted, "lost")), 4: nil,
	}
	serve(t, rep, func(ctx context.Context, d *messaging.Delivery) error {
		m, err := messaging.Open[*testv1.Note](&d.Envelope)
		if err != nil {
			return err
		}
		return d.ReplyError(ctx, failures[m.GetNumber()])
	})
	req := must(messaging.NewReq(zmq, of(rep)))(t)
	for number, want := range map[int]messaging.Code{1: messaging.Unknown, 2: messaging.DeadlineExceeded, 3: messaging.Aborted} {
		_, err := req.Do(patient(t), note(number))
		wantCode(t, err, want)
	}
	wantEqual(t, must(req.Do(patient(t), note(4)))(t), &mitterev1.Status{})
}

func TestSuccessWithoutContentNeedsNoResolver(t *testing.T) {
	d := messagetest.Declare(t, "only.Type")
	p := newPeer(t, messaging.WithTypes(d))
	a := p.ask(d.Message(t, "only.Type", 1))
	p.reply(a, frame(t, &mitterev1.Status{}))
	r := <-a.result
	if r.err != nil {
		t.Fatal(r.err)
	}
	wantEqual(t, r.reply, &mitterev1.Status{})
}

func TestSuccessWithoutContentIsNoReplyOfAnotherType(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, inprocEndpoint(t)))(t)
	serve(t, rep, func(ctx context.Context, d *messaging.Delivery) error { return d.ReplyError(ctx, nil) })
	req := must(messaging.NewReq(zmq, of(rep)))(t)
	_, err := messaging.Call[*testv1.Note](patient(t), req, note(1))
	wantCode(t, err, messaging.InvalidArgument)
	wantEqual(t, must(messaging.Call[*mitterev1.Status](patient(t), req, note(1)))(t), &mitterev1.Status{})
}

func TestReplyThatIsNoneIsATypedErrorAndTheNextIsServed(t *testing.T) {
	p := newPeer(t)
	good := frame(t, note(1))
	broken := messaging.Envelope{Type: "mittere.test.v1.Note", Body: []byte("\x0a\xff")}
	status := messaging.Envelope{Type: "mittere.v1.Status", Body: []byte("\x0a\xff")}
	foreign := messaging.Envelope{Type: "nobody.Knows"}
	for _, c := range []struct {
		name      string
		frames    [][]byte
		code      messaging.Code
		malformed uint64
	}{
		{"no frame", nil, messaging.InvalidArgument, 1},
		{"an empty frame", [][]byte{nil}, messaging.InvalidArgument, 2},
		{"garbage", [][]byte{[]byte("\xff\xff")}, messaging.InvalidArgument, 3},
		{"truncated", [][]byte{good[:len(good)-1]}, messaging.InvalidArgument, 4},
		{"two frames", [][]byte{good, good}, messaging.InvalidArgument, 5},
		{"a broken body", [][]byte{broken.Append(nil)}, messaging.InvalidArgument, 5},
		{"a broken status", [][]byte{status.Append(nil)}, messaging.InvalidArgument, 5},
		{"an unknown type", [][]byte{foreign.Append(nil)}, messaging.Unimplemented, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := p.ask(note(1))
			p.reply(a, c.frames...)
			if got := wantCode(t, (<-a.result).err, c.code); got.Remote() {
				t.Errorf("%v looks as if the peer had sent it", got)
			}
			if malformed := p.req.Stats().Malformed; malformed != c.malformed {
				t.Errorf("%d malformed, want %d", malformed, c.malformed)
			}
		})
	}
	a := p.ask(note(1))
	p.reply(a, good)
	wantEqual(t, (<-a.result).reply, note(1))
}

func TestReplyOfAnotherTypeIsATypedError(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, inprocEndpoint(t)))(t)
	serve(t, rep, func(ctx context.Context, d *messaging.Delivery) error { return d.Reply(ctx, messagetest.Tree(1)) })
	req := must(messaging.NewReq(zmq, of(rep)))(t)
	_, err := messaging.Call[*testv1.Note](patient(t), req, note(1))
	wantCode(t, err, messaging.InvalidArgument)
	_, err = messaging.Call[proto.Message](patient(t), req, note(1))
	wantCode(t, err, messaging.Internal)
}

// doWithin asks with a deadline.
func doWithin(req *messaging.Req, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := req.Do(ctx, note(1))
	return err
}

func TestRequestEndsWithItsDeadlineWhicheverEndIsToBlame(t *testing.T) {
	zmq := newContext(t)
	silent := must(comm.NewRouter(zmq, inprocEndpoint(t)))(t)
	port := must(comm.AcquirePort(""))(t) // listens, and never speaks ZeroMQ
	t.Cleanup(func() { port.Close() })
	for name, endpoint := range map[string]string{
		"a peer that never answers": of(silent),
		"no peer":                   "",
		"a peer that is not there":  ipcEndpoint(t),
		"a peer that is mute":       port.Endpoint(),
	} {
		t.Run(name, func(t *testing.T) {
			req := must(messaging.NewReq(zmq, endpoint))(t)
			err := doWithin(req, 30*time.Millisecond)
			wantCode(t, err, messaging.DeadlineExceeded)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v is not context.DeadlineExceeded", err)
			}
			_, err = req.Do(ended(), note(1))
			wantCode(t, err, messaging.Cancelled)
		})
	}
}

func TestClosingARequestEndsAllThatWait(t *testing.T) {
	p := newPeer(t)
	var waiting []asked
	for i := range 5 {
		waiting = append(waiting, p.ask(note(i)))
	}
	if err := p.req.Close(); err != nil {
		t.Fatal(err)
	}
	for _, a := range waiting {
		err := (<-a.result).err
		wantCode(t, err, messaging.Unavailable)
		if !errors.Is(err, comm.Closed) {
			t.Errorf("%v is not closed", err)
		}
	}
}

// libzmq returns a socket of libzmq's own, which speaks its own REQ and REP.
func libzmq(t testing.TB, kind zmq4.Type) *zmq4.Socket {
	t.Helper()
	zmq := must(zmq4.NewContext())(t)
	s := must(zmq.NewSocket(kind))(t)
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), zmq.Term()); err != nil {
			t.Error(err)
		}
	})
	for _, err := range []error{s.SetLinger(0), s.SetRcvtimeo(patience), s.SetSndtimeo(patience)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// libzmqREP is a REP that echoes, until the end of the test.
func libzmqREP(t testing.TB) (endpoint string) {
	t.Helper()
	rep := libzmq(t, zmq4.REP)
	if err := rep.Bind("tcp://127.0.0.1:*"); err != nil {
		t.Fatal(err)
	}
	endpoint = must(rep.GetLastEndpoint())(t)
	if err := rep.SetRcvtimeo(20 * time.Millisecond); err != nil { // to notice the end
		t.Fatal(err)
	}
	inBackground(t, func(ctx context.Context) {
		for ctx.Err() == nil {
			frames, err := rep.RecvMessageBytes(0)
			if err != nil {
				continue
			}
			if _, err := rep.SendMessage(frames); err != nil {
				t.Error(err)
			}
		}
	})
	return endpoint
}

func TestRequestIsSeenByLibzmqsREPAsTheEnvelopeAlone(t *testing.T) {
	zmq := newContext(t)
	rep := libzmq(t, zmq4.REP)
	if err := rep.Bind("tcp://127.0.0.1:*"); err != nil {
		t.Fatal(err)
	}
	req := must(messaging.NewReq(zmq, must(rep.GetLastEndpoint())(t)))(t)
	var asking sync.WaitGroup
	asking.Go(func() { askInTurn(t, req, 1, 1) })
	frames := must(rep.RecvMessageBytes(0))(t)
	want := frame(t, &testv1.Note{Text: "1"})
	if len(frames) != 1 || !bytes.Equal(frames[0], want) {
		t.Errorf("the frames % x, want % x alone", frames, want)
	}
	must(rep.SendBytes(want, 0))(t)
	asking.Wait()
}

func TestRequestAndDealerTalkToLibzmqsREP(t *testing.T) {
	zmq := newContext(t)
	endpoint := libzmqREP(t)
	askInTurn(t, must(messaging.NewReq(zmq, endpoint))(t), 1, 20)

	dealer := must(messaging.NewDealer(zmq, endpoint))(t)
	for i := range 20 {
		send(t, dealer.SendTo(patient(t), messaging.Delimiter(), note(i)))
		d := must(dealer.Recv(patient(t)))(t)
		wantEqual(t, must(d.Open())(t), note(i))
		if d.WantsReply() {
			t.Fatal("a REP's answer wants one itself")
		}
		d.Release()
	}
}

func TestResponseServesLibzmqsREQ(t *testing.T) {
	onBoth(t, func(t *testing.T, endpoint string) {
		req := libzmq(t, zmq4.REQ)
		if err := req.Connect(endpoint); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			must(req.SendBytes(frame(t, note(i)), 0))(t)
			got := must(req.RecvMessageBytes(0))(t)
			if len(got) != 1 || !bytes.Equal(got[0], frame(t, note(i))) {
				t.Fatalf("got % x", got)
			}
		}
	})
}

// onBoth runs a test with each kind of socket that serves a REQ.
func onBoth(t *testing.T, test func(t *testing.T, endpoint string)) {
	t.Run("response", func(t *testing.T) {
		rep := must(messaging.NewRep(newContext(t), "tcp://127.0.0.1:*"))(t)
		serve(t, rep, wantsReplyThenEcho(t))
		test(t, of(rep))
	})
	t.Run("router", func(t *testing.T) {
		router := must(messaging.NewRouter(newContext(t), "tcp://127.0.0.1:*"))(t)
		serve(t, router, wantsReplyThenEcho(t))
		test(t, of(router))
	})
}

func wantsReplyThenEcho(t *testing.T) func(context.Context, *messaging.Delivery) error {
	return func(ctx context.Context, d *messaging.Delivery) error {
		if !d.WantsReply() || !d.CanReply() {
			t.Error("a REQ wants a reply, and can have one")
		}
		return echo(ctx, d)
	}
}
