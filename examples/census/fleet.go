package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// fleet keeps worker processes running: one that ends is replaced. start is
// called once, and stop after it; all else may be called by any goroutine.
type fleet struct {
	args     []string
	replaced func(pid int64) // is told of each process that takes another's place
	keepers  sync.WaitGroup
	end      context.CancelFunc

	mu           sync.Mutex
	running      map[int64]*os.Process // by process id
	replacements int
}

const (
	// mostReplacements is how many workers may end before there is no sense in
	// starting more.
	mostReplacements = 10
	// lastGrace is how long a worker may take to end before it is killed.
	lastGrace = 2 * time.Second
)

// newFleet returns a fleet whose processes are this program with these arguments.
func newFleet(args ...string) *fleet {
	return &fleet{args: args, replaced: func(int64) {}, running: map[int64]*os.Process{}}
}

// start starts n workers and keeps n running until ctx ends or stop is called.
// It tells fail if that cannot be done any more. It returns their process ids.
func (f *fleet) start(ctx context.Context, n int, fail context.CancelCauseFunc) (pids []int64, err error) {
	ctx, f.end = context.WithCancel(ctx)
	for range n {
		w, err := f.launch(ctx)
		if err != nil {
			f.stop()
			return nil, err
		}
		pids = append(pids, int64(w.Process.Pid))
		f.keepers.Go(func() { f.keep(ctx, w, fail) })
	}
	return pids, nil
}

// stop ends all workers and waits for them.
func (f *fleet) stop() {
	f.end()
	f.keepers.Wait()
}

// kill kills a worker. It returns false if none has this process id.
func (f *fleet) kill(pid int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.running[pid]
	if w == nil || w.Kill() != nil {
		return false
	}
	delete(f.running, pid)
	return true
}

// freeze stops a worker, which can only be killed then. It returns when it does
// nothing any more; false if there is none with this process id.
func (f *fleet) freeze(pid int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.running[pid]
	if w == nil || w.Signal(syscall.SIGSTOP) != nil {
		return false
	}
	for { // a signal is on its way for a while
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(w.Pid, &status, syscall.WUNTRACED, nil); !errors.Is(err, syscall.EINTR) {
			return err == nil && status.Stopped()
		}
	}
}

// runs reports whether a worker has this process id and was not killed.
func (f *fleet) runs(pid int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running[pid] != nil
}

// launch starts a process. It has no input, but its input stays open for as long
// as this process lives: at its end a worker ends too, also after SIGKILL.
func (f *fleet) launch(ctx context.Context) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := exec.CommandContext(ctx, program, f.args...)
	input, err := w.StdinPipe()
	if err != nil {
		return nil, err
	}
	w.Stderr, w.Cancel, w.WaitDelay = os.Stderr, input.Close, lastGrace
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := w.Start(); err != nil {
		return nil, err
	}
	f.running[int64(w.Process.Pid)] = w.Process
	return w, nil
}

// keep waits for a worker and replaces it when it ends, until ctx ends.
func (f *fleet) keep(ctx context.Context, w *exec.Cmd, fail context.CancelCauseFunc) {
	for {
		ended := w.Wait()
		f.forget(w)
		if ctx.Err() != nil {
			return
		}
		if !f.mayReplace() {
			fail(fmt.Errorf("%d workers ended; the last one: %v", mostReplacements+1, ended))
			return
		}
		var err error
		if w, err = f.launch(ctx); err != nil {
			fail(err)
			return
		}
		f.replaced(int64(w.Process.Pid))
	}
}

// mayReplace reports whether one more worker may be replaced.
func (f *fleet) mayReplace() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replacements++
	return f.replacements <= mostReplacements
}

// forget takes a process out that has ended.
func (f *fleet) forget(w *exec.Cmd) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running[int64(w.Process.Pid)] == w.Process { // and not a later one of this id
		delete(f.running, int64(w.Process.Pid))
	}
}
