package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// fleet keeps worker processes running: one that ends is replaced.
type fleet struct {
	arguments []string
	replaced  func(pid int) // is told of each process that takes another's place
	keepers   sync.WaitGroup
	end       context.CancelFunc

	mu      sync.Mutex
	running map[string]*os.Process // by the name of the worker
}

const (
	// mostReplacements is how many workers may end, one after the other, before there is
	// no sense in starting more.
	mostReplacements = 10
	// lastGrace is how long a worker may take to end before it is killed.
	lastGrace = 2 * time.Second
)

// start starts n workers and keeps n running until ctx ends or stop is called. It tells
// fail if that cannot be done any more.
func (f *fleet) start(ctx context.Context, n int, fail context.CancelCauseFunc) error {
	ctx, f.end = context.WithCancel(ctx)
	f.running = map[string]*os.Process{}
	for range n {
		w, err := f.launch(ctx)
		if err != nil {
			f.stop()
			return err
		}
		f.keepers.Go(func() { f.keep(ctx, w, fail) })
	}
	return nil
}

// stop ends all workers and waits for them.
func (f *fleet) stop() {
	f.end()
	f.keepers.Wait()
}

// launch starts a process. It has no input, but its input stays open for as long as this
// process lives: at its end a worker ends too, also after SIGKILL.
func (f *fleet) launch(ctx context.Context) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := exec.CommandContext(ctx, program, f.arguments...)
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
	f.running[workerName(w.Process.Pid)] = w.Process
	return w, nil
}

// keep waits for a worker and replaces it when it ends, until ctx ends.
func (f *fleet) keep(ctx context.Context, w *exec.Cmd, fail context.CancelCauseFunc) {
	for n := 0; ; n++ {
		ended := w.Wait()
		f.forget(workerName(w.Process.Pid))
		if ctx.Err() != nil {
			return
		}
		next, err := f.launch(ctx)
		if n == mostReplacements || err != nil {
			fail(errors.Join(errors.New("a worker ended and was not replaced"), ended, err))
			return
		}
		w = next
		f.replaced(w.Process.Pid)
	}
}

// forget takes a process out that has ended.
func (f *fleet) forget(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.running, name)
}

// freeze stops a worker, which can only be killed then. It returns when the worker does
// nothing any more; false if there is none.
func (f *fleet) freeze(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.running[name]
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

// kill kills a worker, and reports whether it was there.
func (f *fleet) kill(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.running[name]
	delete(f.running, name)
	return w != nil && w.Kill() == nil
}

// has reports whether a worker runs.
func (f *fleet) has(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running[name] != nil
}
