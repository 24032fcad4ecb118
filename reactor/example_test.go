package reactor_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// need returns v, or ends the program.
func need[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// mustNot ends the program if there is an error.
func mustNot(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// start runs a reactor; stop ends it, and waits until it has ended.
func start(r *reactor.Reactor) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	return func() {
		cancel()
		mustNot(<-ended)
	}
}

// The smallest program: a reactor that answers requests, and somebody who asks.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	zctx := need(comm.NewContext())
	defer zctx.Close()

	handlers := reactor.NewHandlers()
	reactor.Handle(handlers, func(_ context.Context, n *wrapperspb.Int64Value) (*wrapperspb.Int64Value, error) {
		return wrapperspb.Int64(n.GetValue() * n.GetValue()), nil
	})
	rep := need(messaging.NewRep(zctx, "tcp://127.0.0.1:*"))
	r := need(reactor.New(handlers, []reactor.Socket{rep}))
	running, stop := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- r.Run(running) }()

	req := need(messaging.NewReq(zctx, rep.Endpoints()[0]))
	reply := need(messaging.Call[*wrapperspb.Int64Value](ctx, req, wrapperspb.Int64(12)))
	fmt.Println("12 squared is", reply.GetValue())

	stop()
	fmt.Println("Run returned", <-ended)
	// Output:
	// 12 squared is 144
	// Run returned <nil>
}

// The second program of dīvidere's guide: one reactor on a Response and a
// Subscriber. Each message goes to the handler of its type, and what a handler
// returns goes back on the socket that the message came from.
func Example_msgReactor() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	zctx := need(comm.NewContext())
	defer zctx.Close()
	pub := need(messaging.NewPublisher(zctx, "tcp://127.0.0.1:*"))
	sub := need(messaging.NewSubscriber(zctx, pub.Endpoints()[0]))
	rep := need(messaging.NewRep(zctx, "tcp://127.0.0.1:*"))

	last := "nothing" // only the handlers touch it, and only one runs at a time
	observed := make(chan struct{})
	handlers := reactor.NewHandlers()
	reactor.Observe(handlers, func(_ context.Context, news *wrapperspb.StringValue) error {
		last = news.GetValue()
		observed <- struct{}{}
		return nil
	})
	reactor.Handle(handlers, func(context.Context, *wrapperspb.BoolValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("the news is " + last), nil
	})
	stop := start(need(reactor.New(handlers, []reactor.Socket{sub, rep})))
	defer stop()

	req := need(messaging.NewReq(zctx, rep.Endpoints()[0]))
	ask := func() string {
		return need(messaging.Call[*wrapperspb.StringValue](ctx, req, wrapperspb.Bool(true))).GetValue()
	}
	fmt.Println(ask())
	mustNot(pub.WaitForSubscribers(ctx, 1, &wrapperspb.StringValue{}))
	for _, news := range []string{"rain", "sun"} {
		mustNot(pub.Send(ctx, wrapperspb.String(news)))
		<-observed
		fmt.Println(ask())
	}
	// Output:
	// the news is nothing
	// the news is rain
	// the news is sun
}

// Errors travel with their code; an observer answers only a sender that waits for it.
func ExampleObserve() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	zctx := need(comm.NewContext())
	defer zctx.Close()

	handlers := reactor.NewHandlers()
	reactor.Observe(handlers, func(_ context.Context, degrees *wrapperspb.DoubleValue) error {
		if degrees.GetValue() < -273.15 {
			return messaging.Errorf(messaging.OutOfRange, "%v is below absolute zero", degrees.GetValue())
		}
		return nil
	})
	rep := need(messaging.NewRep(zctx, "inproc://thermometer"))
	stop := start(need(reactor.New(handlers, []reactor.Socket{rep})))
	defer stop()

	req := need(messaging.NewReq(zctx, "inproc://thermometer"))
	for _, degrees := range []float64{21, -300} {
		_, err := req.Do(ctx, wrapperspb.Double(degrees))
		fmt.Println(messaging.CodeOf(err), err)
	}
	// Output:
	// CODE_UNSPECIFIED <nil>
	// CODE_OUT_OF_RANGE OUT_OF_RANGE: -300 is below absolute zero
}

// A stream answers one request with many messages, and a Status at the end.
func ExampleStream() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	zctx := need(comm.NewContext())
	defer zctx.Close()

	handlers := reactor.NewHandlers()
	reactor.Stream(handlers, func(_ context.Context, from *wrapperspb.Int32Value, send func(*wrapperspb.Int32Value) error) error {
		for n := from.GetValue(); n >= 0; n-- {
			if err := send(wrapperspb.Int32(n)); err != nil {
				return err // the receiver is gone
			}
		}
		return nil
	})
	rep := need(messaging.NewRep(zctx, "inproc://countdown"))
	stop := start(need(reactor.New(handlers, []reactor.Socket{rep})))
	defer stop()

	dealer := need(messaging.NewDealer(zctx, "inproc://countdown"))
	mustNot(dealer.Send(ctx, wrapperspb.Int32(3)))
	for m, err := range dealer.Messages(ctx) {
		switch m := need(m, err).(type) {
		case *wrapperspb.Int32Value:
			fmt.Println(m.GetValue())
		case *mitterev1.Status:
			fmt.Println("end:", messaging.FromStatus(m))
			return
		}
	}
	// Output:
	// 3
	// 2
	// 1
	// 0
	// end: <nil>
}

// A derived reactor takes the handlers of a base, and overrides some.
func ExampleDerive() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	zctx := need(comm.NewContext())
	defer zctx.Close()

	base := reactor.NewHandlers()
	reactor.Handle(base, func(context.Context, *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("base"), nil
	})
	reactor.Handle(base, func(context.Context, *wrapperspb.BytesValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("base"), nil
	})
	overrides := reactor.NewHandlers()
	reactor.Handle(overrides, func(context.Context, *wrapperspb.BytesValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("derived"), nil
	})
	derived := reactor.Derive(base, overrides)
	fmt.Println(derived.Types())

	rep := need(messaging.NewRep(zctx, "inproc://derived"))
	stop := start(need(reactor.New(derived, []reactor.Socket{rep})))
	defer stop()
	req := need(messaging.NewReq(zctx, "inproc://derived"))
	for _, m := range []proto.Message{&wrapperspb.StringValue{}, &wrapperspb.BytesValue{}} {
		fmt.Println(need(messaging.Call[*wrapperspb.StringValue](ctx, req, m)).GetValue())
	}
	// Output:
	// [google.protobuf.BytesValue google.protobuf.StringValue]
	// base
	// derived
}

// Four accounts are served at once; what is booked to one of them is booked in
// order. The key is the subject that the sender gave the message.
func ExampleWithPool() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	zctx := need(comm.NewContext())
	defer zctx.Close()

	nameOf := func(d *messaging.Delivery) string { return strings.Join(d.Subject, "/") }
	balance := map[string]*int64{"ann": new(int64), "bob": new(int64)} // each touched in its order alone
	handlers := reactor.NewHandlers()
	reactor.Handle(handlers, func(ctx context.Context, amount *wrapperspb.Int64Value) (*wrapperspb.Int64Value, error) {
		account := balance[nameOf(reactor.CallFrom(ctx).Delivery)]
		if account == nil {
			return nil, messaging.Errorf(messaging.NotFound, "no such account")
		}
		*account += amount.GetValue()
		return wrapperspb.Int64(*account), nil
	})
	rep := need(messaging.NewRep(zctx, "inproc://bank"))
	stop := start(need(reactor.New(handlers, []reactor.Socket{rep}, reactor.WithPool(4, nameOf))))
	defer stop()

	req := need(messaging.NewReq(zctx, "inproc://bank"))
	for _, amount := range []int64{100, -30} {
		for _, who := range []string{"ann", "bob"} {
			reply := need(messaging.Call[*wrapperspb.Int64Value](ctx, req, wrapperspb.Int64(amount), messaging.Subject(who)))
			fmt.Println(who, reply.GetValue())
		}
	}
	// Output:
	// ann 100
	// bob 100
	// ann 70
	// bob 70
}

// Interceptors do what all handlers need: here they log each call, let it take a second at
// most, and refuse callers who do not say who they are.
func ExampleWithInterceptors() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	zctx := need(comm.NewContext())
	defer zctx.Close()

	authenticate := func(next reactor.Invoker) reactor.Invoker {
		return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
			if c.Delivery.Meta.Metadata["user"] == "" {
				return nil, messaging.Errorf(messaging.Unauthenticated, "who are you?")
			}
			return next(ctx, c)
		}
	}
	handlers := reactor.NewHandlers()
	reactor.Handle(handlers, func(context.Context, *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("come in"), nil
	})
	rep := need(messaging.NewRep(zctx, "inproc://door"))
	r := need(reactor.New(handlers, []reactor.Socket{rep}, reactor.WithInterceptors(
		reactor.Log(exampleLogger()), reactor.Deadline(time.Second), authenticate)))
	stop := start(r)

	req := need(messaging.NewReq(zctx, "inproc://door"))
	for _, metadata := range []map[string]string{{}, {"user": "ann"}} {
		_, err := req.Do(ctx, wrapperspb.String("knock"), messaging.Metadata(metadata))
		fmt.Println(messaging.CodeOf(err))
	}
	stop()
	// Output:
	// level=WARN msg=handled name=google.protobuf.StringValue result="UNAUTHENTICATED: who are you?"
	// CODE_UNAUTHENTICATED
	// level=DEBUG msg=handled name=google.protobuf.StringValue result=ok
	// CODE_UNSPECIFIED
}

// exampleLogger returns a logger to standard output that leaves out all times,
// which are never the same.
func exampleLogger() *slog.Logger {
	timeless := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "took" {
			return slog.Attr{}
		}
		return a
	}
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: timeless}))
}

// A clock: a hook publishes the time again and again. It runs in turn with the
// handlers, so that what they share needs no lock.
func ExampleWithTimer() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	zctx := need(comm.NewContext())
	defer zctx.Close()
	pub := need(messaging.NewPublisher(zctx, "inproc://clock"))
	rep := need(messaging.NewRep(zctx, "inproc://control"))

	running := true
	handlers := reactor.NewHandlers()
	reactor.Observe(handlers, func(_ context.Context, on *wrapperspb.BoolValue) error {
		running = on.GetValue()
		return nil
	})
	tick := func(ctx context.Context) error {
		if !running {
			return nil
		}
		return pub.Send(ctx, timestamppb.Now())
	}
	stop := start(need(reactor.New(handlers, []reactor.Socket{rep}, reactor.WithTimer(10*time.Millisecond, tick))))
	defer stop()

	sub := need(messaging.NewSubscriber(zctx, "inproc://clock"))
	var before time.Time
	for range 3 {
		now := need(messaging.Open[*timestamppb.Timestamp](&need(sub.Recv(ctx)).Envelope)).AsTime()
		fmt.Println("it is later:", now.After(before))
		before = now
	}
	// Output:
	// it is later: true
	// it is later: true
	// it is later: true
}
