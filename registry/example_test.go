package registry_test

import (
	"context"
	"fmt"
	"log"
	"sync"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/registry"
)

// A registry serves until its context ends.
func ExampleNewServer() {
	zctx, err := comm.NewContext()
	if err != nil {
		log.Fatal(err)
	}
	defer zctx.Close()
	server, err := registry.NewServer(zctx, "tcp://127.0.0.1:*")
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { fmt.Println("ended:", server.Run(ctx)) })

	client, err := registry.NewClient(zctx, server.Endpoints()[0])
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	_, err = client.Resolve(ctx, "calc")
	fmt.Println(err)
	stop()
	running.Wait()
	// Output:
	// NOT_FOUND: no instance of "calc"
	// ended: <nil>
}

// A client asks a registry.
func ExampleNewClient() {
	zctx, registryEndpoint, stop := startExample()
	defer stop()
	client, err := registry.NewClient(zctx, registryEndpoint)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	entries, err := client.List(context.Background())
	fmt.Println(len(entries), err)
	// Output:
	// 0 <nil>
}

// An instance stays registered until it is withdrawn.
func ExampleClient_Register() {
	zctx, registryEndpoint, stop := startExample()
	defer stop()
	client, err := registry.NewClient(zctx, registryEndpoint)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	ctx := context.Background()
	registration := client.Register(&mitterev1.Instance{
		Name: "calc", Id: "1", Endpoints: []string{"tcp://127.0.0.1:5555"},
	}, 0) // the registry's lease; it is renewed by itself
	if err := registration.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	entries, err := client.Resolve(ctx, "calc")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(registry.Reach(entries[0].GetInstance(), zctx))
	if err := registration.Withdraw(ctx); err != nil {
		log.Fatal(err)
	}
	_, err = client.Resolve(ctx, "calc")
	fmt.Println(err)
	// Output:
	// tcp://127.0.0.1:5555
	// NOT_FOUND: no instance of "calc"
}

// A follower knows the instances of a name without asking.
func ExampleClient_Follow() {
	zctx, registryEndpoint, stop := startExample()
	defer stop()
	client, err := registry.NewClient(zctx, registryEndpoint)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	follower := client.Follow("calc")
	defer follower.Close()
	if err := follower.Wait(context.Background()); err != nil {
		log.Fatal(err)
	}
	changed := follower.Changed()
	fmt.Println("there are", len(follower.View().Entries))
	client.Register(&mitterev1.Instance{Name: "calc", Id: "1", Endpoints: []string{"tcp://127.0.0.1:5555"}}, 0)
	<-changed
	view := follower.View()
	fmt.Println("there is", view.Entries[0].GetInstance().GetId(), "- live:", view.Live)
	// Output:
	// there are 0
	// there is 1 - live: true
}

// startExample runs a registry.
func startExample() (zctx *comm.Context, endpoint string, stop func()) {
	zctx, err := comm.NewContext()
	if err != nil {
		log.Fatal(err)
	}
	server, err := registry.NewServer(zctx, "tcp://127.0.0.1:*")
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.Run(ctx); err != nil {
			log.Fatal(err)
		}
	})
	return zctx, server.Endpoints()[0], func() {
		cancel()
		running.Wait()
		server.Close()
		zctx.Close()
	}
}

// A watch tells each change, one by one.
func ExampleClient_Watch() {
	zctx, registryEndpoint, stop := startExample()
	defer stop()
	client, err := registry.NewClient(zctx, registryEndpoint)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for event := range client.Watch(context.Background(), "calc") {
		switch event.Kind {
		case registry.EventLive:
			fmt.Println("all that is there was told")
			client.Register(&mitterev1.Instance{Name: "calc", Id: "1", Endpoints: []string{"tcp://127.0.0.1:5555"}}, 0)
		case registry.EventPut:
			fmt.Println("new:", event.Entry.GetInstance().GetId())
			return
		}
	}
	// Output:
	// all that is there was told
	// new: 1
}
