package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// childWord is the first argument of a child.
const childWord = "child"

// endWait is how long a peer may take to return when the child shall end. A raw
// socket in a blocking receive never does; the process ends all the same.
const endWait = 500 * time.Millisecond

// runChild is main of a child: a system's name and a task.
func runChild(all []System, args []string) error {
	task, err := parseTask(args[1:])
	if err != nil {
		return err
	}
	picked, err := pickSystems(all, args[0])
	if err != nil {
		return err
	}
	sys, ok := picked[0].(goSystem)
	if !ok {
		return fmt.Errorf("%s is no Go system", args[0])
	}
	stop, err := startProfile(task.Profile)
	if err != nil {
		return err
	}
	return errors.Join(untilParentEnds(func(ctx context.Context) error { return sys.run(ctx, task) }), stop())
}

// untilParentEnds runs a role in a context that ends with standard input, and
// gives it endWait from then on.
func untilParentEnds(role func(context.Context) error) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // owned by the process: it may read until exit
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	ended := make(chan error, 1)
	go func() { ended <- role(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return ignoreEnd(err)
	case <-time.After(endWait):
		return nil
	}
}

// ignoreEnd drops an error that only says that the context has ended.
func ignoreEnd(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// run does a task with a Go system.
func (g goSystem) run(ctx context.Context, t Task) error {
	switch t.Role {
	case RoleServe:
		return g.serve(ctx, t)
	case RoleCall:
		return g.call(ctx, t)
	case RolePublish:
		return g.publish(ctx, t)
	case RoleSubscribe:
		return g.subscribe(ctx, t)
	}
	return fmt.Errorf("no role %q", t.Role)
}

// serve is RoleServe.
func (g goSystem) serve(ctx context.Context, t Task) error {
	if t.Pattern == PatternQuote {
		return g.peer.(Quoter).ServeQuote(ctx, t, ready)
	}
	return g.peer.(Echoer).ServeEcho(ctx, t, ready)
}

// call is RoleCall.
func (g goSystem) call(ctx context.Context, t Task) error {
	m := newMeter(t)
	if t.Pattern == PatternQuote {
		return reported(g.peer.(Quoter).CallQuote(ctx, t, m), m.result)
	}
	return reported(g.peer.(Echoer).CallEcho(ctx, t, m), m.result)
}

// publish is RolePublish.
func (g goSystem) publish(ctx context.Context, t Task) error {
	return g.peer.(Ticker).Publish(ctx, ready, newFeed(t, report))
}

// subscribe is RoleSubscribe.
func (g goSystem) subscribe(ctx context.Context, t Task) error {
	tally := newTally(t)
	return reported(g.peer.(Ticker).Subscribe(ctx, t.Endpoint, tally), tally.result)
}

// ready tells the parent where this child serves.
func ready(endpoint string) { fmt.Println("ready", endpoint) }

// report tells the parent what was measured.
func report(r Result) {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // a NaN: a fault of this program
	}
	fmt.Printf("result %s\n", b)
}

// reported reports unless there is an error.
func reported(err error, result func() Result) error {
	if err != nil {
		return err
	}
	report(result())
	return nil
}
