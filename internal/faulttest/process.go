package faulttest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mittere/mittere/internal/broadcast"
)

// patience ends tests that would hang for ever; nothing is measured with it.
const patience = time.Minute

// Process is the test's program in another process. All methods may be called by any
// number of goroutines at once.
type Process struct {
	t       testing.TB
	command *exec.Cmd
	gone    chan struct{}
	err     error // how it ended, once it is gone

	answers chan string // to what it was asked

	mu    sync.Mutex
	lines []string         // that it wrote
	news  broadcast.Signal // there is a further one
}

// Start starts a process in a role, with a task as [Main] has it, encoded as JSON. The
// end of the test kills it.
func Start(t testing.TB, role string, task any) *Process {
	t.Helper()
	text, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{
		t: t, command: exec.Command(os.Args[0]), gone: make(chan struct{}),
		answers: make(chan string, 1),
	}
	p.command.Env = append(os.Environ(), roleVariable+"="+role, taskVariable+"="+string(text))
	p.command.Stderr = os.Stderr
	output, err := p.command.StdoutPipe()
	if err == nil {
		err = p.command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.gone)
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			if answer, is := strings.CutPrefix(scanner.Text(), tells); is {
				p.answers <- answer
			} else {
				p.note(scanner.Text())
			}
		}
		p.err = p.command.Wait()
	}()
	t.Cleanup(p.Kill)
	return p
}

// note keeps a line that the process wrote.
func (p *Process) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, line)
	p.news.Notify()
}

// Said returns what the process wrote on its standard output in lines that begin so,
// without that beginning.
func (p *Process) Said(prefix string) (rest []string) {
	rest, _ = p.said(prefix)
	return rest
}

// said returns what Said does, and what is closed when there is a further line.
func (p *Process) said(prefix string) (rest []string, news <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines {
		if after, found := strings.CutPrefix(line, prefix); found {
			rest = append(rest, after)
		}
	}
	return rest, p.news.Changed()
}

// Await waits for the first line that begins so, and returns the rest of it.
func (p *Process) Await(prefix string) string {
	p.t.Helper()
	for timeout := time.After(patience); ; {
		rest, news := p.said(prefix)
		if len(rest) > 0 {
			return rest[0]
		}
		select {
		case <-news:
		case <-timeout:
			p.t.Fatalf("waited too long: the process says %q", prefix)
		}
	}
}

// Ask has a process that calls [Tell] say how it is, and decodes that into answer. It
// is for one goroutine at a time.
func (p *Process) Ask(answer any) {
	p.t.Helper()
	p.Signal(syscall.SIGUSR1)
	select {
	case text := <-p.answers:
		if err := json.Unmarshal([]byte(text), answer); err != nil {
			p.t.Fatal(err)
		}
	case <-time.After(patience):
		p.t.Fatal("waited too long: the process tells how it is")
	}
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// Halt stops the process as it stands, and returns when all of it does.
func (p *Process) Halt() {
	p.t.Helper()
	p.Signal(syscall.SIGSTOP)
	for deadline := time.Now().Add(patience); !p.still(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatal("waited too long: the process is paused")
		}
	}
}

// still reports whether the process is paused.
func (p *Process) still() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(after, "T")
}

// Continue lets a process go on that was halted.
func (p *Process) Continue() {
	p.t.Helper()
	p.Signal(syscall.SIGCONT)
}

// Kill ends the process without a warning.
func (p *Process) Kill() {
	_ = p.command.Process.Signal(syscall.SIGKILL) // it may be dead
	<-p.gone
}

// Terminate asks the process to end and waits for that; the test fails if it did not
// end well.
func (p *Process) Terminate() {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(patience):
		p.t.Fatal("waited too long: the end of the process")
	}
	if p.err != nil {
		p.t.Errorf("the process ended with %v", p.err)
	}
}
