package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is a census that runs as a process of its own, in a process group of
// its own as a shell would give it.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner // of standard output
	said  strings.Builder
	errs  *os.File // standard error, which the workers have too
}

// timeLimit is when a test gives up that waits for a program.
const timeLimit = time.Minute

// startProgram starts a census.
func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	must(t, err)
	errs, stderr, err := os.Pipe()
	must(t, err)
	cmd.Stderr = stderr
	must(t, cmd.Start())
	must(t, stderr.Close())
	must(t, errs.SetReadDeadline(time.Now().Add(timeLimit)))
	timer := time.AfterFunc(timeLimit, func() { cmd.Process.Kill() })
	t.Cleanup(func() {
		timer.Stop()
		errs.Close()
	})
	return &program{t: t, cmd: cmd, lines: bufio.NewScanner(out), errs: errs}
}

// line returns the next line of standard output that matches, with what the
// pattern's groups are.
func (p *program) line(pattern string) []string {
	p.t.Helper()
	wanted := regexp.MustCompile(pattern)
	for p.lines.Scan() {
		p.said.WriteString(p.lines.Text() + "\n")
		if match := wanted.FindStringSubmatch(p.lines.Text()); match != nil {
			return match
		}
	}
	p.t.Fatalf("no line %q in:\n%s", pattern, p.said.String())
	return nil
}

// wait returns what the program has written and its exit code, once it and all
// its workers have ended.
func (p *program) wait() (stdout, stderr string, code int) {
	p.t.Helper()
	for p.lines.Scan() {
		p.said.WriteString(p.lines.Text() + "\n")
	}
	err := p.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	// It comes to its end when the last process that writes there has ended.
	rest, err := io.ReadAll(p.errs)
	if err != nil {
		p.t.Fatalf("not all processes have ended: %v", err)
	}
	return p.said.String(), string(rest), p.cmd.ProcessState.ExitCode()
}

// runProgram runs a census to its end.
func runProgram(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return startProgram(t, args...).wait()
}

// must fails the test if there is an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
