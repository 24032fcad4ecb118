package main

import (
	"errors"
	"syscall"
	"testing"
)

// startStuck starts a census that does not come to an end by itself: each file takes
// an hour. It returns the process ids of the workers when one was killed and another
// is in its place.
func startStuck(t *testing.T) (p *program, workers []int) {
	t.Helper()
	p = startProgram(t, "-workers", "3", "-slow", "1h", "-patience", "2h", smallTree(t))
	workers = p.workers()
	p.line("killed worker")
	return p, append(workers, p.number(`worker (\d+) takes over`))
}

// wantNone fails if one of the processes exists, also one that ended and for
// which nobody waited.
func wantNone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d exists (%v)", pid, err)
		}
	}
}

func TestInterruptLeavesNoProcess(t *testing.T) {
	for name, test := range map[string]struct {
		signal syscall.Signal
		target func(pid int) int
		code   int
		said   string
	}{
		"Ctrl-C, which all processes get":    {syscall.SIGINT, func(pid int) int { return -pid }, 130, "interrupt"},
		"SIGINT, for the coordinator alone":  {syscall.SIGINT, func(pid int) int { return pid }, 130, "interrupt"},
		"SIGTERM, which all processes get":   {syscall.SIGTERM, func(pid int) int { return -pid }, 143, "terminated"},
		"SIGTERM, for the coordinator alone": {syscall.SIGTERM, func(pid int) int { return pid }, 143, "terminated"},
	} {
		t.Run(name, func(t *testing.T) {
			p, workers := startStuck(t)
			must(t, syscall.Kill(test.target(p.cmd.Process.Pid), test.signal))
			_, stderr, code := p.wait()
			if want := "census: stopped by signal: " + test.said + "\n"; code != test.code || stderr != want {
				t.Errorf("exit code %d and %q, want %d and %q", code, stderr, test.code, want)
			}
			wantNone(t, workers)
		})
	}
}

func TestWorkersEndWhenTheCoordinatorIsKilled(t *testing.T) {
	p, _ := startStuck(t)
	must(t, p.cmd.Process.Kill())
	_, stderr, code := p.wait() // for the workers too
	if code != -1 || stderr != "" {
		t.Errorf("exit code %d and %q, want none and nothing", code, stderr)
	}
}
