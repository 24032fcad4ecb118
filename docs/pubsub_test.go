package docs_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/registry"
)

func Example_publish() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	zctx := must(comm.NewContext())
	defer zctx.Close()

	pub := must(messaging.NewPublisher(zctx, "tcp://127.0.0.1:*"))
	sub := must(messaging.NewSubscriber(zctx, pub.Endpoints()[0]))
	check(pub.WaitForSubscribers(ctx, 1, &wrapperspb.StringValue{}))
	check(pub.Send(ctx, wrapperspb.String("the door is open")))

	news := must(sub.Recv(ctx))
	text := must(messaging.Open[*wrapperspb.StringValue](&news.Envelope))
	fmt.Println(text.GetValue())
	// Output: the door is open
}

func Example_subjects() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	zctx := must(comm.NewContext())
	defer zctx.Close()
	pub := must(messaging.NewPublisher(zctx, "inproc://rooms"))

	sub := must(messaging.NewSubscriber(zctx, "inproc://rooms", messaging.WithTopics(
		messaging.OfType(&durationpb.Duration{}),
		messaging.OfSubtree(&wrapperspb.StringValue{}, "room", "7"))))
	check(pub.WaitForSubscribers(ctx, 1, &wrapperspb.StringValue{}, "room", "7"))

	check(pub.Send(ctx, wrapperspb.String("a"), messaging.Subject("room", "70")))
	check(pub.Send(ctx, wrapperspb.String("b"), messaging.Subject("room", "7")))
	check(pub.Send(ctx, wrapperspb.String("c"), messaging.Subject("room", "7", "door")))
	check(pub.Send(ctx, durationpb.New(time.Second)))

	for range 3 {
		d := must(sub.Recv(ctx))
		fmt.Println(d.Type, d.Subject)
	}
	// Output:
	// google.protobuf.StringValue [room 7]
	// google.protobuf.StringValue [room 7 door]
	// google.protobuf.Duration []
}

func Example_gaps() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	zctx := must(comm.NewContext())
	defer zctx.Close()
	pub := must(messaging.NewPublisher(zctx, "inproc://news"))
	sub := must(messaging.NewSubscriber(zctx, "inproc://news"))
	check(pub.WaitForSubscribers(ctx, 1, &wrapperspb.StringValue{}))
	check(pub.Send(ctx, wrapperspb.String("last")))

	for d, err := range sub.Deliveries(ctx) {
		if err != nil {
			fmt.Println("not received:", err) // a bad message; the loop goes on
			continue
		}
		if d.Missed > 0 {
			fmt.Println("missed", d.Missed, "of", d.Type, d.Subject)
		}
		text := must(messaging.Open[*wrapperspb.StringValue](&d.Envelope))
		fmt.Println(text.GetValue(), "is number", d.Meta.Sequence)
		if text.GetValue() == "last" {
			break
		}
	}
	// Output: last is number 1
}

func Example_policy() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	zctx := must(comm.NewContext())
	defer zctx.Close()

	pub := must(messaging.NewPublisher(zctx, "inproc://all", messaging.WithOverflow(comm.Block)))
	sub := must(messaging.NewSubscriber(zctx, "inproc://all"))
	check(pub.WaitForSubscribers(ctx, 1, &wrapperspb.UInt64Value{}))

	var sending sync.WaitGroup
	sending.Go(func() {
		for n := range uint64(10_000) {
			check(pub.Send(ctx, wrapperspb.UInt64(n)))
		}
	})
	for range 10_000 {
		must(sub.Recv(ctx))
	}
	sending.Wait()
	fmt.Println("missed:", sub.Stats().Missed)
	// Output: missed: 0
}

func Example_observe() {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	zctx := must(comm.NewContext())
	defer zctx.Close()
	pub := must(messaging.NewPublisher(zctx, "inproc://events"))
	sub := must(messaging.NewSubscriber(zctx, "inproc://events"))

	handlers := reactor.NewHandlers()
	reactor.Observe(handlers, func(_ context.Context, text *wrapperspb.StringValue) error {
		fmt.Println("text:", text.GetValue())
		return nil
	})
	reactor.Observe(handlers, func(_ context.Context, d *durationpb.Duration) error {
		fmt.Println("it took", d.AsDuration())
		stop()
		return nil
	})
	observer := must(reactor.New(handlers, []reactor.Socket{sub}))
	var running sync.WaitGroup
	running.Go(func() { check(observer.Run(ctx)) })

	check(pub.WaitForSubscribers(ctx, 1, &wrapperspb.StringValue{}))
	check(pub.Send(ctx, wrapperspb.String("done")))
	check(pub.Send(ctx, durationpb.New(2*time.Second)))
	running.Wait()
	// Output:
	// text: done
	// it took 2s
}

func Example_byName() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	zctx := must(comm.NewContext())
	defer zctx.Close()
	server := must(registry.NewServer(zctx, "tcp://127.0.0.1:*"))
	defer server.Close()
	var running sync.WaitGroup
	running.Go(func() { check(server.Run(ctx)) })
	registryEndpoint := server.Endpoints()[0]

	// The publisher tells the registry where it is.
	names := must(registry.NewClient(zctx, registryEndpoint))
	defer names.Close()
	pub := must(messaging.NewPublisher(zctx, "tcp://127.0.0.1:*"))
	registration := names.RegisterPublisher(zctx, "rooms", pub) // it is renewed by itself
	check(registration.Wait(ctx))

	// The subscriber has no endpoint: Attach connects it to the publishers of the name,
	// those that come and no longer those that go, until ctx ends.
	sub := must(messaging.NewSubscriber(zctx, "", messaging.WithTopics(messaging.OfType(&wrapperspb.StringValue{}))))
	running.Go(func() { check(names.Attach(ctx, zctx, "rooms", sub)) })

	check(pub.WaitForSubscribers(ctx, 1, &wrapperspb.StringValue{}))
	check(pub.Send(ctx, wrapperspb.String("found")))
	d := must(sub.Recv(ctx))
	fmt.Println(must(messaging.Open[*wrapperspb.StringValue](&d.Envelope)).GetValue())
	check(registration.Withdraw(ctx))
	cancel()
	running.Wait()
	// Output: found
}
