package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	foodv1 "github.com/mittere/mittere/cmd/protoc-gen-go-mittere/testdata/gen/food/v1"
	zoov1 "github.com/mittere/mittere/cmd/protoc-gen-go-mittere/testdata/gen/zoo/v1"
	zoov1mittere "github.com/mittere/mittere/cmd/protoc-gen-go-mittere/testdata/golden/default/zoo/v1/zoov1mittere"
	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

// zoo serves two of its methods.
type zoo struct {
	zoov1mittere.UnimplementedZooServiceHandler
}

func (zoo) Feed(_ context.Context, meal *foodv1.Meal) (*emptypb.Empty, error) {
	if meal.GetName() == "" {
		return nil, messaging.Errorf(messaging.InvalidArgument, "no meal")
	}
	return &emptypb.Empty{}, nil
}

func (zoo) Watch(_ context.Context, _ *zoov1.WatchRequest, send func(*zoov1.WatchResponse) error) error {
	for i := range 3 {
		if err := send(&zoov1.WatchResponse{Event: fmt.Sprint("roar ", i)}); err != nil {
			return err
		}
	}
	return messaging.Errorf(messaging.OutOfRange, "all asleep")
}

// dialZoo serves the zoo over TCP, and returns a client and a context to call with.
func dialZoo(t *testing.T) (*zoov1mittere.ZooServiceClient, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	zmq := must(comm.NewContext())(t)
	server := must(messaging.NewServer(zmq, "tcp://127.0.0.1:*"))(t)
	handlers := reactor.NewHandlers()
	zoov1mittere.RegisterZooService(handlers, zoo{})
	r := must(reactor.New(handlers, []reactor.Socket{server}))(t)
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	conn := must(call.Dial(zmq, server.Endpoints()[0]))(t)
	t.Cleanup(func() {
		err := conn.Close()
		cancel()
		if err := errors.Join(err, <-ended, server.Close(), zmq.Close()); err != nil {
			t.Error(err)
		}
	})
	return zoov1mittere.NewZooServiceClient(conn), ctx
}

// must returns what is given to it, unless there is an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestStubsCallEachOtherOverTheWire(t *testing.T) {
	client, ctx := dialZoo(t)
	if _, err := client.Feed(ctx, &foodv1.Meal{Name: proto.String("hay")}); err != nil {
		t.Errorf("Feed: %v", err)
	}
}

func TestErrorsReachTheClientWithTheirCode(t *testing.T) {
	client, ctx := dialZoo(t)
	if _, err := client.Feed(ctx, &foodv1.Meal{}); messaging.CodeOf(err) != messaging.InvalidArgument {
		t.Errorf("Feed: %v, want INVALID_ARGUMENT", err)
	}
	_, err := client.Find(ctx, &zoov1.FindRequest{})
	wantUnimplemented(t, err, "zoo.v1.ZooService/Find is not implemented")
}

func TestStreamsReachTheClientInOrderAndThenTheirError(t *testing.T) {
	client, ctx := dialZoo(t)
	var events []string
	for event, err := range client.Watch(ctx, &zoov1.WatchRequest{}) {
		if err == nil {
			events = append(events, event.GetEvent())
		} else if messaging.CodeOf(err) != messaging.OutOfRange {
			t.Errorf("after %q: %v, want OUT_OF_RANGE", events, err)
		} else {
			events = append(events, "end")
		}
	}
	if got, want := fmt.Sprint(events), "[roar 0 roar 1 roar 2 end]"; got != want {
		t.Errorf("events %s, want %s", got, want)
	}
}
