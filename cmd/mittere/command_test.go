package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/registry"
)

func TestOneWayCallArrives(t *testing.T) {
	w := newCalculator(t)
	code, stdout, stderr := w.run("", "call", "calculator/Accumulate", `{"amount":7}`, "--one-way")
	if code != 0 || stdout != "" || stderr != "" {
		t.Errorf("exit code %d, printed %q and %q", code, stdout, stderr)
	}
	select {
	case amount := <-w.handler.amounts:
		if amount != 7 {
			t.Errorf("%v arrived", amount)
		}
	case <-time.After(testPatience):
		t.Error("nothing arrived")
	}
}

// A stream has no deadline unless one is asked for.
func TestStreamEndsAtATimeoutThatIsGiven(t *testing.T) {
	t.Parallel()
	w := newCalculator(t)
	code, stdout, stderr := w.run("", "call", "calculator/Primes", `{"limit":1000000000}`, "--timeout", "1s", "--timing")
	if code != 14 || !strings.HasPrefix(stdout, "{\"prime\":\"2\"}\n") || !strings.Contains(stderr, "mittere: DEADLINE_EXCEEDED: ") {
		t.Errorf("exit code %d and %q", code, stderr)
	}
}

func TestAllInstancesAreAsked(t *testing.T) {
	t.Parallel()
	w := newCalculator(t)
	w.serve("calc-2", &calculator{})
	w.await(func(entries []*mitterev1.Entry) bool { return len(entries) == 2 })
	w.enter(&mitterev1.Instance{Name: "calculator", Id: "calc-3", Endpoints: []string{"tcp://127.0.0.1:1"}})
	code, stdout, stderr := w.run("", "ping", "calculator", "--timeout", "2s", "-o", "json")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 24 || len(lines) != 3 || !strings.Contains(stderr, "1 of 3 instances failed; instance calc-3: ") {
		t.Fatalf("exit code %d, printed %q and %q", code, stdout, stderr)
	}
	for i, part := range []string{`"id":"calc-1"`, `"id":"calc-2"`, `"error":{"code":"UNAVAILABLE"`} {
		if !strings.Contains(lines[i], part) {
			t.Errorf("line %d is %s", i, lines[i])
		}
	}
	if code, _, stderr := w.run("", "info", "calculator", "--id", "calc-2"); code != 0 {
		t.Errorf("of one only: exit code %d and %q", code, stderr)
	}
	if code, _, stderr := w.run("", "call", "calculator/Add"); code != 0 {
		t.Errorf("a call, though one cannot be reached: exit code %d and %q", code, stderr)
	}
}

func TestRegistryThatIsAwayIsTold(t *testing.T) {
	t.Parallel()
	const nowhere = "tcp://127.0.0.1:1"
	for _, args := range [][]string{{"services"}, {"resolve", "x"}, {"ping", "x"}, {"call", "x/y"}} {
		t.Run(args[0], func(t *testing.T) {
			code, stdout, stderr := command(t.Context(), "", append(args, "--registry", nowhere, "--timeout", "200ms")...)
			if code != 24 || stdout != "" || !strings.Contains(stderr, "the registry at "+nowhere+" cannot be reached") {
				t.Errorf("exit code %d, printed %q and %q", code, stdout, stderr)
			}
		})
	}
}

func TestWatchSaysThatTheRegistryIsAway(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	r, out := io.Pipe()
	var running sync.WaitGroup
	running.Go(func() {
		defer out.Close()
		run(ctx, []string{"services", "--watch", "--registry", "tcp://127.0.0.1:1", "--timeout", "100ms"}, streams{strings.NewReader(""), out, io.Discard})
	})
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil || !strings.HasSuffix(line, "  away       the registry at tcp://127.0.0.1:1 was not heard yet\n") {
		t.Errorf("printed %q (%v)", line, err)
	}
	interrupt()
	running.Wait()
}

// withdraw registers an instance and takes it back when it is told to.
func withdraw(w *world, instance *mitterev1.Instance, now <-chan struct{}) {
	client := must(registry.NewClient(w.zctx, w.at()))(w.t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(w.t.Context(), testPatience)
	defer cancel()
	r := client.Register(instance, time.Minute)
	check(w.t, r.Wait(ctx))
	<-now
	check(w.t, r.Withdraw(ctx))
}

func TestWatchTellsOfChangesAndOfTheRegistry(t *testing.T) {
	t.Parallel()
	for _, format := range []string{formatTable, formatJSON} {
		t.Run(format, func(t *testing.T) {
			w := newWorld(t)
			w.enter(&mitterev1.Instance{Name: "old", Id: "1", Endpoints: []string{"tcp://127.0.0.1:1"}})
			at := w.at()
			ctx, interrupt := context.WithCancel(t.Context())
			r, out := io.Pipe()
			var code int
			var running sync.WaitGroup
			running.Go(func() {
				code = run(ctx, []string{"services", "--watch", "--registry", at, "-o", format}, streams{strings.NewReader(""), out, io.Discard})
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
			await("there", "old")
			now := make(chan struct{})
			var withdrawing sync.WaitGroup
			withdrawing.Go(func() {
				withdraw(w, &mitterev1.Instance{Name: "new", Id: "2", Endpoints: []string{"tcp://127.0.0.1:1"}}, now)
			})
			await("put", "new")
			close(now)
			await("withdrawn", "new")
			withdrawing.Wait() // watchers hear of it before it is answered
			w.stop()
			await("away", at)
			w.restart(at)
			var both []string // in either order
			for range 2 {
				both = append(both, must(lines.ReadString('\n'))(t))
			}
			if text := strings.Join(both, ""); !strings.Contains(text, "back") || !strings.Contains(text, "gone") {
				t.Errorf("printed %q", text)
			}
			interrupt()
			running.Wait()
			if code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// silent is standard input from which nothing comes.
type silent struct{ asked, end chan struct{} }

// Read waits until the test ends.
func (s silent) Read([]byte) (int, error) {
	close(s.asked)
	<-s.end
	return 0, io.EOF
}

func TestInterruptEndsWaitingForStandardInput(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	in := silent{make(chan struct{}), make(chan struct{})}
	defer close(in.end)
	go func() {
		<-in.asked
		interrupt()
	}()
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"call", "calculator/Add", "-"}, streams{in, &stdout, &stderr})
	if code != 11 || stderr.String() != "mittere: CANCELLED: interrupted\n" {
		t.Errorf("exit code %d and %q", code, stderr.String())
	}
}

// A script may have inherited a pipe that is open, and of which it knows nothing.
func TestSilentStandardInputIsNotWaitedFor(t *testing.T) {
	r, w, err := os.Pipe()
	check(t, err)
	defer r.Close()
	defer w.Close()
	if !piped(r) || piped(strings.NewReader("")) {
		t.Error("a pipe is none, or something else is one")
	}
	_, err = readAll(t.Context(), r, standardInput, time.Millisecond)
	var usage usageError
	if !errors.As(err, &usage) || !strings.Contains(usage.Error(), "nothing came within 1ms") {
		t.Errorf("the error is %v", err)
	}
}

// full is standard output that fails.
type full struct{ err error }

// Write fails.
func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestOutputThatFails(t *testing.T) {
	w := newCalculator(t)
	for _, args := range [][]string{{"services"}, {"resolve", "calculator"}, {"call", "calculator/Add"}, {"info", "calculator"}, {"stats", "calculator"}, {"ping", "calculator"}, {"version"}} {
		for err, want := range map[syscall.Errno]struct {
			code   int
			stderr string
		}{
			syscall.EPIPE:  {0, ""},
			syscall.ENOSPC: {12, "mittere: UNKNOWN: standard output: no space left on device\n"},
		} {
			t.Run(args[0]+" "+err.Error(), func(t *testing.T) {
				var stderr bytes.Buffer
				code := run(t.Context(), append(args, "--registry", w.at()), streams{strings.NewReader(""), full{err}, &stderr})
				if code != want.code || stderr.String() != want.stderr {
					t.Errorf("exit code %d and %q, want %d and %q", code, stderr.String(), want.code, want.stderr)
				}
			})
		}
	}
}

func TestShellsAreGivenNamesAndMethods(t *testing.T) {
	w := newCalculator(t)
	w.enter(&mitterev1.Instance{Name: "clock", Id: "1", Endpoints: []string{"tcp://127.0.0.1:1"}})
	at := w.server.Endpoints()[0]
	for name, c := range map[string]struct{ args, want []string }{
		"names":              {[]string{"ping", "c"}, []string{"calculator", "clock"}},
		"names of callable":  {[]string{"call", "ca"}, []string{"calculator/"}},
		"methods":            {[]string{"call", "calculator/A"}, []string{"calculator/Accumulate", "calculator/Add"}},
		"full methods":       {[]string{"call", "calculator/calc"}, []string{"calculator/calculator.v1.CalculatorService/Accumulate", "calculator/calculator.v1.CalculatorService/Add", "calculator/calculator.v1.CalculatorService/Divide", "calculator/calculator.v1.CalculatorService/Primes"}},
		"methods at a place": {[]string{"call", "--endpoint", at, "P"}, []string{"Primes"}},
		"no second name":     {[]string{"ping", "clock", ""}, nil},
		"formats":            {[]string{"ping", "-o", ""}, []string{"table", "json"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, _ := w.run("", append([]string{"__complete"}, c.args...)...)
			lines := strings.Split(stdout, "\n")
			if got := lines[:len(lines)-2]; code != 0 || strings.Join(got, " ") != strings.Join(c.want, " ") {
				t.Errorf("exit code %d, got %q, want %q", code, got, c.want)
			}
		})
	}
}

// An answer is the JSON of its schema; all else that is printed has the codes of errors.
func TestCodesHaveOneNameExceptInAnswers(t *testing.T) {
	w := newCalculator(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"call", "calculator/Divide", `{"dividend":1}`}, "mittere: INVALID_ARGUMENT: "},
		{[]string{"call", "calculator/Divide", `{"dividend":1}`, "-o", "json"}, `{"error":{"code":"INVALID_ARGUMENT",`},
		{[]string{"stats", "calculator"}, " INVALID_ARGUMENT=2"},
		{[]string{"stats", "calculator", "-o", "json"}, `"errors":{"INVALID_ARGUMENT":2}`},
		{[]string{"call", "calculator/mittere.v1.ManagementService/Stats"}, `"code":"CODE_INVALID_ARGUMENT"`},
	} {
		_, stdout, stderr := w.run("", c.args...)
		if text := stdout + stderr; !strings.Contains(text, c.want) || strings.Count(text, "CODE_") != strings.Count(c.want, "CODE_") {
			t.Errorf("%q printed %s, want %s in it", c.args, text, c.want)
		}
	}
}

// The socket file is left of a process that is gone.
func TestInstanceWhoseIPCFailsIsAskedByTCP(t *testing.T) {
	w := newCalculator(t)
	path := filepath.Join(t.TempDir(), "s")
	l := must(net.ListenUnix("unix", &net.UnixAddr{Name: path}))(t)
	l.SetUnlinkOnClose(false)
	check(t, l.Close())
	w.enter(&mitterev1.Instance{Name: "calculator", Id: "calc-2", Host: registry.Host(), Endpoints: []string{"ipc://" + path, w.server.Endpoints()[0]}})
	for _, args := range [][]string{{"call", "calculator/Add"}, {"stats", "calculator"}, {"ping", "calculator"}} {
		if code, _, stderr := w.run("", append(args, "--id", "calc-2")...); code != 0 {
			t.Errorf("%q: exit code %d and %q", args, code, stderr)
		}
	}
}
