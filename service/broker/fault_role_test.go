package broker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/broker"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// task is what another process of the tests does.
type task struct {
	Endpoint  string        // of the broker
	Heartbeat time.Duration // the shortest of the broker, or that of a peer
	ID        string        // of a worker
	Folder    string        // where a worker's journal is
	Room      int           // how many requests a worker handles at once
	Item      uint64        // the first that a client stores
	Clients   int           // of a crowd
	Workers   int           // of a crowd
}

// roles returns what other processes of the tests do.
func roles() map[string]faulttest.Role[task] {
	return map[string]faulttest.Role[task]{
		"broker": withContext(beBroker), "worker": withContext(beWorker), "client": withContext(beClient), "crowd": withContext(beCrowd),
	}
}

// withContext returns a role that has a context of ZeroMQ.
func withContext(be func(*comm.Context, task) error) faulttest.Role[task] {
	return func(do task) error {
		zmq, err := comm.NewContext()
		if err != nil {
			return err
		}
		return errors.Join(be(zmq, do), zmq.Close())
	}
}

// held is what the process of a broker counts and holds.
type held struct {
	Stats       broker.Stats
	Sessions    int
	Goroutines  int
	Descriptors int
	Heap        uint64 // bytes in use
	Resident    uint64 // bytes of memory that the process has, libzmq's included
}

// beBroker runs a broker until it is terminated, and says where.
func beBroker(zmq *comm.Context, do task) error {
	var b *broker.Broker
	open := func() (err error) {
		b, err = broker.New(zmq, do.Endpoint, broker.WithHeartbeat(do.Heartbeat, 3), broker.WithShortestHeartbeat(do.Heartbeat),
			broker.WithLimits(desk.Limits{Queue: queueLimit, Expiry: callTime}), broker.WithForgetAfter(time.Second), quiet())
		return err
	}
	err := open()
	for ; errors.Is(err, comm.AddressInUse); err = open() { // the kernel gives it back a moment after a kill
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		return err
	}
	faulttest.Tell(func() held { return holdings(b) })
	fmt.Println("listens", b.Endpoints()[0])
	ctx, cancel := faulttest.UntilTerminated()
	defer cancel()
	return errors.Join(b.Run(ctx), b.Close())
}

// quiet has a broker log nothing.
func quiet() broker.Option { return broker.WithLogger(slog.New(slog.DiscardHandler)) }

// holdings returns what this process has of a broker.
func holdings(b *broker.Broker) held {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	h := held{Stats: b.Stats(), Goroutines: runtime.NumGoroutine(), Heap: memory.HeapInuse}
	h.Sessions, _, _ = b.Held()
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		h.Descriptors = len(open)
	}
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		var all uint64
		_, _ = fmt.Sscan(string(text), &all, &h.Resident)
		h.Resident *= uint64(os.Getpagesize())
	}
	return h
}

// pending is the first item that a client process stores, which it is about to be
// killed with.
const pending = 1 << 40

// beWorker serves the EchoService for the broker until it is terminated. What Store
// executes is in its journal; it says when it begins and cancels what a client process
// stores.
func beWorker(zmq *comm.Context, do task) error {
	note := faulttest.Journal(do.Folder, do.ID)
	store := func(ctx context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		if err := note(r.GetItem()); err != nil {
			return nil, err
		}
		if r.GetItem() >= pending {
			fmt.Println("begins", r.GetItem())
		}
		select {
		case <-time.After(time.Duration(r.GetTakesMs()) * time.Millisecond):
			return &testv1.StoreResponse{Times: faulttest.Checksum(r.GetItem()), Instance: do.ID}, nil
		case <-ctx.Done():
			if r.GetItem() >= pending {
				fmt.Println("cancels", r.GetItem())
			}
			return nil, context.Cause(ctx)
		}
	}
	w, err := service.NewServer(zmq, "", echoService(store), service.WithBroker(do.Endpoint), service.WithID(do.ID),
		service.WithHeartbeat(do.Heartbeat), service.WithLimits(do.Room, do.Room), service.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	ctx, cancel := faulttest.UntilTerminated()
	defer cancel()
	return errors.Join(w.Run(ctx), w.Close())
}

// echoPace is how long Echo takes for each byte of its text.
const echoPace = 100 * time.Microsecond

// echoService returns the EchoService with this Store.
func echoService(store func(context.Context, *testv1.StoreRequest) (*testv1.StoreResponse, error)) *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.HandleMethod(h, methodOf("Echo"), func(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		select {
		case <-time.After(time.Duration(len(r.GetText())) * echoPace): // what is under way when something breaks
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		return &testv1.EchoResponse{Text: r.GetText()}, nil
	})
	reactor.HandleMethod(h, methodOf("Store"), store)
	return h
}

// methodOf returns a method of the EchoService.
func methodOf(name protoreflect.Name) protoreflect.MethodDescriptor {
	return testv1.File_mittere_test_v1_test_proto.Services().ByName("EchoService").Methods().ByName(name)
}

// echoName is the name of the service that workers offer and clients ask for.
const echoName = "mittere.test.v1.EchoService"

// begun is how many calls a client process makes at once.
const begun = 48

// beClient stores items that take for ever, until it is killed.
func beClient(zmq *comm.Context, do task) error {
	c, err := service.NewClient(zmq, echoName, service.FromBroker(do.Endpoint), service.WithHeartbeat(do.Heartbeat))
	if err != nil {
		return err
	}
	for i := range uint64(begun) {
		go func() {
			_, err := askStore(context.Background(), c, &testv1.StoreRequest{Item: do.Item + i, TakesMs: 600_000})
			fmt.Println("ended", do.Item+i, err)
		}()
	}
	select {}
}

// askStore makes a call of Store.
func askStore(ctx context.Context, c call.Caller, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
	return call.Unary[*testv1.StoreResponse](ctx, c, call.MethodOf(methodOf("Store")), r)
}

// askEcho makes a call of Echo.
func askEcho(ctx context.Context, c call.Caller, text string) (string, error) {
	r, err := call.Unary[*testv1.EchoResponse](ctx, c, call.MethodOf(methodOf("Echo")), &testv1.EchoRequest{Text: text})
	return r.GetText(), err
}
