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

// A worker offers its handlers to a broker, and clients need to know nothing but where
// that is. The order in which all of them are started does not matter.
func ExampleWithBroker() {
	zmq, err := comm.NewContext()
	check(err)
	defer zmq.Close()
	middle, err := broker.New(zmq, "inproc://broker")
	check(err)
	defer middle.Close()
	worker, err := service.NewServer(zmq, "greeter", greeter(), service.WithBroker("inproc://broker"), service.WithID("greeter-1"))
	check(err)
	defer worker.Close()
	working, stop := context.WithCancel(context.Background())
	brokering, stopBroker := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- middle.Run(brokering) }()
	go func() { ended <- worker.Run(working) }()

	client, err := service.NewClient(zmq, "greeter", service.FromBroker("inproc://broker"))
	check(err)
	defer client.Close()
	var timing call.Timing
	answer, err := call.Unary[*testv1.EchoResponse](context.Background(), client, echoMethod, &testv1.EchoRequest{Text: "world"}, call.WithTiming(&timing))
	check(err)
	fmt.Println(answer.GetText(), "from", timing.Instance)

	stop()
	check(<-ended)
	stopBroker()
	check(<-ended)
	// Output:
	// hello world from greeter-1
}
