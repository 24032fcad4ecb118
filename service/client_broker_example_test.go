package service_test

import (
	"context"
	"fmt"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
)

// Any method of a stub can be called at each instance at once, or at some of them;
// at each worker of a broker in the same way, with FromBroker.
func ExampleFromBroker_all() {
	zmq, err := comm.NewContext()
	check(err)
	defer zmq.Close()
	serving, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	endpoints := []string{"inproc://greeter-1", "inproc://greeter-2"}
	for _, endpoint := range endpoints {
		server, err := service.NewServer(zmq, "greeter", greeter(), service.WithBind(endpoint))
		check(err)
		defer server.Close()
		go func() { ended <- server.Run(serving) }()
	}
	client, err := service.NewClient(zmq, "greeter", service.FromEndpoints(endpoints...)) // or FromBroker
	check(err)
	defer client.Close()

	management := mitterev1mittere.NewManagementServiceClient(client)
	ask := call.ToWorkers("inproc://greeter-1", "inproc://greeter-2", "inproc://greeter-3")
	for answer := range call.All(context.Background(), management.Health, &mitterev1.HealthRequest{}, ask) {
		fmt.Println(answer.Worker, answer.Reply.GetHealth(), messaging.CodeOf(answer.Err))
	}

	stop()
	for range endpoints {
		check(<-ended)
	}
	// Unordered output:
	// inproc://greeter-3 HEALTH_UNSPECIFIED CODE_NOT_FOUND
	// inproc://greeter-1 HEALTH_SERVING CODE_UNSPECIFIED
	// inproc://greeter-2 HEALTH_SERVING CODE_UNSPECIFIED
}
