package docs_test

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/examples/calculator"
	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/broker"
)

func Example_publisherAndSubscriber() {
	ctx := context.Background()
	zctx := must(comm.NewContext())
	defer zctx.Close()

	pub := must(messaging.NewPublisher(zctx, "inproc://news"))
	sub := must(messaging.NewSubscriber(zctx, "inproc://news"))
	check(pub.WaitForSubscribers(ctx, 1, &wrapperspb.StringValue{}))
	check(pub.Send(ctx, wrapperspb.String("the door is open")))
	news := must(sub.Recv(ctx))
	fmt.Println(must(messaging.Open[*wrapperspb.StringValue](&news.Envelope)).GetValue())
	// Output: the door is open
}

func Example_requestAndReply() {
	ctx := context.Background()
	zctx := must(comm.NewContext())
	defer zctx.Close()

	rep := must(messaging.NewRep(zctx, "inproc://greeter"))
	go func() {
		request := must(rep.Recv(ctx))
		name := must(messaging.Open[*wrapperspb.StringValue](&request.Envelope))
		check(request.Reply(ctx, wrapperspb.String("hello, "+name.GetValue())))
	}()
	req := must(messaging.NewReq(zctx, "inproc://greeter"))
	fmt.Println(must(messaging.Call[*wrapperspb.StringValue](ctx, req, wrapperspb.String("world"))).GetValue())
	// Output: hello, world
}

func Example_serviceAndClient() {
	ctx, stop := context.WithCancel(context.Background())
	zctx := must(comm.NewContext())
	var running sync.WaitGroup

	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, &calculator.Handler{})
	running.Go(func() { check(service.Serve(ctx, zctx, "calculator", handlers, service.WithBind("inproc://calc"))) })

	client := must(service.NewClient(zctx, "calculator", service.FromEndpoints("inproc://calc")))
	answer := must(calculatorv1mittere.NewCalculatorServiceClient(client).Add(ctx, &calculatorv1.AddRequest{A: 1, B: 2}))
	fmt.Println(answer.GetSum())

	check(client.Close())
	stop()
	running.Wait()
	check(zctx.Close())
	// Output: 3
}

func Example_brokerAndWorker() {
	ctx, stop := context.WithCancel(context.Background())
	zctx := must(comm.NewContext())
	var running sync.WaitGroup

	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, &calculator.Handler{})
	running.Go(func() { check(broker.Serve(ctx, zctx, "inproc://broker")) })
	running.Go(func() { check(service.Serve(ctx, zctx, "calculator", handlers, service.WithBroker("inproc://broker"))) })

	client := must(service.NewClient(zctx, "calculator", service.FromBroker("inproc://broker")))
	answer := must(calculatorv1mittere.NewCalculatorServiceClient(client).Add(ctx, &calculatorv1.AddRequest{A: 1, B: 2}))
	fmt.Println(answer.GetSum())

	check(client.Close())
	stop()
	running.Wait()
	check(zctx.Close())
	// Output: 3
}
