package messaging_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	zmq4 "github.com/pebbe/zmq4"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// target is a socket that receives, with a peer that sends whatever it likes.
type target struct {
	messaging.Source
	stats func() messaging.Stats
	peer  func(context.Context, comm.Message) error
	// routed says that frames may stand in front of the envelope.
	routed bool
}

// targets makes each kind of socket that receives.
var targets = map[string]func(t *testing.T, zmq *comm.Context, at string, options ...messaging.Option) target{
	"subscriber": func(t *testing.T, zmq *comm.Context, at string, options ...messaging.Option) target {
		var own []messaging.SubscriberOption
		for _, o := range options {
			own = append(own, o)
		}
		raw := must(comm.NewPublisher(zmq, at))(t)
		sub := must(messaging.NewSubscriber(zmq, of(raw), own...))(t)
		awaitRaw(t, raw)
		return target{sub, sub.Stats, raw.Send, false}
	},
	"pull": func(t *testing.T, zmq *comm.Context, at string, options ...messaging.Option) target {
		pull := must(messaging.NewPull(zmq, at, options...))(t)
		return target{pull, pull.Stats, must(comm.NewPush(zmq, of(pull)))(t).Send, false}
	},
	"pair": func(t *testing.T, zmq *comm.Context, at string, options ...messaging.Option) target {
		pair := must(messaging.NewPair(zmq, "@"+at, options...))(t)
		return target{pair, pair.Stats, must(comm.NewPair(zmq, of(pair)))(t).Send, false}
	},
	"dealer": func(t *testing.T, zmq *comm.Context, at string, options ...messaging.Option) target {
		dealer := must(messaging.NewDealer(zmq, "@"+at, options...))(t)
		return target{dealer, dealer.Stats, must(comm.NewDealer(zmq, of(dealer)))(t).Send, true}
	},
	"router": func(t *testing.T, zmq *comm.Context, at string, options ...messaging.Option) target {
		router := must(messaging.NewRouter(zmq, at, options...))(t)
		return target{router, router.Stats, must(comm.NewDealer(zmq, of(router)))(t).Send, true}
	},
	"response": func(t *testing.T, zmq *comm.Context, at string, options ...messaging.Option) target {
		rep := must(messaging.NewRep(zmq, at, options...))(t)
		return target{rep, rep.Stats, must(comm.NewDealer(zmq, of(rep)))(t).Send, true}
	},
}

// forTargets runs a test with each kind of socket that receives.
func forTargets(t *testing.T, at func() string, options []messaging.Option, test func(t *testing.T, to target)) {
	for kind, make := range targets {
		t.Run(kind, func(t *testing.T) { test(t, make(t, newContext(t), at(), options...)) })
	}
}

// badMessages returns what a socket must refuse.
func (to target) badMessages(t *testing.T) map[string][][]byte {
	good := frameOf(t, "note")
	bad := map[string][][]byte{
		"frames behind a delimiter": {nil, good, good},
		"hundred frames":            bytes.SplitAfter(bytes.Repeat([]byte("x"), 100), nil),
	}
	if !to.routed {
		bad["two envelopes"] = [][]byte{good, good}
		bad["a delimiter"] = [][]byte{nil, good}
	}
	for _, v := range readVectors(t).Malformed {
		bad[v.Name] = [][]byte{v.Hex}
	}
	return bad
}

func TestBadInputIsATypedErrorCountedAndFollowedByTheNextMessage(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		forTargets(t, at, nil, func(t *testing.T, to target) {
			var bad uint64
			for name, frames := range to.badMessages(t) {
				send(t, to.peer(patient(t), comm.NewMessage(frames...)))
				if _, err := to.Recv(patient(t)); err == nil {
					t.Fatalf("%s is a message", name)
				} else {
					wantCode(t, err, messaging.InvalidArgument)
				}
				bad++
				if got := to.stats().Malformed; got != bad {
					t.Fatalf("%s: %d malformed, want %d", name, got, bad)
				}
				send(t, to.peer(patient(t), comm.NewMessage(frame(t, note(int(bad))))))
				wantNote(t, to, int(bad))
			}
		})
	})
}

func TestGoodMessagesBehindBadOnesOfOneBatchArrive(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		forTargets(t, at, nil, func(t *testing.T, to target) {
			const count = 200
			for i := range count {
				send(t, to.peer(patient(t), comm.NewMessage([]byte("garbage"))))
				send(t, to.peer(patient(t), comm.NewMessage(frame(t, note(i)))))
			}
			var good, bad int
			for d, err := range to.Deliveries(patient(t)) {
				if err != nil {
					bad++
					continue
				}
				wantEqual(t, must(d.Open())(t), note(good))
				if good++; good == count {
					break
				}
			}
			if bad != count {
				t.Errorf("%d errors in between, want %d", bad, count)
			}
		})
	})
}

func TestMessagesOfUnknownTypeArriveAndCannotBeOpened(t *testing.T) {
	d := messagetest.Declare(t, "nobody.Knows")
	forTargets(t, func() string { return inprocEndpoint(t) }, nil, func(t *testing.T, to target) {
		send(t, to.peer(patient(t), comm.NewMessage(frame(t, d.Message(t, "nobody.Knows", 1)))))
		got := must(to.Recv(patient(t)))(t)
		_, err := got.Open()
		wantCode(t, err, messaging.Unimplemented)
		if got.Type != "nobody.Knows" || to.stats().Malformed != 0 {
			t.Errorf("type %q, %d malformed", got.Type, to.stats().Malformed)
		}
	})
}

func TestTypesAreFoundInTheResolverOfTheSocket(t *testing.T) {
	d := messagetest.Declare(t, "only.Here")
	options := []messaging.Option{messaging.WithTypes(d)}
	forTargets(t, func() string { return inprocEndpoint(t) }, options, func(t *testing.T, to target) {
		want := d.Message(t, "only.Here", 1)
		send(t, to.peer(patient(t), comm.NewMessage(frame(t, want))))
		wantEqual(t, must(must(to.Recv(patient(t)))(t).Open())(t), want)
		send(t, to.peer(patient(t), comm.NewMessage(frame(t, note(1)))))
		_, err := must(to.Recv(patient(t)))(t).Open()
		wantCode(t, err, messaging.Unimplemented)
	})
}

// narrowSize is the longest frame of a narrow socket.
const narrowSize = 2000

// narrow bounds what a socket takes.
var narrow = []messaging.Option{messaging.WithSocket(comm.WithMaxFrameSize(narrowSize), comm.WithMaxFrames(10))}

func TestOversizeMessagesOverInprocAreTypedErrors(t *testing.T) {
	forTargets(t, func() string { return inprocEndpoint(t) }, narrow, func(t *testing.T, to target) {
		for refused, frames := range [][][]byte{
			{make([]byte, narrowSize+1)},
			{make([]byte, narrowSize+1), make([]byte, narrowSize+1), nil},
			make([][]byte, 11),
		} {
			send(t, to.peer(patient(t), comm.NewMessage(frames...)))
			_, err := to.Recv(patient(t))
			wantCode(t, err, messaging.ResourceExhausted)
			if !errors.Is(err, comm.TooLarge) || to.stats().Refused != uint64(refused+1) {
				t.Fatalf("%v, %d refused, want %d", err, to.stats().Refused, refused+1)
			}
			send(t, to.peer(patient(t), comm.NewMessage(frame(t, note(refused)))))
			wantNote(t, to, refused)
		}
	})
}

func TestOversizeTCPPeerIsDisconnectedAndOthersAreServed(t *testing.T) {
	zmq := newContext(t)
	pull := must(messaging.NewPull(zmq, "tcp://127.0.0.1:*", narrow...))(t)
	wide := must(comm.NewPush(zmq, of(pull)))(t)
	send(t, wide.Send(patient(t), comm.NewMessage(frame(t, note(1)))))
	wantNote(t, pull, 1)
	send(t, wide.Send(patient(t), comm.NewMessage(make([]byte, narrowSize+1))))
	other := must(comm.NewPush(zmq, of(pull)))(t)
	send(t, other.Send(patient(t), comm.NewMessage(frame(t, note(2)))))
	wantNote(t, pull, 2)
}

func TestMalformedRequestsAreAnswered(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, zmq *comm.Context) (messaging.Source, string){
		"response": func(t *testing.T, zmq *comm.Context) (messaging.Source, string) {
			s := must(messaging.NewRep(zmq, "tcp://127.0.0.1:*"))(t)
			return s, of(s)
		},
		"router": func(t *testing.T, zmq *comm.Context) (messaging.Source, string) {
			s := must(messaging.NewRouter(zmq, "tcp://127.0.0.1:*"))(t)
			return s, of(s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, endpoint := make(t, newContext(t))
			inBackground(t, func(ctx context.Context) { echoWhatCanBe(ctx, t, source) })
			req := libzmq(t, zmq4.REQ)
			if err := req.Connect(endpoint); err != nil {
				t.Fatal(err)
			}
			wantComplaints(t, req)
		})
	}
}

// echoWhatCanBe answers the messages among what arrives, until ctx ends.
func echoWhatCanBe(ctx context.Context, t *testing.T, source messaging.Source) {
	for d, err := range source.Deliveries(ctx) {
		if err == nil {
			send(t, echo(ctx, d))
		}
	}
}

// wantComplaints sends what no envelope is with a REQ, which can do nothing until
// it has its answer.
func wantComplaints(t *testing.T, req *zmq4.Socket) {
	t.Helper()
	good := frameOf(t, "note")
	bad := map[string][][]byte{
		"two envelopes":               {good, good},
		"a delimiter and an envelope": {nil, good},
		"garbage in front":            {[]byte("garbage"), good},
	}
	for _, v := range readVectors(t).Malformed {
		bad[v.Name] = [][]byte{v.Hex}
	}
	for name, frames := range bad {
		must(req.SendMessage(frames))(t)
		answer := must(req.RecvMessageBytes(0))(t)
		e := must(messaging.Decode(answer[0]))(t)
		status := must(messaging.Open[*mitterev1.Status](&e))(t)
		if len(answer) != 1 || status.GetCode() != messaging.InvalidArgument {
			t.Errorf("%s is answered with %v", name, status)
		}
		must(req.SendBytes(good, 0))(t)
		if answer := must(req.RecvMessageBytes(0))(t); !bytes.Equal(answer[0], good) {
			t.Errorf("after %s the next request is answered with % x", name, answer)
		}
	}
}

func TestMalformedMessagesOfThoseWhoDoNotWaitAreNotAnswered(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, inprocEndpoint(t)))(t)
	dealer := must(comm.NewDealer(zmq, of(rep)))(t)
	send(t, dealer.Send(patient(t), comm.NewMessage([]byte("garbage"))))
	_, err := rep.Recv(patient(t))
	wantCode(t, err, messaging.InvalidArgument)
	send(t, dealer.Send(patient(t), comm.NewMessage(frame(t, note(1)))))
	send(t, echo(patient(t), must(rep.Recv(patient(t)))(t)))
	first := must(dealer.Recv(patient(t)))(t)
	if len(first.Frames) != 1 || !bytes.Equal(first.Frames[0], frame(t, note(1))) {
		t.Errorf("the first answer is % x", first.Frames)
	}
}

func TestMalformedAnswerOfAREPIsNotAnswered(t *testing.T) {
	zmq := newContext(t)
	dealer := must(messaging.NewDealer(zmq, "@"+inprocEndpoint(t)))(t)
	rep := must(comm.NewDealer(zmq, of(dealer)))(t) // writes what a REP would
	send(t, rep.Send(patient(t), comm.NewMessage(nil, []byte("garbage"))))
	_, err := dealer.Recv(patient(t))
	wantCode(t, err, messaging.InvalidArgument)
	send(t, dealer.Send(patient(t), note(1)))
	first := must(rep.Recv(patient(t)))(t)
	if len(first.Frames) != 1 || !bytes.Equal(first.Frames[0], frame(t, note(1))) {
		t.Errorf("the first message to the REP is % x", first.Frames)
	}
}

func TestRawBytesOnThePortAreNoMessagesAndTheNextRequestIsServed(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, "tcp://127.0.0.1:*"))(t)
	serve(t, rep, echo)
	greeting := "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL" + strings.Repeat("\x00", 48)
	for name, bytes := range map[string]string{
		"nothing":              "",
		"HTTP":                 "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"an envelope":          string(frameOf(t, "note")),
		"zeros":                strings.Repeat("\x00", 1000),
		"ones":                 strings.Repeat("\xff", 1000),
		"half a greeting":      greeting[:20],
		"a greeting, garbage":  greeting + strings.Repeat("\xff", 1000),
		"a greeting, an EOF":   greeting,
		"a huge command":       greeting + "\x06\xff\xff\xff\xff\xff\xff\xff\xff",
		"a message, no hello":  greeting + "\x00\x05hello",
		"an unknown command":   greeting + "\x04\x06\x05HELLO",
		"the wrong socket":     greeting + "\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB",
		"a broken READY":       greeting + "\x04\x10\x05READY\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"a frame without ends": greeting + "\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x02\x7f\xff\xff\xff\xff\xff\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			conn := must(net.Dial("tcp", strings.TrimPrefix(of(rep), "tcp://")))(t)
			defer conn.Close()
			if _, err := fmt.Fprint(conn, bytes); err != nil {
				t.Fatal(err)
			}
			req := must(messaging.NewReq(zmq, of(rep)))(t)
			askInTurn(t, req, 1, 3)
		})
	}
}
