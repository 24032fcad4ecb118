package calculator_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/examples/calculator"
	"github.com/mittere/mittere/examples/exampletest"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// What docs/services.md shows and no program has is in the Examples here.

// with serves handlers over inproc while f runs.
func with(handlers *reactor.Handlers, f func(context.Context, *comm.Context, *service.Client),
	server []service.ServerOption, client []service.ClientOption) {
	zctx := must(comm.NewContext())
	defer zctx.Close()
	s := must(service.NewServer(zctx, "example", handlers, append(server, service.WithBind("inproc://example"))...))
	defer s.Close()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { check(s.Run(ctx)) })
	c := must(service.NewClient(zctx, "example", service.FromEndpoints("inproc://example"), client...))
	defer c.Close()
	f(ctx, zctx, c)
}

// served returns the calculator's handlers.
func served() *reactor.Handlers {
	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, &calculator.Handler{})
	return handlers
}

// must returns v, or ends the test.
func must[T any](v T, err error) T {
	check(err)
	return v
}

// check ends the test if there is an error.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

func Example_deadline() {
	with(served(), func(ctx context.Context, _ *comm.Context, client *service.Client) {
		c := calculatorv1mittere.NewCalculatorServiceClient(client)
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		var timing call.Timing
		answer, err := c.Add(ctx, &calculatorv1.AddRequest{A: 1, B: 2},
			call.WithWait(time.Second), // executed within a second, or not at all
			call.WithTiming(&timing))   // where the time went
		check(err)
		fmt.Println(answer.GetSum(), timing.Waited < time.Second, timing.Executed < time.Second)
	}, nil, nil)
	// Output: 3 true true
}

func Example_waiting() {
	with(served(), func(ctx context.Context, _ *comm.Context, client *service.Client) {
		c := calculatorv1mittere.NewCalculatorServiceClient(client)
		request := &calculatorv1.AddRequest{A: 1, B: 2}
		answer, err := c.Add(ctx, request,
			call.WithWaiting(func(why error) { log.Print("waiting: ", why) }), // nil: it waits no longer
			call.WithFailFast()) // UNAVAILABLE, refused, as soon as it is known that nobody can serve the call
		check(err)
		fmt.Println(answer.GetSum())
	}, nil, nil)
	// Output: 3
}

// withToken returns an interceptor that puts a token into the metadata.
func withToken(token string) call.Interceptor {
	return func(next call.Invoker) call.Invoker {
		return func(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
			metadata := map[string]string{"token": token}
			maps.Copy(metadata, r.Metadata)
			r.Metadata = metadata
			return next(ctx, r, each)
		}
	}
}

// demandToken returns an interceptor that refuses calls without the token.
func demandToken(token string) reactor.Interceptor {
	return func(next reactor.Invoker) reactor.Invoker {
		return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
			if c.Metadata["token"] != token {
				return nil, messaging.Errorf(messaging.Unauthenticated, "%s needs a token", c.Name())
			}
			return next(ctx, c)
		}
	}
}

func Example_metadata() {
	demand := []service.ServerOption{service.WithInterceptors(demandToken("secret"))}
	with(served(), func(ctx context.Context, _ *comm.Context, client *service.Client) {
		c := calculatorv1mittere.NewCalculatorServiceClient(client)
		_, err := c.Add(ctx, &calculatorv1.AddRequest{A: 1, B: 2})
		fmt.Println(err)
		answer, err := c.Add(ctx, &calculatorv1.AddRequest{A: 1, B: 2}, call.WithMetadata("token", "secret"))
		fmt.Println(answer.GetSum(), err)
	}, demand, nil)
	with(served(), func(ctx context.Context, _ *comm.Context, client *service.Client) {
		c := calculatorv1mittere.NewCalculatorServiceClient(client)
		answer, err := c.Add(ctx, &calculatorv1.AddRequest{A: 1, B: 2})
		fmt.Println(answer.GetSum(), err)
	}, demand, []service.ClientOption{service.WithCallInterceptors(withToken("secret"))})
	// Output:
	// UNAUTHENTICATED: calculator.v1.CalculatorService/Add needs a token
	// 3 <nil>
	// 3 <nil>
}

func Example_management() {
	with(served(), func(ctx context.Context, _ *comm.Context, client *service.Client) {
		check(client.Wait(ctx)) // until an instance takes calls
		for _, member := range client.Members() {
			management := mitterev1mittere.NewManagementServiceClient(member.Caller)
			health, err := management.Health(ctx, &mitterev1.HealthRequest{})
			check(err)
			fmt.Println(member.Instance.GetId(), health.GetHealth())
		}
	}, nil, nil)
	// Output: inproc://example HEALTH_SERVING
}

func Example_oneWay() {
	with(served(), func(ctx context.Context, _ *comm.Context, client *service.Client) {
		accumulate := call.Method{Name: calculatorv1mittere.CalculatorServiceAccumulateMethod}
		err := call.OneWay(ctx, client, accumulate, &calculatorv1.AccumulateRequest{Amount: 1})
		fmt.Println(err)
	}, nil, nil)
	// Output: <nil>
}

// greeter returns a handler for a type of message, which belongs to no service of
// a .proto file.
func greeter() *reactor.Handlers {
	handlers := reactor.NewHandlers()
	reactor.Handle(handlers, func(_ context.Context, name *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("hello, " + name.GetValue()), nil
	})
	return handlers
}

func Example_plain() {
	with(greeter(), func(ctx context.Context, zctx *comm.Context, client *service.Client) {
		answer, err := call.Unary[*wrapperspb.StringValue](ctx, client, call.ByType(), wrapperspb.String("session"))
		fmt.Println(answer.GetValue(), err)

		plain, err := call.DialPlain(zctx, "inproc://example") // without registry, session and tries
		check(err)
		defer plain.Close()
		answer, err = call.Unary[*wrapperspb.StringValue](ctx, plain, call.ByType(), wrapperspb.String("dīvidere"))
		fmt.Println(answer.GetValue(), err)
	}, nil, nil)
	// Output:
	// hello, session <nil>
	// hello, dīvidere <nil>
}

func Example_errorCodes() {
	with(served(), func(ctx context.Context, _ *comm.Context, client *service.Client) {
		c := calculatorv1mittere.NewCalculatorServiceClient(client)
		_, err := c.Divide(ctx, &calculatorv1.DivideRequest{Dividend: 7})
		fmt.Println(messaging.CodeOf(err) == messaging.InvalidArgument, messaging.Refused(err))
		fmt.Println(errors.Is(err, &messaging.Error{Code: messaging.InvalidArgument}))
	}, nil, nil)
	// Output:
	// true false
	// true
}

func TestTheGuideShowsWhatTheExamplesHave(t *testing.T) {
	var code []string
	for _, file := range []string{
		"handler.go", "handler_test.go", "guide_test.go", "server/main.go", "client/main.go", "../ticker/handler.go",
		"../ticker/server/main.go", "../ticker/client/main.go", "../../docs/programs_test.go",
	} {
		code = append(code, unindented(exampletest.Read(t, file)))
	}
	all := strings.Join(code, "\n")
	blocks := strings.Split(exampletest.Read(t, "../../docs/services.md"), "```go\n")
	if len(blocks) < 10 {
		t.Fatalf("the guide has %d blocks of Go", len(blocks)-1)
	}
	for _, block := range blocks[1:] {
		block, _, _ = strings.Cut(block, "```")
		if !strings.Contains(all, unindented(block)) {
			t.Errorf("no example has this of the guide:\n%s", block)
		}
	}
}

// unindented returns the lines of code without the tabs in front.
func unindented(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		b.WriteString(strings.TrimLeft(line, "\t"))
	}
	return b.String()
}
