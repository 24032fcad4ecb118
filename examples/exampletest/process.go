package exampletest

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a program may run before it is killed.
const patience = time.Minute

// Build builds the programs below a folder of this module, such as
// "examples/calculator", into a folder that goes with the test, and returns that.
func Build(t testing.TB, folder string) string {
	t.Helper()
	to := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", to+string(filepath.Separator), "./"+path.Join(folder, "..."))
	build.Dir = root(t)
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", folder, err, said)
	}
	return to
}

// root returns the folder of the module that the test is in.
func root(t testing.TB) string {
	t.Helper()
	file, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(strings.TrimSpace(string(file)))
}

// Process is a program that runs until it ends by itself or is interrupted. It is
// for one goroutine.
type Process struct {
	t      testing.TB
	cmd    *exec.Cmd
	kill   *time.Timer
	lines  *bufio.Reader // of its standard output
	said   strings.Builder
	errors bytes.Buffer
	ended  bool
}

// Start starts a program, which ends with the test at the latest. It has no
// registry but by its arguments.
func Start(t testing.TB, program string, arguments ...string) *Process {
	t.Helper()
	p := &Process{t: t, cmd: exec.Command(program, arguments...)}
	p.cmd.Env = append(os.Environ(), "MITTERE_REGISTRY=")
	p.cmd.Stderr = &p.errors
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.kill = time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	t.Cleanup(p.end)
	return p
}

// end kills a program that still runs.
func (p *Process) end() {
	p.kill.Stop()
	if !p.ended {
		_ = p.cmd.Process.Kill()
		_, _ = io.Copy(io.Discard, p.lines)
		_ = p.cmd.Wait()
	}
}

// Line waits for the next line of the program's output.
func (p *Process) Line() string {
	p.t.Helper()
	line, err := p.lines.ReadString('\n')
	p.said.WriteString(line)
	if err != nil {
		p.t.Fatalf("%s wrote no further line: %v\n%s%s", p.cmd.Path, err, p.said.String(), p.errors.String())
	}
	return strings.TrimSuffix(line, "\n")
}

// Endpoint waits for the line in which a server says where it is, and returns
// that.
func (p *Process) Endpoint() string {
	p.t.Helper()
	line := p.Line()
	_, endpoint, found := strings.Cut(line, " at ")
	if !found {
		p.t.Fatalf("%s says %q, not where it is", p.cmd.Path, line)
	}
	return endpoint
}

// Interrupt does what Ctrl-C does.
func (p *Process) Interrupt() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		p.t.Fatal(err)
	}
}

// Insist does what Ctrl-C does again and again, until the program has died of it.
func (p *Process) Insist() {
	p.t.Helper()
	p.Interrupt()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	ended := make(chan error, 1)
	go func() {
		_, _ = io.Copy(&p.said, p.lines)
		ended <- p.cmd.Wait()
	}()
	for {
		select {
		case <-again.C:
			_ = p.cmd.Process.Signal(syscall.SIGINT)
		case err := <-ended:
			p.ended = true
			if how, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || how.Signal() != syscall.SIGINT {
				p.t.Fatalf("%s: %v\n%s%s", p.cmd, err, p.said.String(), p.errors.String())
			}
			return
		}
	}
}

// Wait waits for the program's end, which must be a success, and returns all that
// it wrote.
func (p *Process) Wait() string {
	p.t.Helper()
	_, _ = io.Copy(&p.said, p.lines)
	err := p.cmd.Wait()
	p.ended = true
	if err != nil {
		p.t.Fatalf("%s: %v\n%s%s", p.cmd, err, p.said.String(), p.errors.String())
	}
	return p.said.String()
}
