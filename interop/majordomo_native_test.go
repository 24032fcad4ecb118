//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	calculatorv1 "github.com/mittere/mittere/gen/calculator/v1"
	dialectv1 "github.com/mittere/mittere/gen/mittere/dialect/v1"

	"github.com/mittere/mittere/examples/calculator"
	"github.com/mittere/mittere/examples/exampletest"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// The Majordomo peers of Python know nothing of ours but the broker, and ours nothing of
// theirs: what they say to each other goes through two dialects.
func TestTheMajordomoPeersOfPythonMeetNativeOnesOfGo(t *testing.T) {
	binary := filepath.Join(exampletest.Build(t, "cmd/mittere"), "mittere")
	for name, test := range map[string]func(*testing.T, *majordomo){
		"synchronous client calls a method":          testTypedSynchronousClient,
		"asynchronous client calls a method":         testTypedClient,
		"asynchronous client calls a method, 0.2":    testTypedClient2,
		"error of a method is a Status":              testTypedError,
		"raw bytes reach a handler for Frames":       testRawBytes,
		"typed client has a worker of Python":        testNativeClient,
		"typed client has a worker of Python of 0.2": testNativeClient2,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait rather than work
			m := &majordomo{t: t, binary: binary, heartbeat: rare}
			m.start()
			test(t, m)
		})
	}
}

// native runs a worker of Go until the test ends.
func (m *majordomo) native(name string, handlers *reactor.Handlers) {
	m.t.Helper()
	w, err := service.NewServer(newContext(m.t), name, handlers, service.WithBroker(m.endpoint))
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = w.Close() })
	runUntilEnd(m.t, w)
}

// calculate runs a worker of the calculator.
func (m *majordomo) calculate() {
	m.t.Helper()
	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, new(calculator.Handler))
	m.native("calculator", handlers)
}

// call starts a client of a method of the calculator.
func (m *majordomo) call(method, request string, options ...string) *program {
	m.t.Helper()
	options = append(options, "--timeout", patient, "--image", filepath.Join(pythonExample, "messages.binpb"))
	return m.python("typedclient.py", options, "calculator", "calculator.v1.CalculatorService/"+method, request)
}

func testTypedSynchronousClient(_ *testing.T, m *majordomo) {
	m.calculate()
	client := m.call("Add", "a: {} b: 0.5", "--synchronous", "--count", "20")
	for i := range 20 {
		client.want(fmt.Sprintf("reply sum: %d.5", i))
	}
	client.want("done")
	client.wantEnd()
}

func testTypedClient(t *testing.T, m *majordomo) { typedClient(t, m, "0.1") }

func testTypedClient2(t *testing.T, m *majordomo) { typedClient(t, m, "0.2") }

// typedClient has requests under way at once; what they are answered with may come in
// any order.
func typedClient(t *testing.T, m *majordomo, version string) {
	m.calculate()
	client := m.call("Add", "a: {} b: 0.5", "--mdp", version, "--count", "50")
	var got, want []string
	for i := range 50 {
		got, want = append(got, client.line()), append(want, fmt.Sprintf("reply sum: %d.5", i))
	}
	client.want("done")
	client.wantEnd()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

func testTypedError(_ *testing.T, m *majordomo) {
	m.calculate()
	client := m.call("Divide", "dividend: 1", "--synchronous")
	client.want("error CODE_INVALID_ARGUMENT", "done")
	client.wantEnd()
}

func testRawBytes(_ *testing.T, m *majordomo) {
	handlers := reactor.NewHandlers()
	reactor.Handle(handlers, func(_ context.Context, r *dialectv1.Frames) (*dialectv1.Frames, error) {
		return &dialectv1.Frames{Frames: append(r.GetFrames(), []byte("go"))}, nil
	})
	m.native("frames", handlers)
	client := m.ask("20", "frames", "hello {}", `\x00\xff`, "")
	for i := range 20 {
		client.want(fmt.Sprintf(`reply hello %d | \x00\xff |  | go`, i))
	}
	client.want("done")
	for _, version := range []string{"0.1", "0.2"} {
		client := m.send(version, "100", "frames", "hello {}")
		for range 100 { // in any order
			if line := client.line(); !strings.HasPrefix(line, "reply hello ") || !strings.HasSuffix(line, " | go") {
				m.t.Fatalf("said %q", line)
			}
		}
		client.want("done")
	}
}

func testNativeClient(t *testing.T, m *majordomo) { nativeClient(t, m, "0.1") }

func testNativeClient2(t *testing.T, m *majordomo) { nativeClient(t, m, "0.2") }

// nativeClient has frames and a message answered by workers that know of neither.
func nativeClient(t *testing.T, m *majordomo, version string) {
	m.worker("signs", "w1", "--mdp", version)
	m.worker("echo", "", "--mdp", version)
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	signs, echo := m.client("signs"), m.client("echo")
	for i := range 20 {
		sent := [][]byte{fmt.Append(nil, i), []byte("\x00\xff"), {}}
		got, err := call.Unary[*dialectv1.Frames](ctx, signs, call.ByType(), &dialectv1.Frames{Frames: sent})
		if want := fmt.Sprintf("%q", append(sent, []byte("w1"))); err != nil || fmt.Sprintf("%q", got.GetFrames()) != want {
			t.Fatalf("got %q, %v; want %s", got.GetFrames(), err, want)
		}
		same, err := call.Unary[*calculatorv1.AddRequest](ctx, echo, call.ByType(), &calculatorv1.AddRequest{A: float64(i)})
		if err != nil || same.GetA() != float64(i) {
			t.Fatalf("got %v, %v", same, err)
		}
	}
	if version == "0.1" {
		return
	}
	var got []string
	counted := call.Method{Streaming: true, Idempotency: call.NoSideEffects}
	for part, err := range call.Stream[*dialectv1.Frames](ctx, signs, counted, &dialectv1.Frames{Frames: [][]byte{[]byte("a")}}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s", part.GetFrames()))
	}
	if want := []string{"[a w1 part 1]", "[a w1 part 2]", "[a w1]"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// client returns a typed client until the test ends.
func (m *majordomo) client(name string) *service.Client {
	m.t.Helper()
	c, err := service.NewClient(newContext(m.t), name, service.FromBroker(m.endpoint))
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = c.Close() })
	return c
}
