package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/calculator/v1/calculatorv1mittere"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/broker"
)

// brokered is a broker with workers, for the commands of a test.
type brokered struct {
	*world
	broker *broker.Broker
}

// newBrokered returns a broker without workers.
func newBrokered(t *testing.T) *brokered {
	t.Helper()
	w := &world{t: t, zctx: must(comm.NewContext())(t)}
	t.Cleanup(func() { check(t, w.zctx.Close()) })
	b := must(broker.New(w.zctx, "tcp://127.0.0.1:*", broker.WithName("broker-1"), broker.WithVersion("v1.2.3"),
		broker.WithDrainTimeout(0), broker.WithHeartbeat(time.Minute, 3), broker.WithLogger(slog.New(slog.DiscardHandler))))(t)
	w.stop = w.background(b)
	return &brokered{w, b}
}

// work runs a calculator for the broker.
func (b *brokered) work(id string) {
	b.t.Helper()
	handlers := reactor.NewHandlers()
	calculatorv1mittere.RegisterCalculatorService(handlers, &calculator{cancelled: make(chan struct{}, 1), amounts: make(chan float64, 1)})
	worker := must(service.NewServer(b.zctx, "calculator", handlers, service.WithBroker(b.broker.Endpoints()[0]), service.WithID(id),
		service.WithVersion("v1.2.3"), service.WithLimits(4, 10), service.WithDrainTimeout(0), service.WithLogger(slog.New(slog.DiscardHandler))))(b.t)
	b.background(worker)
	b.await(id)
}

// majordomo registers a worker of MDP/0.1 that answers nothing.
func (b *brokered) majordomo(name string) {
	b.t.Helper()
	dealer := must(comm.NewDealer(b.zctx, b.broker.Endpoints()[0], comm.WithLinger(0), comm.WithRoutingID(name)))(b.t)
	b.t.Cleanup(func() { check(b.t, dealer.Close()) })
	var ready comm.Message
	for _, frame := range []string{"", "MDPW01", "\x01", "echo"} {
		ready.Frames = append(ready.Frames, []byte(frame))
	}
	check(b.t, dealer.Send(b.t.Context(), ready))
	b.await(name)
}

// await waits until a worker is registered.
func (b *brokered) await(name string) {
	b.t.Helper()
	deadline := time.Now().Add(testPatience)
	for !slices.ContainsFunc(b.broker.Workers(), func(w broker.WorkerView) bool { return w.Offer.Name == name }) {
		if time.Now().After(deadline) {
			b.t.Fatalf("no worker %q", name)
		}
		time.Sleep(time.Millisecond) // between two looks
	}
}

// run runs a command with the broker.
func (b *brokered) run(stdin string, args ...string) (code int, stdout, stderr string) {
	return command(b.t.Context(), stdin, slices.Concat(args[:1], []string{"--broker", b.broker.Endpoints()[0]}, args[1:])...)
}

// runAt runs a command with the broker as if it were a service.
func (b *brokered) runAt(stdin string, args ...string) (code int, stdout, stderr string) {
	return command(b.t.Context(), stdin, slices.Concat(args[:1], []string{"--endpoint", b.broker.Endpoints()[0]}, args[1:])...)
}

// newCalculators returns a broker with two calculators, and a worker that cannot tell
// of itself.
func newCalculators(t *testing.T) *brokered {
	t.Helper()
	b := newBrokered(t)
	b.work("calc-1")
	b.work("calc-2")
	b.majordomo("echo-1")
	return b
}

// countless is what a broker counts and cannot be foretold, beside what is volatile
// everywhere.
var countless = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`((?:registered|heard)Seconds":)[0-9.e-]+`), "${1}N"},
	{regexp.MustCompile(`"served":\d+`), `"served":N`},
	{regexp.MustCompile(`"received":\d+,"sent":\d+`), `"received":N,"sent":N`},
	{regexp.MustCompile(`"address":"0/[0-9a-f]+"`), `"address":"0/ID"`},
	{regexp.MustCompile(`"descriptors":"[0-9a-f]+"`), `"descriptors":"HASH"`},
	{regexp.MustCompile(`(  TIME  TIME  TIME  )\d+  \d+`), "${1}N  N"},
	{regexp.MustCompile(`("(?:go|engine|platform)":)"[^"]*"`), `$1"VERSION"`},
	{regexp.MustCompile(`(\n(?:go|engine|platform)) [^\n]*`), "$1  VERSION"},
}

// unforeseen are all numbers.
var unforeseen = regexp.MustCompile(`\b\d+\b`)

func TestCommandsPrintWhatABrokerTells(t *testing.T) {
	b := newCalculators(t)
	for _, c := range []struct {
		name string
		args []string
	}{
		{"broker services", []string{"services"}},
		{"broker services json", []string{"services", "-o", "json"}},
		{"broker services of a name", []string{"services", "calculator"}},
		{"broker services of the broker", []string{"services", "mittere.v1.Broker"}},
		{"broker services of no name", []string{"services", "abacus"}},
		{"workers", []string{"workers"}},
		{"workers json", []string{"workers", "-o", "json"}},
		{"workers by name", []string{"workers", "calc-2", "nobody"}},
		{"workers of no names", []string{"workers", "nobody", "none", "-o", "json"}},
		{"workers of a service", []string{"workers", "--service", "echo"}},
		{"workers draining", []string{"workers", "--status", "draining"}},
		{"broker ping", []string{"ping", "calculator"}},
		{"broker ping json", []string{"ping", "calculator", "-n", "2", "-o", "json"}},
		{"broker ping of an id", []string{"ping", "calculator", "--id", "calc-2"}},
		{"broker ping of no id", []string{"ping", "calculator", "--id", "calc-3"}},
		{"broker ping itself", []string{"ping"}},
		{"broker ping unable", []string{"ping", "echo"}},
		{"broker info", []string{"info", "calculator"}},
		{"broker info itself", []string{"info"}},
		{"broker info itself json", []string{"info", "-o", "json"}},
		{"broker call", []string{"call", "calculator/Add", `{"a":1,"b":2}`}},
		{"broker call of an id", []string{"call", "calculator/Add", `{"a":1}`, "--id", "calc-2"}},
		{"broker call all", []string{"call", "calculator/Add", `{"a":1}`, "--all"}},
		{"broker call all table", []string{"call", "calculator/Add", `{"a":1}`, "--worker", "calc-1", "-o", "table"}},
		{"broker call of workers", []string{"call", "calculator/Add", `{"a":1}`, "--worker", "calc-2", "--worker", "nobody"}},
		{"broker call all failing", []string{"call", "calculator/Divide", `{"dividend":1}`, "--all"}},
		{"broker call stream", []string{"call", "calculator/Primes", `{"limit":4}`}},
		{"broker call stream of workers", []string{"call", "calculator/Primes", `{"limit":3}`, "--worker", "calc-1"}},
		{"broker call all one way", []string{"call", "calculator/Add", "--all", "--one-way"}},
		{"broker call unknown name", []string{"call", "abacus/Add"}},
		{"broker call unable", []string{"call", "echo/Add"}},
		{"broker call of the broker", []string{"call", "mittere.v1.Broker/ListServices", `{"prefix":"calc"}`}},
		{"info at a broker", []string{"info"}},
		{"ping at a broker", []string{"ping", "-n", "2"}},
		{"call at a broker", []string{"call", "Add"}},
		{"drain nobody", []string{"drain", "nobody"}},
		{"drain no service", []string{"drain", "--service", "calculatr"}},
		{"drain the broker", []string{"drain", "mittere.v1.Broker"}},
		{"drain", []string{"drain", "calc-2"}},
		{"drain json", []string{"drain", "--service", "calculator", "-o", "json"}},
		{"workers drained", []string{"workers", "--status", "draining", "-o", "json"}},
		{"drain undo", []string{"drain", "--service", "calculator", "--undo"}},
		{"workers resumed", []string{"workers", "--service", "calculator", "-o", "json"}},
		{"drain disconnect", []string{"drain", "echo-1", "--disconnect"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := b.run
			if strings.HasSuffix(c.name, "at a broker") {
				run = b.runAt
			}
			code, stdout, stderr := run("", c.args...)
			if slices.Contains(c.args, "--all") { // answers come in any order
				lines := strings.SplitAfter(stdout, "\n")
				slices.Sort(lines)
				stdout, stderr = strings.Join(lines, ""), strings.Replace(stderr, "calc-2", "calc-1", 1)
			}
			stdout, stderr = stable(stdout), stable(stderr)
			for _, v := range countless {
				stdout = v.what.ReplaceAllString(stdout, v.by)
			}
			wantGolden(t, c.name, code, stdout, stderr)
		})
	}
}

func TestStatsOfABrokerAndOfItsWorkers(t *testing.T) {
	b := newCalculators(t)
	b.run("", "call", "calculator/Add", "--all")
	for name, args := range map[string][]string{
		"broker stats": {"stats"}, "broker stats json": {"stats", "-o", "json"},
		"broker stats of workers": {"stats", "calculator"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := b.run("", args...)
			stdout = stable(stdout)
			if len(args) == 1 || args[1] == "-o" {
				stdout = unforeseen.ReplaceAllString(stdout, "N")
			}
			wantGolden(t, name, code, stdout, stderr)
		})
	}
}

func TestWatchTellsOfWorkersAndOfTheBroker(t *testing.T) {
	t.Parallel()
	for _, format := range []string{formatTable, formatJSON} {
		t.Run(format, func(t *testing.T) {
			t.Parallel() // it waits for the next poll
			b := newBrokered(t)
			b.work("calc-1")
			at := b.broker.Endpoints()[0]
			ctx, interrupt := context.WithCancel(t.Context())
			r, out := io.Pipe()
			var code int
			var running sync.WaitGroup
			running.Go(func() {
				code = run(ctx, []string{"workers", "--watch", "--broker", at, "-o", format, "--timeout", "3s"}, streams{strings.NewReader(""), out, io.Discard})
				out.Close()
			})
			lines := bufio.NewReader(r)
			await := func(parts ...string) {
				t.Helper()
				line := must(lines.ReadString('\n'))(t)
				for _, part := range parts {
					if !strings.Contains(line, part) {
						t.Fatalf("printed %q, want %q in it", line, part)
					}
				}
			}
			await("there", "calc-1")
			b.majordomo("echo-1")
			await("put", "echo-1")
			b.run("", "drain", "calc-1")
			await("put", "calc-1", "draining")
			b.run("", "drain", "echo-1", "--disconnect")
			await("gone", "echo-1")
			b.stop()
			await("away", at)
			interrupt()
			running.Wait()
			if code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestBrokerOrRegistryIsAskedAsTheUserSays(t *testing.T) {
	const nowhere = "tcp://127.0.0.1:1"
	for name, c := range map[string]struct {
		registry, broker string // of the environment
		args             []string
		code             int
		stderr           string
	}{
		"a registry by default":    {"", "", []string{"services"}, 24, "the registry at tcp://127.0.0.1:5000"},
		"the broker that is set":   {"", nowhere, []string{"services"}, 24, "the broker at " + nowhere},
		"the registry that is set": {nowhere, "", []string{"services"}, 24, "the registry at " + nowhere},
		"both set":                 {nowhere, nowhere, []string{"services"}, 2, "both MITTERE_REGISTRY and MITTERE_BROKER"},
		"a flag wins":              {nowhere, nowhere, []string{"services", "--broker", nowhere}, 24, "the broker at"},
		"the other flag wins":      {"", nowhere, []string{"services", "--registry", nowhere}, 24, "the registry at"},
		"both flags":               {"", "", []string{"ping", "x", "--registry", nowhere, "--broker", nowhere}, 2, "one of --registry and --broker"},
		"endpoint and broker":      {"", "", []string{"ping", "--endpoint", nowhere, "--broker", nowhere}, 2, "one of --endpoint and --broker"},
		"an endpoint needs none":   {nowhere, nowhere, []string{"ping", "--endpoint", nowhere}, 24, nowhere},
		"workers ask a broker":     {nowhere, nowhere, []string{"workers"}, 24, "the broker at"},
		"workers of a registry":    {"", "", []string{"workers", "--registry", nowhere}, 2, "asks a broker"},
		"resolve asks a registry":  {nowhere, nowhere, []string{"resolve", "x"}, 24, "the registry at"},
		"resolve at a broker":      {"", "", []string{"resolve", "x", "--broker", nowhere}, 2, "asks a registry"},
		"targets at a registry":    {"", "", []string{"call", "x/y", "--all"}, 2, "want a broker"},
		"drain nobody":             {"", "", []string{"drain"}, 2, "want the names of workers"},
		"drain and undo":           {"", "", []string{"drain", "w1", "--undo", "--disconnect"}, 2, "want one of --disconnect and --undo"},
		"drain some and all":       {"", "", []string{"drain", "w1", "--service", "echo"}, 2, "want the names of workers, or --service"},
		"broker of a broker":       {"", "", []string{"broker", "--broker", nowhere}, 2, "--bind"},
		"pirate without a back":    {"", "", []string{"broker", "--pirate", "front=a,service=b"}, 2, "want front="},
		"pirate with two fronts":   {"", "", []string{"broker", "--pirate", "front=a,front=b,back=c,service=d"}, 2, "want front="},
		"all and some":             {"", "", []string{"call", "x/y", "--all", "--worker", "a", "--broker", nowhere}, 2, "none of the others can be"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(registryVariable, c.registry)
			t.Setenv(brokerVariable, c.broker)
			args := c.args
			if c.code == 24 {
				args = append(slices.Clone(args), "--timeout", "100ms")
			}
			code, stdout, stderr := command(t.Context(), "", args...)
			if code != c.code || stdout != "" && args[0] != "ping" || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit code %d, printed %q and %q", code, stdout, stderr)
			}
		})
	}
}

func TestWrongFlagsOfABrokerAreWrongUsage(t *testing.T) {
	for name, args := range map[string][]string{
		"bind":        {"--bind", ""},
		"endpoints":   {"--bind", "tcp://127.0.0.1:0", "--bind", ""},
		"nonsense":    {"--bind", "nonsense"},
		"heartbeat":   {"--heartbeat", "1ms"},
		"liveness":    {"--liveness", "1"},
		"zero":        {"--liveness", "0"},
		"max":         {"--max-message", "10"},
		"name":        {"--name", strings.Repeat("n", 100)},
		"pirates":     {"--bind", "tcp://127.0.0.1:0", "--pirate", "front=nonsense,back=tcp://127.0.0.1:0,service=echo"},
		"reserved":    {"--pirate", "front=tcp://127.0.0.1:0,back=tcp://127.0.0.1:0,service=mmi.echo"},
		"--expiry":    {"--expiry", "0"},
		"--longest":   {"--longest", "0s"},
		"Longest":     {"--longest", "2562047h"},
		"--drain":     {"--drain", "-1s"},
		"--broker is": {"--broker", "tcp://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := command(t.Context(), "", append([]string{"broker"}, args...)...)
			if code != exitUsage || stdout != "" || !strings.Contains(stderr, "Run 'mittere broker --help' for usage.") {
				t.Errorf("exit code %d, printed %q and %q", code, stdout, stderr)
			}
		})
	}
}

func TestShellsAreGivenWhatABrokerHas(t *testing.T) {
	b := newCalculators(t)
	for name, c := range map[string]struct{ args, want []string }{
		"names":            {[]string{"ping", "c"}, []string{"calculator"}},
		"methods":          {[]string{"call", "calculator/D"}, []string{"calculator/Divide"}},
		"workers":          {[]string{"workers", "calc"}, []string{"calc-1", "calc-2"}},
		"workers to drain": {[]string{"drain", "calc-1", "e"}, []string{"echo-1"}},
		"workers to call":  {[]string{"call", "calculator/Add", "--worker", "calc"}, []string{"calc-1", "calc-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := slices.Concat([]string{"__complete", c.args[0], "--broker", b.broker.Endpoints()[0]}, c.args[1:])
			code, stdout, _ := command(t.Context(), "", args...)
			lines := strings.Split(stdout, "\n")
			if got := lines[:len(lines)-2]; code != 0 || !slices.Equal(got, c.want) {
				t.Errorf("exit code %d, got %q, want %q", code, got, c.want)
			}
		})
	}
}
