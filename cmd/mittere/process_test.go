package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/registry"
)

// Signals are for a real process. All tests of them share its binary.
func TestProcess(t *testing.T) {
	t.Parallel()
	binary := build(t)
	t.Run("it prints its stamped version", func(t *testing.T) { testStampedVersion(t, binary) })
	t.Run("it exits with 2 on wrong usage", func(t *testing.T) { testWrongUsage(t, binary) })
	t.Run("interrupt cancels a stream, and the process dies of it", func(t *testing.T) { testInterruptedStream(t, binary) })
	t.Run("interrupt ends a loop of a shell", func(t *testing.T) { testInterruptedLoop(t, binary) })
	t.Run("an interrupt that is ignored stays ignored", func(t *testing.T) { testIgnoredInterrupt(t, binary) })
	t.Run("a message comes from a pipe or a file that nobody has named", func(t *testing.T) { testPipedMessage(t, binary) })
	t.Run("reader that goes away cancels a stream quietly", func(t *testing.T) { testReaderGone(t, binary) })
	t.Run("interrupt ends a watch quietly", func(t *testing.T) { testInterruptedWatch(t, binary) })
	t.Run("registry that is killed has its table again", func(t *testing.T) { testKilledRegistry(t, binary) })
	t.Run("interrupt ends a watch of a broker quietly", func(t *testing.T) { testInterruptedBrokerWatch(t, binary) })
	t.Run("a broker says where it serves and what it is", func(t *testing.T) { testBrokerProcess(t, binary) })
	t.Run("a broker and a registry show each message", func(t *testing.T) { testShownMessages(t, binary) })
	t.Run("a broker that is terminated twice ends at once", func(t *testing.T) { testImpatientTermination(t, binary) })
	t.Run("a broker that is terminated lets its clients have their answers", func(t *testing.T) { testTerminatedBroker(t, binary) })
}

// process is a command that runs in a process.
type process struct {
	t              *testing.T
	command        *exec.Cmd
	stdout, stderr *os.File // the ends to read
}

// start starts a command; it is killed at the end of the test at the latest.
func start(t *testing.T, binary string, args ...string) *process {
	t.Helper()
	outR, outW, err := os.Pipe()
	check(t, err)
	errR, errW, err := os.Pipe()
	check(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	p := &process{t: t, command: exec.CommandContext(ctx, binary, args...), stdout: outR, stderr: errR}
	p.command.Stdout, p.command.Stderr = outW, errW
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // interrupts of a group reach no test
	check(t, p.command.Start())
	check(t, errors.Join(outW.Close(), errW.Close()))
	t.Cleanup(func() {
		cancel()
		_ = p.command.Wait()
		_ = outR.Close()
		_ = errR.Close()
	})
	return p
}

// await reads lines until one has a part, and returns that.
func (p *process) await(stream *os.File, part string) string {
	p.t.Helper()
	lines := bufio.NewReader(stream)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			p.t.Fatalf("the output ended without %q: %v", part, err)
		}
		if strings.Contains(line, part) {
			return line
		}
	}
}

// end waits for the end, and returns the exit code and what else came on standard
// error.
func (p *process) end() (code int, stderr string) {
	p.t.Helper()
	go func() { _, _ = io.Copy(io.Discard, p.stdout) }() // ends when the process does
	text, _ := io.ReadAll(p.stderr)
	err := p.command.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return p.command.ProcessState.ExitCode(), string(text)
}

// wantEnd checks how a process ends.
func (p *process) wantEnd(code int, stderr string) {
	p.t.Helper()
	if gotCode, got := p.end(); gotCode != code || got != stderr {
		p.t.Errorf("ended with %d and %q, want %d and %q", gotCode, got, code, stderr)
	}
}

// wantDeath checks of which signal a process dies.
func (p *process) wantDeath(s syscall.Signal, stderr string) {
	p.t.Helper()
	p.wantEnd(-1, stderr)
	if how := p.command.ProcessState.Sys().(syscall.WaitStatus); how.Signal() != s {
		p.t.Errorf("ended with %v, want %v", how.Signal(), s)
	}
}

// signal sends a signal.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	check(p.t, p.command.Process.Signal(s))
}

func testInterruptedStream(t *testing.T, binary string) {
	w := newCalculator(t)
	p := start(t, binary, "--registry", w.at(), "call", "calculator/Primes", `{"limit":1000000000}`)
	p.await(p.stdout, `{"prime":"3"}`)
	p.signal(syscall.SIGINT)
	p.wantDeath(syscall.SIGINT, "mittere: CANCELLED: interrupted\n")
	wantToken(t, w.handler.cancelled)
}

// A shell ends a loop only if the command in it died of the interrupt.
func testInterruptedLoop(t *testing.T, binary string) {
	w := newCalculator(t)
	p := start(t, "bash", "-c", `for i in 1 2 3; do "$@"; echo next; done`, "bash",
		binary, "--registry", w.at(), "call", "calculator/Primes", `{"limit":1000000000}`)
	p.await(p.stdout, `{"prime":"3"}`)
	group := -p.command.Process.Pid
	t.Cleanup(func() { _ = syscall.Kill(group, syscall.SIGKILL) }) // if it goes on
	check(t, syscall.Kill(group, syscall.SIGINT))                  // as a terminal does
	p.wantDeath(syscall.SIGINT, "mittere: CANCELLED: interrupted\n")
	wantToken(t, w.handler.cancelled)
}

// A shell without job control has its background ignore interrupts.
func testIgnoredInterrupt(t *testing.T, binary string) {
	p := start(t, "bash", "-c", `trap '' INT; exec "$@"`, "bash", binary, "broker", "--bind", "tcp://127.0.0.1:0")
	p.await(p.stderr, "the broker serves")
	p.signal(syscall.SIGINT)
	p.signal(syscall.SIGTERM)
	if code, stderr := p.end(); code != 0 {
		t.Errorf("ended with %d and %q, want 0 as of a termination", code, stderr)
	}
}

func testPipedMessage(t *testing.T, binary string) {
	w := newCalculator(t)
	for script, want := range map[string]string{
		`echo '{"a":3}' | "$@"`:                    `{"sum":3}`,
		`"$@" < <(sleep 0; echo '{"a":4}')`:        `{"sum":4}`,
		`echo '{"a":5}' > in.json; "$@" < in.json`: `{"sum":5}`,
		`: | "$@"`:                        `{"sum":0}`,
		`"$@" < /dev/null`:                `{"sum":0}`,
		`"$@" <&-`:                        `{"sum":0}`,
		`echo '{"a":6}' | "$@" '{"a":7}'`: `{"sum":7}`,
		`echo "no JSON" | "$@" 2>&1`:      `mittere: INVALID_ARGUMENT: the JSON of standard input is no calculator.v1.AddRequest`,
	} {
		t.Run(script, func(t *testing.T) {
			shell := exec.CommandContext(t.Context(), "bash", "-c", script, "bash", binary, "--registry", w.at(), "call", "calculator/Add")
			shell.Dir = t.TempDir()
			if out, _ := shell.Output(); !strings.HasPrefix(string(out), want) {
				t.Errorf("printed %q, want %q", out, want)
			}
		})
	}
}

func testReaderGone(t *testing.T, binary string) {
	w := newCalculator(t)
	p := start(t, binary, "--registry", w.at(), "call", "calculator/Primes", `{"limit":1000000000}`)
	p.await(p.stdout, `{"prime":"3"}`)
	check(t, p.stdout.Close())
	p.wantEnd(0, "")
	wantToken(t, w.handler.cancelled)
}

// wantToken waits until the service knows that its caller is gone.
func wantToken(t *testing.T, cancelled chan struct{}) {
	t.Helper()
	select {
	case <-cancelled:
	case <-time.After(testPatience):
		t.Error("the service was not told that the call was cancelled")
	}
}

func testInterruptedWatch(t *testing.T, binary string) {
	w := newCalculator(t)
	p := start(t, binary, "--registry", w.at(), "services", "--watch")
	p.await(p.stdout, "there      calculator  calc-1")
	p.signal(syscall.SIGTERM)
	p.wantDeath(syscall.SIGTERM, "")
}

func testKilledRegistry(t *testing.T, binary string) {
	store := filepath.Join(t.TempDir(), "registry.db")
	first, at := startRegistry(t, binary, store)
	register(t, at, &mitterev1.Instance{Name: "calculator", Id: "calc-1", Endpoints: []string{"tcp://127.0.0.1:1"}})
	first.signal(syscall.SIGKILL)
	if code, _ := first.end(); code != -1 {
		t.Fatalf("exit code %d of a process that was killed", code)
	}

	second, at := startRegistry(t, binary, store)
	code, stdout, stderr := command(t.Context(), "", "services", "--registry", at, "-o", "json")
	if code != 0 || stderr != "" || !strings.Contains(stdout, `"id":"calc-1"`) {
		t.Errorf("exit code %d, printed %q and %q", code, stdout, stderr)
	}
	if code, _, stderr := command(t.Context(), "", "registry", "--bind", at, "--events", ""); code != 19 || !strings.Contains(stderr, "address already in use") {
		t.Errorf("a second registry there: exit code %d and %q", code, stderr)
	}
	second.signal(syscall.SIGTERM)
	if code, stderr := second.end(); code != 0 {
		t.Errorf("exit code %d after SIGTERM: %s", code, stderr)
	}
}

func testShownMessages(t *testing.T, binary string) {
	for what, say := range map[string][]string{
		"broker":   {"", "MDPC01", "mmi.service", "echo"},
		"registry": {"", "\n\x0bPingRequest\x12&\n$type.googleapis.com/a.v1.PingRequest"},
	} {
		args := []string{what, "--bind", "tcp://127.0.0.1:0", "-v"}
		if what == "registry" {
			args = append(args, "--events", "")
		}
		p := start(t, binary, args...)
		at := regexp.MustCompile(`tcp://127\.0\.0\.1:\d+`).FindString(p.await(p.stderr, "the "+what+" serves"))
		zctx := must(comm.NewContext())(t)
		client := must(comm.NewDealer(zctx, at, comm.WithLinger(0)))(t)
		ctx, cancel := context.WithTimeout(t.Context(), testPatience)
		check(t, client.Send(ctx, messageOf(say...)))
		must(client.Recv(ctx))(t)
		p.signal(syscall.SIGTERM)
		code, stderr := p.end()
		for _, part := range []string{"level=DEBUG msg=received peer=", "level=DEBUG msg=sent peer="} {
			if code != 0 || !strings.Contains(stderr, part) {
				t.Errorf("exit code %d, printed %q", code, stderr)
			}
		}
		check(t, errors.Join(client.Close(), zctx.Close()))
		cancel()
	}
}

func testTerminatedBroker(t *testing.T, binary string) {
	p := start(t, binary, "broker", "--bind", "tcp://127.0.0.1:0", "--heartbeat", "1m") // the worker says nothing
	at := regexp.MustCompile(`tcp://127\.0\.0\.1:\d+`).FindString(p.await(p.stderr, "the broker serves"))
	zctx := must(comm.NewContext())(t)
	defer zctx.Close()
	client, worker := must(comm.NewDealer(zctx, at))(t), must(comm.NewDealer(zctx, at))(t)
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	say := func(to *comm.Dealer, frames ...string) {
		var m comm.Message
		for _, frame := range frames {
			m.Frames = append(m.Frames, []byte(frame))
		}
		check(t, to.Send(ctx, m))
	}
	say(worker, "", "MDPW01", "\x01", "echo")
	say(client, "", "MDPC01", "echo", "x")
	request := must(worker.Recv(ctx))(t).Frames
	p.signal(syscall.SIGTERM)
	say(worker, "", "MDPW01", "\x03", string(request[3]), "", "done")
	if reply := must(client.Recv(ctx))(t).Frames; len(reply) != 4 || string(reply[3]) != "done" {
		t.Errorf("the client got %q", reply)
	}
	if code, stderr := p.end(); code != 0 {
		t.Errorf("exit code %d after SIGTERM: %s", code, stderr)
	}
}

func testImpatientTermination(t *testing.T, binary string) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := start(t, binary, "broker", "--bind", "tcp://127.0.0.1:0", "--drain", "1h", "--heartbeat", "1m") // the worker says nothing
		at := regexp.MustCompile(`tcp://127\.0\.0\.1:\d+`).FindString(p.await(p.stderr, "the broker serves"))
		zctx := must(comm.NewContext())(t)
		client, worker := must(comm.NewDealer(zctx, at, comm.WithLinger(0)))(t), must(comm.NewDealer(zctx, at, comm.WithLinger(0)))(t)
		ctx, cancel := context.WithTimeout(t.Context(), testPatience)
		check(t, worker.Send(ctx, messageOf("", "MDPW01", "\x01", "echo")))
		check(t, client.Send(ctx, messageOf("", "MDPC01", "echo", "x")))
		must(worker.Recv(ctx))(t) // and has it for ever
		p.signal(signal)
		for health := ""; !strings.Contains(health, `"health":"draining"`); {
			_, health, _ = command(ctx, "", "info", "--broker", at, "-o", "json")
		}
		code, stdout, stderr := command(ctx, "", "workers", "--broker", at)
		if code != 0 || !strings.Contains(stdout, "busy") {
			t.Errorf("exit code %d, printed %q and %q", code, stdout, stderr)
		}
		p.signal(signal)
		code, _ = p.end()
		if how := p.command.ProcessState.Sys().(syscall.WaitStatus); code != -1 || how.Signal() != signal {
			t.Errorf("ended with %d and %v", code, how)
		}
		check(t, errors.Join(client.Close(), worker.Close(), zctx.Close()))
		cancel()
	}
}

// messageOf returns a message of frames.
func messageOf(frames ...string) comm.Message {
	var m comm.Message
	for _, frame := range frames {
		m.Frames = append(m.Frames, []byte(frame))
	}
	return m
}

func testInterruptedBrokerWatch(t *testing.T, binary string) {
	b := newCalculators(t)
	p := start(t, binary, "--broker", b.broker.Endpoints()[0], "workers", "--watch")
	p.await(p.stdout, "there      calc-1")
	p.signal(syscall.SIGINT)
	p.wantDeath(syscall.SIGINT, "")
}

func testBrokerProcess(t *testing.T, binary string) {
	p := start(t, binary, "broker", "--name", "b1", "--bind", "tcp://127.0.0.1:0", "--bind", "tcp://127.0.0.1:0", "--log-format", "json",
		"--pirate", "front=tcp://127.0.0.1:0,back=tcp://127.0.0.1:0,service=plunder", "--max-message", "8192")
	places := regexp.MustCompile(`tcp://127\.0\.0\.1:[1-9]\d*`).FindAllString(p.await(p.stderr, `"msg":"the broker serves","name":"b1"`), -1)
	if len(places) != 2 {
		t.Fatalf("it serves at %q", places)
	}
	for _, at := range places {
		code, stdout, stderr := command(t.Context(), "", "info", "--broker", at, "-o", "json")
		for _, part := range []string{`"name":"b1"`, `"version":"` + stamped + `"`, `"service":"plunder"`, `"maxFrameBytes":8192`, `"health":"serving"`} {
			if code != 0 || !strings.Contains(stdout, part) {
				t.Errorf("exit code %d, printed %q and %q, want %s in it", code, stdout, stderr, part)
			}
		}
	}
	p.signal(syscall.SIGTERM)
	if code, stderr := p.end(); code != 0 || strings.Contains(stderr, "WARN") || strings.Contains(stderr, "ERROR") {
		t.Errorf("exit code %d after SIGTERM: %s", code, stderr)
	}
}

// startRegistry starts a registry and returns where it serves, as it says itself.
func startRegistry(t *testing.T, binary, store string) (p *process, at string) {
	t.Helper()
	p = start(t, binary, "registry", "--bind", "tcp://127.0.0.1:0", "--events", "", "--store", store)
	line := p.await(p.stderr, "the registry serves")
	at = regexp.MustCompile(`tcp://127\.0\.0\.1:\d+`).FindString(line)
	if at == "" || strings.HasSuffix(at, ":0") {
		t.Fatalf("%q does not say where", line)
	}
	return p, at
}

// register enters an instance that is not withdrawn.
func register(t *testing.T, at string, instance *mitterev1.Instance) {
	t.Helper()
	zctx := must(comm.NewContext())(t)
	defer zctx.Close()
	client := must(registry.NewClient(zctx, at))(t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	check(t, client.Register(instance, time.Minute).Wait(ctx))
}
