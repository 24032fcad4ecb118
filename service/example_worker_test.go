package service_test

import (
	"context"
	"fmt"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/broker"
)

// A server offers its handlers to a broker, and clients need to know nothing but where
// that is. The order in which all of them are started does not matter.
func ExampleWithBroker() {
	zctx, err := comm.NewContext()
	check(err)
	defer zctx.Close()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- broker.Serve(ctx, zctx, "inproc://broker") }()
	go func() {
		ended <- service.Serve(ctx, zctx, "greeter", greeter(), service.WithBroker("inproc://broker"), service.WithID("greeter-1"))
	}()

	client, err := service.NewClient(zctx, "greeter", service.FromBroker("inproc://broker"))
	check(err)
	defer client.Close()
	var timing call.Timing
	answer, err := call.Unary[*testv1.EchoResponse](context.Background(), client, echoMethod, &testv1.EchoRequest{Text: "world"}, call.WithTiming(&timing))
	check(err)
	fmt.Println(answer.GetText(), "from", timing.Instance)

	stop()
	check(<-ended)
	check(<-ended)
	// Output:
	// hello world from greeter-1
}
