package call_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

// task is what a child process does.
type task struct {
	Endpoint  string
	Heartbeat time.Duration
}

// roles are what child processes do.
func roles() map[string]faulttest.Role[task] {
	return map[string]faulttest.Role[task]{
		"server": func(t task) error { return beServer(childContext(), t) },
		"client": func(t task) error { return beClient(childContext(), t) },
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

// beServer serves one call after the other, and says where, and what it executes.
func beServer(zmq *comm.Context, t task) error {
	socket, err := messaging.NewServer(zmq, t.Endpoint)
	if err != nil {
		return err
	}
	h := storing(func(ctx context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		fmt.Println("executes", r.GetItem())
		select {
		case <-time.After(time.Duration(r.GetTakesMs()) * time.Millisecond):
			return &testv1.StoreResponse{Times: 1}, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	})
	r, err := reactor.New(h, []reactor.Socket{socket}, reactor.WithHeartbeat(t.Heartbeat), reactor.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	fmt.Println("listens", socket.Endpoints()[0])
	return r.Run(context.Background())
}

// beClient stores 1, 2, 3 and so on, and reports the answers.
func beClient(zmq *comm.Context, t task) error {
	conn, err := call.Dial(zmq, t.Endpoint, call.WithHeartbeat(t.Heartbeat))
	if err != nil {
		return err
	}
	for item := uint64(1); ; item++ {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		_, err := askStore(ctx, conn, item)
		cancel()
		fmt.Println("stored", item, messaging.CodeOf(err))
	}
}

// startServer starts a server and returns where it listens.
func startServer(t testing.TB, todo task) (p *faulttest.Process, endpoint string) {
	t.Helper()
	p = faulttest.Start(t, "server", todo)
	return p, p.Await("listens ")
}
