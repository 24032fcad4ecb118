// Package servicetest runs a service inside a test, without ports and without a
// registry. It stands on service; users' tests of their handlers use it.
package servicetest

import (
	"context"
	"sync"
	"testing"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// Client serves handlers under a name over inproc and returns a client of them,
// for a stub to be made of. Everything ends with the test, which fails if the
// server did not end well. The name may be empty if the handlers have methods.
func Client(t testing.TB, name string, handlers *reactor.Handlers, options ...service.ServerOption) *service.Client {
	t.Helper()
	zmq := must(comm.NewContext())(t)
	t.Cleanup(func() { check(t, zmq.Close()) })
	server := must(service.NewServer(zmq, name, handlers, append(options, service.WithBind(endpoint))...))(t)
	t.Cleanup(func() { check(t, server.Close()) })
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { check(t, server.Run(ctx)) })
	t.Cleanup(running.Wait)
	t.Cleanup(stop)
	client := must(service.NewClient(zmq, server.Name(), service.FromEndpoints(endpoint)))(t)
	t.Cleanup(func() { check(t, client.Close()) })
	return client
}

// endpoint is where the server listens. Each has a context of its own, within
// which the name holds.
const endpoint = "inproc://service"

// must returns what a function returned beside an error, which ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// check fails the test if there is an error.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
