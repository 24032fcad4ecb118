//go:build interop

package interop_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is a process of which a test reads the lines. It is for the goroutine of
// the test.
type program struct {
	t       *testing.T
	command *exec.Cmd
	input   io.WriteCloser
	lines   *bufio.Reader // of its standard output, or of its standard error
	said    strings.Builder
	errors  bytes.Buffer
	kill    *time.Timer
	ended   bool
}

// newProgram returns a program that is not started.
func newProgram(t *testing.T, name string, arguments ...string) *program {
	t.Helper()
	p := &program{t: t, command: exec.Command(name, arguments...)}
	input, err := p.command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.input = input
	return p
}

// start starts the program, whose lines are those of one of its pipes. It is killed
// at the end of the test at the latest.
func (p *program) start(pipe func() (io.ReadCloser, error)) *program {
	p.t.Helper()
	output, err := pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	p.lines = bufio.NewReader(output)
	if err := p.command.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.kill = time.AfterFunc(testPatience, func() { _ = p.command.Process.Kill() })
	p.t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		p.end()
		if p.t.Failed() {
			p.t.Logf("%s said\n%s%s", strings.Join(p.command.Args[1:], " "), p.said.String(), p.errors.String())
		}
	})
	return p
}

// line waits for the next line.
func (p *program) line() string {
	p.t.Helper()
	line, err := p.lines.ReadString('\n')
	p.said.WriteString(line)
	if err != nil {
		p.t.Fatalf("no further line: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

// want checks what the next lines are.
func (p *program) want(lines ...string) {
	p.t.Helper()
	for _, want := range lines {
		if got := p.line(); got != want {
			p.t.Fatalf("said %q, want %q", got, want)
		}
	}
}

// await reads up to a line that has a part.
func (p *program) await(part string) string {
	p.t.Helper()
	for {
		if line := p.line(); strings.Contains(line, part) {
			return line
		}
	}
}

// tell writes a line to its standard input.
func (p *program) tell(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.input, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// signal sends a signal, unless the program has ended.
func (p *program) signal(s syscall.Signal) {
	if !p.ended {
		_ = p.command.Process.Signal(s)
	}
}

// end waits for the end, and returns the exit code, -1 if a signal ended it.
func (p *program) end() int {
	if !p.ended {
		_ = p.input.Close()
		_, _ = io.Copy(&p.said, p.lines)
		_ = p.command.Wait()
		p.kill.Stop()
		p.ended = true
	}
	return p.command.ProcessState.ExitCode()
}

// wantEnd checks that the program says nothing more, and ends with success.
func (p *program) wantEnd() {
	p.t.Helper()
	before := p.said.Len()
	if code := p.end(); code != 0 || p.said.Len() != before {
		p.t.Fatalf("ended with %d, and said %q", code, p.said.String()[before:])
	}
}

// majordomo is a broker in a process of its own, and the programs around it.
type majordomo struct {
	t         *testing.T
	binary    string
	broker    *program
	endpoint  string        // empty before the first start
	heartbeat time.Duration // of the broker and its workers
}

const (
	// rare is the interval of heartbeats in tests that do not need any: whatever
	// happens in them, happens because it was said.
	rare = testPatience

	// often is the interval in the others, where a peer is dead after 5 s of
	// silence: rather long, for a machine that has other things to do.
	often    = 500 * time.Millisecond
	liveness = "10"
)

// start starts a broker, where the last one was or at a free port.
func (m *majordomo) start(flags ...string) {
	m.t.Helper()
	if m.endpoint == "" {
		m.endpoint = "tcp://127.0.0.1:*"
	}
	flags = append([]string{"broker", "--bind", m.endpoint, "--heartbeat", m.heartbeat.String(), "--liveness", liveness}, flags...)
	m.broker = newProgram(m.t, m.binary, flags...)
	m.broker.start(m.broker.command.StderrPipe)
	line := m.broker.await("the broker serves")
	m.endpoint = regexp.MustCompile(`tcp://127\.0\.0\.1:\d+`).FindString(line)
	if m.endpoint == "" {
		m.t.Fatalf("%q does not say where", line)
	}
}

// python starts one of the programs, with the endpoint behind the options.
func (m *majordomo) python(name string, options []string, arguments ...string) *program {
	m.t.Helper()
	all := append([]string{"-B", filepath.Join("python", "majordomo", name)}, options...)
	p := newProgram(m.t, os.Getenv(pythonVariable), append(append(all, m.endpoint), arguments...)...)
	p.command.Stderr = &p.errors
	return p.start(p.command.StdoutPipe)
}

// worker starts a worker, and waits until it has sent READY.
func (m *majordomo) worker(service, name string, options ...string) *program {
	m.t.Helper()
	heartbeat := strconv.FormatInt(m.heartbeat.Milliseconds(), 10)
	options = append([]string{"--heartbeat", heartbeat, "--liveness", liveness, "--sign", name}, options...)
	w := m.python("worker.py", options, service)
	w.want("ready")
	return w
}

// Clients that are not there to repeat wait as long as the test may take.
const patient = "60000" // ms

// ask starts a synchronous client, which repeats nothing.
func (m *majordomo) ask(count, service string, body ...string) *program {
	m.t.Helper()
	return m.python("reqclient.py", []string{"--timeout", patient, "--count", count}, append([]string{service}, body...)...)
}

// send starts an asynchronous client, which repeats nothing, and waits until its
// requests are out.
func (m *majordomo) send(version, count, service string, body ...string) *program {
	m.t.Helper()
	options := []string{"--mdp", version, "--timeout", patient, "--count", count}
	c := m.python("dealerclient.py", options, append([]string{service}, body...)...)
	c.want("sent")
	return c
}

// mmi returns what the broker says of itself.
func (m *majordomo) mmi(service string, body ...string) string {
	m.t.Helper()
	p := m.python("mmi.py", nil, append([]string{service}, body...)...)
	reply := strings.TrimPrefix(p.line(), "reply ")
	p.wantEnd()
	return reply
}

// wantMMI checks what the broker says of itself.
func (m *majordomo) wantMMI(want, service string, body ...string) {
	m.t.Helper()
	if got := m.mmi(service, body...); got != want {
		m.t.Errorf("%s of %q is %q, want %q", service, body, got, want)
	}
}

// awaitService waits until mmi.service answers with this code.
func (m *majordomo) awaitService(code, service string) {
	m.t.Helper()
	p := m.python("mmi.py", []string{"--until", code}, "mmi.service", service)
	p.want("reply " + code)
	p.wantEnd()
}
