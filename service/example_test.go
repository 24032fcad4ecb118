package service_test

import (
	"context"
	"fmt"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// check ends an example that fails.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

// greeter returns handlers of the EchoService.
func greeter() *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.HandleMethod(h, descriptorOf("Echo"), func(_ context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		return &testv1.EchoResponse{Text: "hello " + r.GetText()}, nil
	})
	return h
}

// The shortest server: it runs until its context ends, and the calls that run then have ended.
func ExampleServe() {
	zctx, err := comm.NewContext()
	check(err)
	defer zctx.Close()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- service.Serve(ctx, zctx, "greeter", greeter(), service.WithBind("inproc://greeter")) }()

	client, err := service.NewClient(zctx, "greeter", service.FromEndpoints("inproc://greeter"))
	check(err)
	answer, err := call.Unary[*testv1.EchoResponse](ctx, client, echoMethod, &testv1.EchoRequest{Text: "world"})
	check(err)
	fmt.Println(answer.GetText())

	check(client.Close())
	stop()
	fmt.Println(<-ended)
	// Output:
	// hello world
	// <nil>
}

// A server can be looked at between its steps: it listens at once, serves in Run, and is closed.
func ExampleNewServer() {
	zctx, err := comm.NewContext()
	check(err)
	defer zctx.Close()
	server, err := service.NewServer(zctx, "", greeter(), service.WithBind("inproc://greeter"))
	check(err)
	defer server.Close()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- server.Run(ctx) }()

	client, err := service.NewClient(zctx, server.Name(), service.FromEndpoints("inproc://greeter"))
	check(err)
	defer client.Close()
	answer, err := call.Unary[*testv1.EchoResponse](ctx, client, echoMethod, &testv1.EchoRequest{Text: "world"})
	check(err)
	fmt.Println(answer.GetText())

	stop()
	fmt.Println(<-ended)
	// Output:
	// hello world
	// <nil>
}

// Instances register, and clients find them by name. The order in which all of
// them are started does not matter.
func ExampleNewClient() {
	zctx, err := comm.NewContext()
	check(err)
	defer zctx.Close()
	names, err := registry.NewServer(zctx, "inproc://registry")
	check(err)
	defer names.Close()
	server, err := service.NewServer(zctx, "greeter", greeter(), service.WithRegistry("inproc://registry"), service.WithID("greeter-1"))
	check(err)
	defer server.Close()
	serving, stop := context.WithCancel(context.Background())
	registering, stopNames := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- names.Run(registering) }()
	go func() { ended <- server.Run(serving) }()

	client, err := service.NewClient(zctx, "greeter", service.FromRegistry("inproc://registry"), service.WithTries(3))
	check(err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var timing call.Timing
	answer, err := call.Unary[*testv1.EchoResponse](ctx, client, echoMethod, &testv1.EchoRequest{Text: "world"}, call.WithTiming(&timing))
	check(err)
	fmt.Println(answer.GetText(), "from", timing.Instance)

	for _, member := range client.Members() {
		management := mitterev1mittere.NewManagementServiceClient(member.Caller)
		health, err := management.Health(ctx, &mitterev1.HealthRequest{})
		check(err)
		fmt.Println(member.Instance.GetId(), health.GetHealth())
	}

	stop()
	check(<-ended)
	stopNames()
	check(<-ended)
	// Output:
	// hello world from greeter-1
	// greeter-1 HEALTH_SERVING
}
