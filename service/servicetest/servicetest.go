// Package servicetest runs services inside a test, in memory: without ports, processes or
// waiting for them. It stands on service and service/broker; tests of handlers and of what
// calls them use it.
//
// [Client] is for the test of a handler. A [System] has a registry, a broker, any number of
// instances and clients, and faults: an [Instance] is slow, fails, loses answers, stands
// still or dies.
package servicetest

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// Client serves handlers under a name over inproc and returns a client of them, for a stub
// to be made of. Everything ends with the test, which fails if the server did not end well.
// The name may be empty if the handlers have methods.
func Client(t testing.TB, name string, handlers *reactor.Handlers, options ...service.ServerOption) *service.Client {
	t.Helper()
	zctx := newContext(t)
	const endpoint = "inproc://service"
	server := must(service.NewServer(zctx, name, handlers, append(options, service.WithBind(endpoint))...))(t)
	t.Cleanup(func() { check(t, server.Close()) })
	background(t, server.Run)
	return newClient(t, zctx, server.Name(), service.FromEndpoints(endpoint))
}

// newContext returns a context that ends with the test.
func newContext(t testing.TB) *comm.Context {
	t.Helper()
	zctx := must(comm.NewContext(comm.WithLogger(logOf(t))))(t)
	t.Cleanup(func() { check(t, zctx.Close()) })
	return zctx
}

// newClient returns a client that ends with the test.
func newClient(t testing.TB, zctx *comm.Context, name string, from service.Source, options ...service.ClientOption) *service.Client {
	t.Helper()
	client := must(service.NewClient(zctx, name, from, options...))(t)
	t.Cleanup(func() { check(t, client.Close()) })
	return client
}

// background runs something until the test ends.
func background(t testing.TB, run func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { check(t, run(ctx)) })
	t.Cleanup(running.Wait)
	t.Cleanup(stop)
}

// logOf returns the log of a test, which is printed if that fails.
func logOf(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

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
