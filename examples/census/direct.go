package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/mittere/mittere/gen/census/v1/censusv1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
)

const (
	// directAsked is about how many files are asked about directly, and directAtOnce
	// how many of them at once.
	directAsked, directAtOnce = 600, 8
	// largestDirect is the largest file that is asked about directly, in bytes.
	largestDirect = 8 << 20
)

// direct has some files counted once more by calls that go to the workers directly:
// a client finds them through the registry, balances over them, and tries again
// elsewhere when one is killed. But for the client it is what goes through the broker.
type direct struct {
	*coordinator
	found  *service.Client // of the workers that the registry knows
	files  []int           // that are asked about
	next   atomic.Int64    // of files
	asked  atomic.Int64    // calls that were answered
	tries  atomic.Int64
	wrong  atomic.Int64
	killed atomic.Int64 // the process id
}

// callDirectly makes the calls and adds what it says to the report.
func (c *coordinator) callDirectly(ctx context.Context) (err error) {
	d := &direct{coordinator: c, files: c.report.sample(directAsked, largestDirect)}
	if len(d.files) == 0 {
		return nil
	}
	c.screen.print("  some of it once more, without the broker\n")
	d.found, err = service.NewClient(c.zmq, censusv1mittere.CensusServiceName,
		service.FromRegistry(c.names.Endpoints()[0]), service.WithSocket(socketOptions()...))
	if err != nil {
		return err
	}
	if err = await(ctx, "workers can be called directly", c.options.workers, d.ready); err == nil {
		err = d.askAll(ctx)
	}
	c.report.direct, c.report.differing = d.text(), int(d.wrong.Load())
	return errors.Join(err, d.found.Close())
}

// ready returns how many workers can be called.
func (d *direct) ready() (n int) {
	for _, m := range d.found.Members() {
		if m.Ready {
			n++
		}
	}
	return n
}

// askAll asks about all files, several at once.
func (d *direct) askAll(ctx context.Context) error {
	stub := censusv1mittere.NewCensusServiceClient(call.Intercept(d.found, d.countTries))
	var callers sync.WaitGroup
	failures := make([]error, directAtOnce)
	for i := range failures {
		callers.Go(func() { failures[i] = d.askSome(ctx, stub) })
	}
	callers.Wait()
	return errors.Join(failures...)
}

// countTries is an interceptor that counts the tries of each call.
func (d *direct) countTries(next call.Invoker) call.Invoker {
	return func(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
		err := next(ctx, r, each)
		d.tries.Add(int64(r.Attempt))
		return err
	}
}

// askSome asks about one file after the other, until all have been asked about.
func (d *direct) askSome(ctx context.Context, stub *censusv1mittere.CensusServiceClient) error {
	for {
		i := int(d.next.Add(1) - 1)
		if i >= len(d.files) {
			return nil
		}
		if i == len(d.files)/3 {
			d.killOne()
		}
		if err := d.askOne(ctx, stub, d.files[i]); err != nil {
			return err
		}
	}
}

// killOne kills a worker in the middle of its work.
func (d *direct) killOne() {
	for _, m := range d.found.Members() {
		if pid := workerPid(m.Instance.GetId()); d.fleet.kill(pid) {
			d.killed.Store(pid)
			return
		}
	}
}

// askOne asks about one file and compares what is found with what was found before.
func (d *direct) askOne(ctx context.Context, stub *censusv1mittere.CensusServiceClient, file int) error {
	f := d.report.tree.files[file]
	content, same, err := d.report.tree.read(f)
	if err != nil || !same {
		return nil // it changed meanwhile
	}
	found, err := d.called(ctx, stub, file, content)
	if err != nil {
		return fmt.Errorf("%s, directly: %w", printable(f.path), err)
	}
	d.asked.Add(1)
	if found != *d.report.entries[file].found {
		d.wrong.Add(1)
	}
	return nil
}

// text tells what was done.
func (d *direct) text() string {
	return fmt.Sprintf("directly, by a registry at %s: %s answered, %d wrong; worker %d killed, %s tried again\n",
		d.names.Endpoints()[0], plural(int(d.asked.Load()), "call"), d.wrong.Load(), d.killed.Load(),
		plural(int(d.tries.Load()-d.asked.Load()), "call"))
}
