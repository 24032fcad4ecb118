package servicetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// startPatience is how long an instance may take until it is known where clients look.
const startPatience = time.Minute

// Instance is an instance of a service in a [System]. Its methods inject faults, from then on;
// they may be called by any number of goroutines at once.
type Instance struct {
	// Server is the service itself. Its SetHealth is the way to an instance that says that it
	// is not serving.
	*service.Server

	system *System
	number int64
	wire   wire
	stop   context.CancelFunc
	ended  chan struct{}

	mu     sync.Mutex // guards what follows
	err    error      // of Run, when it has ended
	delay  time.Duration
	fails  error
	killed bool
}

// newInstance returns an instance that does not run.
func (s *System) newInstance() *Instance {
	return &Instance{system: s, number: s.instances.Add(1), ended: make(chan struct{})}
}

// Delay has each call wait that long before its handler is called, or until its context ends;
// 0 ends that.
func (i *Instance) Delay(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.delay = d
}

// Fail has each call answered with an error in place of calling the handler; nil ends that.
// To its caller it is an error of the handler: UNAVAILABLE is retried only if the method may
// be executed twice.
func (i *Instance) Fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fails = err
}

// DropAnswers loses the next n answers: the calls are executed, and their callers hear
// nothing of it until their deadlines, or until the instance is killed. Items of streams are
// not lost.
func (i *Instance) DropAnswers(n int) { i.wire.dropAnswers(n) }

// Dropped returns how many answers were lost so far.
func (i *Instance) Dropped() int { return i.wire.answersDropped() }

// Pause pauses the instance as SIGSTOP does: what it sends, and what is sent to it,
// waits until Resume. After three heartbeats its sessions end.
func (i *Instance) Pause() { i.wire.pause() }

// Resume ends a Pause.
func (i *Instance) Resume() { i.wire.resume() }

// Kill ends the instance as SIGKILL does: nothing that it sends arrives any more, no farewell
// and no answer, and the registry has it until its lease ends. Handlers that run go on until
// their contexts end, which they do soon.
func (i *Instance) Kill() {
	i.mu.Lock()
	i.killed = true
	i.mu.Unlock()
	i.wire.cut()
	i.stop()
}

// Stop ends the instance in good order, and returns what its Run does: nil if all calls ended
// within the drain timeout.
func (i *Instance) Stop() error {
	i.stop()
	<-i.ended
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.err
}

// run serves until the test ends.
func (i *Instance) run(name string, handlers *reactor.Handlers, options []service.ServerOption) {
	t := i.system.t
	t.Helper()
	defaults := []service.ServerOption{
		service.WithHeartbeat(Heartbeat), service.WithLogger(logOf(t)), service.WithInterceptors(i.intercept),
	}
	i.Server = must(service.NewServer(i.system.zctx, name, handlers, append(defaults, options...)...))(t)
	t.Cleanup(func() { check(t, i.Server.Close()) })
	ctx, stop := context.WithCancel(context.Background())
	i.stop = stop
	go func() {
		defer close(i.ended)
		err := i.Server.Run(ctx)
		i.mu.Lock()
		defer i.mu.Unlock()
		i.err = err
	}()
	t.Cleanup(func() {
		if err := i.Stop(); !i.wasKilled() {
			check(t, err)
		}
	})
	t.Cleanup(i.Resume)
}

// wasKilled reports whether its end may be a bad one.
func (i *Instance) wasKilled() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.killed
}

// await waits until the instance is known where clients look.
func (i *Instance) await() {
	i.system.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	if err := i.WaitRegistered(ctx); err != nil {
		i.system.t.Fatal(err)
	}
}

// intercept delays calls, and fails them.
func (i *Instance) intercept(next reactor.Invoker) reactor.Invoker {
	return func(ctx context.Context, c *reactor.Call) (proto.Message, error) {
		delay, err := i.faults()
		if delay > 0 {
			select {
			case <-time.After(delay):
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		if err != nil {
			return nil, err
		}
		return next(ctx, c)
	}
}

// faults returns what becomes of a call.
func (i *Instance) faults() (time.Duration, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.delay, i.fails
}

// link puts the instance's wire before an endpoint, and returns where it is reached through
// that.
func (i *Instance) link(what, endpoint string, answers direction) string {
	front := fmt.Sprintf("inproc://instance-%d-%s", i.number, what)
	i.linkAt(front, endpoint, answers)
	return front
}
