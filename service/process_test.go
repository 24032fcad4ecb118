package service_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/registry/boltstore"
	"github.com/mittere/mittere/service"
)

// task is what a child process does.
type task struct {
	Endpoint  string        // where it serves, or whom it calls
	Registry  string        // where it registers; empty is nowhere
	Name      string        // of the service
	ID        string        // of the instance
	Lease     time.Duration // 0 is the registry's default
	Heartbeat time.Duration
	Table     string // the file of a registry's table
	Folder    string // where an instance's journal is; empty is its standard output
}

// roles returns what a child process may be.
func roles() map[string]faulttest.Role[task] {
	return map[string]faulttest.Role[task]{"registry": withContext(beRegistry), "instance": withContext(beInstance), "client": withContext(beClient)}
}

// withContext returns a role that has a context of ZeroMQ.
func withContext(be func(*comm.Context, task) error) faulttest.Role[task] {
	return func(todo task) error {
		zmq, err := comm.NewContext(comm.WithLogger(quiet))
		if err != nil {
			return err
		}
		return errors.Join(be(zmq, todo), zmq.Close())
	}
}

// whenFree makes what needs a port that a killed process had, which the kernel
// gives back a moment later.
func whenFree[T any](make func() (T, error)) (made T, err error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if made, err = make(); !errors.Is(err, comm.AddressInUse) {
			return made, err
		}
	}
	return made, err
}

// beRegistry serves a registry, and says where.
func beRegistry(zmq *comm.Context, t task) error {
	options := []registry.ServerOption{registry.WithLogger(quiet)}
	if t.Table != "" {
		store, err := boltstore.Open(context.Background(), t.Table)
		if err != nil {
			return err
		}
		defer store.Close()
		options = append(options, registry.WithStore(store))
	}
	s, err := whenFree(func() (*registry.Server, error) { return registry.NewServer(zmq, t.Endpoint, options...) })
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println("listens", s.Endpoints()[0])
	ctx, cancel := faulttest.UntilTerminated()
	defer cancel()
	return s.Run(ctx)
}

// beInstance serves the EchoService until it is terminated, and says where. What
// it executes it says, or writes to its journal; an answer is made of the request
// and of the instance. What it has executed before takes no time.
func beInstance(zmq *comm.Context, t task) error {
	told := journal(t)
	var begun sync.Map // of items
	h := storing(func(ctx context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		if err := told(r.GetItem()); err != nil {
			return nil, err
		}
		takes := time.Duration(r.GetTakesMs()) * time.Millisecond
		if _, again := begun.LoadOrStore(r.GetItem(), nil); again {
			takes = 0
		}
		select {
		case <-time.After(takes):
			return &testv1.StoreResponse{Times: faulttest.Checksum(r.GetItem()), Instance: t.ID}, nil
		case <-ctx.Done():
			fmt.Println("cancelled", r.GetItem(), messaging.CodeOf(context.Cause(ctx)))
			return nil, context.Cause(ctx)
		}
	})
	options := []service.ServerOption{
		service.WithBind(t.Endpoint), service.WithID(t.ID), service.WithHeartbeat(t.Heartbeat), service.WithLogger(quiet),
	}
	if t.Registry != "" {
		options = append(options, service.WithRegistry(t.Registry))
	}
	if t.Lease > 0 {
		options = append(options, service.WithLease(t.Lease))
	}
	s, err := whenFree(func() (*service.Server, error) { return service.NewServer(zmq, t.Name, h, options...) })
	if err != nil {
		return err
	}
	fmt.Println("listens", s.Endpoints()[0])
	ctx, cancel := faulttest.UntilTerminated()
	defer cancel()
	return errors.Join(s.Run(ctx), s.Close())
}

// journal returns what notes that an item is executed: in a journal, which outlives a
// kill, or else on the standard output.
func journal(t task) func(item uint64) error {
	if t.Folder != "" {
		return faulttest.Journal(t.Folder, t.ID)
	}
	return func(item uint64) error {
		_, err := fmt.Println("executes", item)
		return err
	}
}

// beClient calls Store for 1, 2, 3 and so on, each for long.
func beClient(zmq *comm.Context, t task) error {
	c, err := service.NewClient(zmq, t.Name, service.FromEndpoints(t.Endpoint), service.WithHeartbeat(t.Heartbeat))
	if err != nil {
		return err
	}
	for item := uint64(1); ; item++ {
		_, err := askStore(context.Background(), c, item)
		fmt.Println("stored", item, messaging.CodeOf(err))
	}
}

// child is a process that runs until it is killed.
type child struct{ *faulttest.Process }

// start starts a child process.
func start(t testing.TB, role string, todo task) *child {
	t.Helper()
	return &child{faulttest.Start(t, role, todo)}
}

// endpoint waits until the child listens and returns where.
func (c *child) endpoint() string { return c.Await("listens ") }
