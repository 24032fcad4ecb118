package messaging_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

// ok returns what a constructor made.
func ok[T any](made T, err error) T {
	check(err)
	return made
}

// check ends the program if there is an error.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// A subscription selects by type and by subject, exactly. What was lost on the way
// is said with the message behind it.
func ExampleNewSubscriber() {
	ctx := context.Background()
	zctx := ok(comm.NewContext())
	defer zctx.Close()
	pub := ok(messaging.NewPublisher(zctx, "inproc://rooms"))
	sub := ok(messaging.NewSubscriber(zctx, "inproc://rooms",
		messaging.WithTopics(messaging.OfSubtree(&testv1.Note{}, "room", "7"))))
	check(pub.WaitForSubscribers(ctx, 1, &testv1.Note{}, "room", "7"))

	for _, subject := range [][]string{{"room", "70"}, {"room", "7"}, {"hall"}, {"room", "7", "door"}} {
		check(pub.Send(ctx, &testv1.Note{Text: "open"}, messaging.Subject(subject...)))
	}
	for range 2 {
		d := ok(sub.Recv(ctx))
		fmt.Println(d.Subject, d.Meta.Sequence, d.Missed)
		d.Release()
	}
	// Output:
	// [room 7] 1 0
	// [room 7 door] 1 0
}

// All that a socket gets, of any type.
func ExampleReceiver_Messages() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	zctx := ok(comm.NewContext())
	defer zctx.Close()
	pull := ok(messaging.NewPull(zctx, "inproc://work"))
	push := ok(messaging.NewPush(zctx, "inproc://work"))
	check(push.Send(ctx, &testv1.Note{Text: "first"}))
	check(push.Send(ctx, &testv1.Blob{Data: []byte("second")}))

	for m, err := range pull.Messages(ctx) {
		switch m := m.(type) {
		case nil:
			fmt.Println("not received:", err) // and the loop goes on
		case *testv1.Note:
			fmt.Println("a note:", m.GetText())
		case *testv1.Blob:
			fmt.Printf("a blob: %s\n", m.GetData())
			cancel()
		}
	}
	// Output:
	// a note: first
	// a blob: second
}

// Any number of goroutines may share a Request; each gets the reply to its own.
func ExampleCall() {
	ctx := context.Background()
	zctx := ok(comm.NewContext())
	defer zctx.Close()
	rep := ok(messaging.NewRep(zctx, "inproc://echo"))
	go func() {
		for d, err := range rep.Deliveries(ctx) {
			if err != nil {
				return // closed
			}
			request, err := messaging.Open[*testv1.EchoRequest](&d.Envelope)
			if err != nil {
				check(d.ReplyError(ctx, err))
				continue
			}
			check(d.Reply(ctx, &testv1.EchoResponse{Text: request.GetText()}))
		}
	}()

	req := ok(messaging.NewReq(zctx, "inproc://echo"))
	reply, err := messaging.Call[*testv1.EchoResponse](ctx, req, &testv1.EchoRequest{Text: "hello"})
	fmt.Println(reply.GetText(), err)

	_, err = messaging.Call[*testv1.EchoResponse](ctx, req, &testv1.Note{})
	fmt.Println(err)
	// Output:
	// hello <nil>
	// INVALID_ARGUMENT: the message is a mittere.test.v1.Note, not a mittere.test.v1.EchoRequest
}

// Errors travel with code, message and details.
func ExampleReq_Do() {
	ctx := context.Background()
	zctx := ok(comm.NewContext())
	defer zctx.Close()
	rep := ok(messaging.NewRep(zctx, "inproc://rooms"))
	go func() {
		d := ok(rep.Recv(ctx))
		check(d.ReplyError(ctx, messaging.Errorf(messaging.NotFound, "no room %d", 7).WithDetails(&testv1.Note{Text: "try 8"})))
	}()

	req := ok(messaging.NewReq(zctx, "inproc://rooms"))
	_, err := req.Do(ctx, &testv1.EchoRequest{})
	fmt.Println(err, errors.Is(err, &messaging.Error{Code: messaging.NotFound}))
	if e, ok := errors.AsType[*messaging.Error](err); ok && e.Remote() {
		var hint testv1.Note
		check(e.Details[0].UnmarshalTo(&hint))
		fmt.Println(hint.GetText())
	}
	// Output:
	// NOT_FOUND: no room 7 true
	// try 8
}

// A Dealer sends without waiting for answers; a Router answers whom it likes.
func ExampleDelivery_Reply() {
	ctx := context.Background()
	zctx := ok(comm.NewContext())
	defer zctx.Close()
	router := ok(messaging.NewRouter(zctx, "inproc://hub"))
	dealer := ok(messaging.NewDealer(zctx, "inproc://hub"))

	check(dealer.Send(ctx, &testv1.Note{Text: "two copies, please"}))
	d := ok(router.Recv(ctx))
	for range 2 {
		check(d.Reply(ctx, &testv1.Note{Text: "a copy"}))
	}
	for range 2 {
		answer := ok(dealer.Recv(ctx))
		fmt.Println(ok(messaging.Open[*testv1.Note](&answer.Envelope)).GetText())
	}
	// Output:
	// a copy
	// a copy
}

// A Dealer talks to a plain REP socket, such as that of a dīvidere program, behind
// a delimiter.
func ExampleDelimiter() {
	ctx := context.Background()
	zctx := ok(comm.NewContext())
	defer zctx.Close()
	rep := ok(messaging.NewRep(zctx, "inproc://rep"))
	dealer := ok(messaging.NewDealer(zctx, "inproc://rep"))

	check(dealer.SendTo(ctx, messaging.Delimiter(), &testv1.Note{Text: "ping"}))
	d := ok(rep.Recv(ctx))
	fmt.Println("wants a reply:", d.WantsReply())
	check(d.Reply(ctx, &testv1.Note{Text: "pong"}))
	answer := ok(dealer.Recv(ctx))
	fmt.Println(ok(messaging.Open[*testv1.Note](&answer.Envelope)).GetText())
	// Output:
	// wants a reply: true
	// pong
}

// A Pair talks with one peer, both ways.
func ExampleNewPair() {
	ctx := context.Background()
	zctx := ok(comm.NewContext())
	defer zctx.Close()
	one := ok(messaging.NewPair(zctx, "@inproc://pair"))
	two := ok(messaging.NewPair(zctx, "inproc://pair"))

	check(one.Send(ctx, &testv1.Note{Text: "there"}))
	d := ok(two.Recv(ctx))
	check(d.Reply(ctx, &testv1.Note{Text: "and back"}))
	back := ok(one.Recv(ctx))
	fmt.Println(ok(messaging.Open[*testv1.Note](&d.Envelope)).GetText(),
		ok(messaging.Open[*testv1.Note](&back.Envelope)).GetText())
	// Output:
	// there and back
}

// Envelopes are values that can be made, written, read and passed on without a
// socket.
func ExamplePack() {
	e := ok(messaging.Pack(&testv1.Note{Text: "hi", Number: 7}, messaging.Subject("room", "7")))
	frame := e.Append(nil)
	decoded := ok(messaging.Decode(frame))
	fmt.Println(decoded.Type, decoded.Subject, len(frame), "bytes")
	var note testv1.Note
	check(decoded.OpenInto(&note))
	fmt.Println(proto.Equal(&note, &testv1.Note{Text: "hi", Number: 7}))
	// Output:
	// mittere.test.v1.Note [room 7] 83 bytes
	// true
}

// CodeOf tells what to do about an error of any origin.
func ExampleCodeOf() {
	for _, err := range []error{
		nil,
		context.DeadlineExceeded,
		messaging.Errorf(messaging.Unavailable, "no route"),
		errors.New("anything else"),
	} {
		fmt.Println(messaging.CodeName(messaging.CodeOf(err)))
	}
	// Output:
	// OK
	// DEADLINE_EXCEEDED
	// UNAVAILABLE
	// UNKNOWN
}

// A topic is the beginning of the frames that it selects.
func ExampleTopic_Prefix() {
	fmt.Printf("%q\n", messaging.OfType(&testv1.Note{}).Prefix())
	fmt.Printf("%q\n", messaging.OfSubject(&testv1.Note{}, "room", "7").Prefix())
	fmt.Printf("%q\n", messaging.OfSubtree(&testv1.Note{}, "room").Prefix())
	// Output:
	// "\n\x14mittere.test.v1.Note"
	// "\n\x14mittere.test.v1.Note\"\x04room\"\x017\x12"
	// "\n\x14mittere.test.v1.Note\"\x04room"
}
