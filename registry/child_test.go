package registry_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/boltstore"
)

// task is what a child process does.
type task struct {
	Endpoint string
	Store    string        // file of a registry; "" is none
	Lease    time.Duration // of an owner
}

// roles are what child processes do.
func roles() map[string]faulttest.Role[task] {
	return map[string]faulttest.Role[task]{
		"registry": func(t task) error { return beRegistry(childContext(), t) },
		"owner":    func(t task) error { return beOwner(childContext(), t) },
	}
}

// childContext returns the context of a child, which ends by being killed.
func childContext() *comm.Context {
	zmq, err := comm.NewContext(comm.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	return zmq
}

// beRegistry serves, and says where.
func beRegistry(zmq *comm.Context, t task) error {
	options := []registry.ServerOption{registry.WithLogger(slog.New(slog.DiscardHandler))}
	if t.Store != "" {
		store, err := boltstore.Open(context.Background(), t.Store)
		if err != nil {
			return err
		}
		options = append(options, registry.WithStore(store))
	}
	s, err := registry.NewServer(zmq, t.Endpoint, options...)
	if err != nil {
		return err
	}
	fmt.Println("listens", s.Endpoints()[0])
	return s.Run(context.Background())
}

// beOwner keeps an instance registered, and says when it is.
func beOwner(zmq *comm.Context, t task) error {
	c, err := registry.NewClient(zmq, t.Endpoint)
	if err != nil {
		return err
	}
	r := c.Register(&mitterev1.Instance{Name: "owned", Id: "1", Endpoints: []string{"tcp://127.0.0.1:1"}}, t.Lease)
	if err := r.Wait(context.Background()); err != nil {
		return err
	}
	fmt.Println("registered")
	for messaging.CodeOf(r.Err()) != messaging.AlreadyExists {
		time.Sleep(10 * time.Millisecond) // between two looks
	}
	fmt.Println("replaced")
	select {}
}

// startRegistry starts a registry and returns where it listens.
func startRegistry(t testing.TB, todo task) (p *faulttest.Process, endpoint string) {
	t.Helper()
	p = faulttest.Start(t, "registry", todo)
	return p, p.Await("listens ")
}
