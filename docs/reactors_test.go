package docs_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

func Example_reactor() {
	zctx := must(comm.NewContext())
	defer zctx.Close()

	handlers := reactor.NewHandlers()
	reactor.Handle(handlers, func(_ context.Context, name *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("hello, " + name.GetValue()), nil
	})
	rep := must(messaging.NewRep(zctx, "tcp://127.0.0.1:*"))
	greeter := must(reactor.New(handlers, []reactor.Socket{rep}))

	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	var running sync.WaitGroup
	running.Go(func() { check(greeter.Run(ctx)) })

	req := must(messaging.NewReq(zctx, rep.Endpoints()[0]))
	reply := must(messaging.Call[*wrapperspb.StringValue](ctx, req, wrapperspb.String("world")))
	fmt.Println(reply.GetValue())
	stop()
	running.Wait()
	// Output: hello, world
}

func Example_shapes() {
	zctx := must(comm.NewContext())
	defer zctx.Close()
	pull := must(messaging.NewPull(zctx, "inproc://work"))
	router := must(messaging.NewRouter(zctx, "inproc://ask"))
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()

	total := time.Duration(0) // of handlers that run in turn, so that it needs no lock
	handlers := reactor.NewHandlers()
	reactor.Observe(handlers, func(_ context.Context, d *durationpb.Duration) error {
		total += d.AsDuration()
		return nil
	})
	reactor.Handle(handlers, func(context.Context, *wrapperspb.BoolValue) (*durationpb.Duration, error) {
		return durationpb.New(total), nil
	})
	reactor.Stream(handlers, func(_ context.Context, n *wrapperspb.UInt32Value, send func(*wrapperspb.UInt32Value) error) error {
		for i := range n.GetValue() {
			if err := send(wrapperspb.UInt32(i)); err != nil {
				return err // the caller is gone
			}
		}
		return nil
	})
	clock := must(reactor.New(handlers, []reactor.Socket{pull, router}))
	var running sync.WaitGroup
	running.Go(func() { check(clock.Run(ctx)) })

	push := must(messaging.NewPush(zctx, "inproc://work"))
	check(push.Send(ctx, durationpb.New(time.Minute)))
	dealer := must(messaging.NewDealer(zctx, "inproc://ask"))
	for total := time.Duration(0); total == 0; { // until the message has come
		check(dealer.Send(ctx, wrapperspb.Bool(true)))
		d := must(dealer.Recv(ctx))
		total = must(messaging.Open[*durationpb.Duration](&d.Envelope)).AsDuration()
	}
	check(dealer.Send(ctx, wrapperspb.UInt32(2)))
	for range 3 {
		d := must(dealer.Recv(ctx))
		fmt.Println(d.Type)
	}
	stop()
	running.Wait()
	// Output:
	// google.protobuf.UInt32Value
	// google.protobuf.UInt32Value
	// mittere.v1.Status
}

func Example_reactorOptions() {
	zctx := must(comm.NewContext())
	defer zctx.Close()
	rep := must(messaging.NewRep(zctx, "inproc://orders"))
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	handlers := reactor.NewHandlers()
	reactor.Handle(handlers, func(_ context.Context, order *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("done: " + order.GetValue()), nil
	})

	customer := func(d *messaging.Delivery) string { // "anna: tea"
		order, err := messaging.Open[*wrapperspb.StringValue](&d.Envelope)
		if err != nil {
			return ""
		}
		name, _, _ := strings.Cut(order.GetValue(), ":")
		return name
	}
	shop := must(reactor.New(handlers, []reactor.Socket{rep},
		reactor.WithPool(8, customer),
		reactor.WithInterceptors(reactor.Deadline(time.Second), loud),
		reactor.WithStart(func(context.Context) error { fmt.Println("open"); return nil }),
		reactor.WithTimer(time.Hour, func(context.Context) error { fmt.Println("an hour has passed"); return nil })))
	var running sync.WaitGroup
	running.Go(func() { check(shop.Run(ctx)) })

	req := must(messaging.NewReq(zctx, "inproc://orders"))
	reply := must(messaging.Call[*wrapperspb.StringValue](ctx, req, wrapperspb.String("anna: tea")))
	fmt.Println(reply.GetValue())
	stop()
	running.Wait()
	// Output:
	// open
	// DONE: ANNA: TEA
}

// loud changes what handlers answer.
func loud(next reactor.Invoker) reactor.Invoker {
	return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
		answer, err := next(ctx, c)
		if text, is := answer.(*wrapperspb.StringValue); is {
			answer = wrapperspb.String(strings.ToUpper(text.GetValue()))
		}
		return answer, err
	}
}
