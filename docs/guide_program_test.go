//go:build guide

package docs_test

import (
	"bufio"
	"bytes"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a command may take, compiling included.
const patience = 10 * time.Minute

// program is a command that was started in a shell, as the leader of a process group.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	kill   *time.Timer
	out    *bufio.Reader
	errors bytes.Buffer
	ended  bool
}

// startProgram starts a command, which ends with the test at the latest.
func startProgram(t *testing.T, folder string, env []string, line string) *program {
	p := &program{t: t, cmd: exec.Command("sh", "-c", line)}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stderr = folder, env, &p.errors
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.out = bufio.NewReader(must(p.cmd.StdoutPipe()))
	check(p.cmd.Start())
	p.kill = time.AfterFunc(patience, func() { p.signal(syscall.SIGKILL) })
	t.Cleanup(p.end)
	return p
}

// end kills a command that still runs.
func (p *program) end() {
	p.kill.Stop()
	if !p.ended {
		p.signal(syscall.SIGKILL)
		_, _ = io.Copy(io.Discard, p.out)
		_ = p.cmd.Wait()
	}
}

// interrupt does what Ctrl-C does, and waits for the end. It may be no success: that of
// an interrupted "go run" never is.
func (p *program) interrupt() {
	p.signal(syscall.SIGINT)
	_, _ = io.Copy(io.Discard, p.out)
	p.ended = true
	_ = p.cmd.Wait()
}

// signal signals all processes of the command.
func (p *program) signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }

// wants waits until the command has printed this.
func (p *program) wants(shown string) {
	for want := range strings.Lines(shown) {
		if got, err := p.out.ReadString('\n'); got != want {
			p.t.Fatalf("%s printed %q (%v), want %q\n%s", p.cmd, got, err, want, p.errors.String())
		}
	}
}

// wait waits for the command's end, which must be a success, and returns what it
// printed.
func (p *program) wait() string {
	printed, _ := io.ReadAll(p.out)
	p.ended = true
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("%s: %v\n%s%s", p.cmd, err, printed, p.errors.String())
	}
	return string(printed)
}
