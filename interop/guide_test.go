package interop_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// The programs of docs/dividere.md, between the marks "begin" and "end".

func Example_publishAndSubscribe() {
	// begin
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	zctx := must(comm.NewContext())
	defer zctx.Close()

	pub := must(messaging.NewPublisher(zctx, "tcp://127.0.0.1:*"))
	sub := must(messaging.NewSubscriber(zctx, pub.Endpoints()[0]))
	msg := wrapperspb.String("abcd")
	check(pub.WaitForSubscribers(ctx, 1, msg))
	check(pub.Send(ctx, msg))

	reply := must(must(sub.Recv(ctx)).Open())
	fmt.Println(proto.Equal(reply, msg))
	// end

	// Output: true
}

func Example_reactor() {
	// begin
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	zctx := must(comm.NewContext())
	defer zctx.Close()
	pub := must(messaging.NewPublisher(zctx, "tcp://127.0.0.1:*"))
	rep := must(messaging.NewRep(zctx, "tcp://127.0.0.1:*"))
	sub := must(messaging.NewSubscriber(zctx, pub.Endpoints()[0]))

	handlers := reactor.NewHandlers()
	reactor.Handle(handlers, func(_ context.Context, text *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String(reversed(text.GetValue())), nil
	})
	reactor.Observe(handlers, func(_ context.Context, event *durationpb.Duration) error {
		fmt.Println("an event of", event.AsDuration())
		stop()
		return nil
	})
	r := must(reactor.New(handlers, []reactor.Socket{rep, sub}))
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()

	req := must(messaging.NewReq(zctx, rep.Endpoints()[0]))
	reply := must(messaging.Call[*wrapperspb.StringValue](ctx, req, wrapperspb.String("hello")))
	fmt.Println(reply.GetValue())

	event := durationpb.New(time.Second)
	check(pub.WaitForSubscribers(ctx, 1, event))
	check(pub.Send(ctx, event))
	check(<-ended)
	// end

	// Output:
	// olleh
	// an event of 1s
}

// reversed returns a text backwards.
func reversed(text string) string {
	backwards := ""
	for _, letter := range text {
		backwards = string(letter) + backwards
	}
	return backwards
}

// must returns v, or ends the program.
func must[T any](v T, err error) T {
	check(err)
	return v
}

// check ends the program if there is an error.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
