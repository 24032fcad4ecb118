package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mittere/mittere/comm"
	censusv1 "github.com/mittere/mittere/gen/census/v1"
	"github.com/mittere/mittere/gen/census/v1/censusv1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/broker"
)

const (
	// loopback is a free port that only this host reaches.
	loopback = "tcp://127.0.0.1:*"
	// inside is where this process itself reaches the broker, which costs less.
	inside = "inproc://broker"
)

// coordinator has the files of a tree counted by workers. The broker and the registry are
// in its process: they are a few lines in any Go program.
type coordinator struct {
	options
	tree       *tree
	out        io.Writer
	zctx       *comm.Context
	broker     *broker.Broker
	names      *registry.Server
	subscriber *messaging.Subscriber // of the progress of workers
	client     *service.Client       // of the workers, through the broker
	fleet      *fleet
	tally      tally
}

// census counts a tree and prints what is in it. When it returns, no worker is left.
func census(ctx context.Context, o options, out io.Writer) error {
	t, err := openTree(ctx, o.dir)
	if err != nil {
		return err
	}
	c := &coordinator{options: o, tree: t, out: out}
	if err = c.open(); err == nil {
		err = c.run(ctx)
	}
	return errors.Join(err, c.close())
}

// open makes everything that listens, and the client. Nothing works before run.
func (c *coordinator) open() (err error) {
	if c.zctx, err = comm.NewContext(); err != nil {
		return err
	}
	c.broker, err = broker.New(c.zctx, inside+","+loopback, broker.WithDrainTimeout(0), broker.WithLogger(silent))
	if err != nil {
		return err
	}
	if c.names, err = registry.NewServer(c.zctx, loopback, registry.WithLogger(silent)); err != nil {
		return err
	}
	// A subscriber connects unless "@" tells it to bind.
	c.subscriber, err = messaging.NewSubscriber(c.zctx, "@"+loopback,
		messaging.WithTopics(messaging.OfSubtree((*censusv1.Progress)(nil), "worker")))
	if err != nil {
		return err
	}
	c.client, err = service.NewClient(c.zctx, censusv1mittere.CensusServiceName, service.FromBroker(inside))
	return err
}

// close closes what open made.
func (c *coordinator) close() (err error) {
	if c.client != nil {
		err = c.client.Close()
	}
	if c.names != nil {
		err = errors.Join(err, c.names.Close())
	}
	if c.broker != nil {
		err = errors.Join(err, c.broker.Close())
	}
	if c.zctx != nil {
		err = errors.Join(err, c.zctx.Close()) // and the sockets that are left
	}
	return err
}

// run does the work while broker, registry and workers run.
func (c *coordinator) run(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	// Workers take leave of both, also when ctx has ended.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{c.broker.Run, c.names.Run} {
		running.Go(func() {
			if err := run(serving); err != nil {
				fail(err)
			}
		})
	}
	c.fleet = &fleet{
		arguments: []string{workerArgument, c.endpoint(), c.names.Endpoints()[0], c.subscriber.Endpoints()[0], c.slow.String()},
		replaced:  func(pid int) { c.printf("  %s takes over\n", workerName(pid)) },
	}
	err := c.fleet.start(ctx, c.workers, fail)
	if err == nil {
		err = c.work(ctx)
		c.fleet.stop()
	}
	stop()
	running.Wait()
	return cmp.Or(context.Cause(ctx), err) // what ended ctx is why the work failed
}

// work has all files counted through the broker, some of them once more without it, and
// tells what the broker says of itself then.
func (c *coordinator) work(ctx context.Context) error {
	c.printf("census of %s: %d files, %d workers\n", c.tree.root, len(c.tree.files), c.workers)
	c.printf("  process %d has the broker at %s and the registry at %s\n", os.Getpid(), c.endpoint(), c.names.Endpoints()[0])
	c.printf("  mittere workers --watch --broker %s shows the workers while this runs\n", c.endpoint())
	for _, step := range []func(context.Context) error{c.awaitWorkers, c.count, c.callDirectly, c.awaitWorkers, c.view} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return c.conclude()
}

// endpoint is where others reach the broker.
func (c *coordinator) endpoint() string { return c.broker.Endpoints()[1] }

// printf prints text. Any goroutine may call it.
func (c *coordinator) printf(format string, args ...any) {
	c.tally.Lock()
	defer c.tally.Unlock()
	fmt.Fprintf(c.out, format, args...)
}

// awaitWorkers waits until the broker knows all workers that run, and no other.
func (c *coordinator) awaitWorkers(ctx context.Context) error {
	return await(ctx, "the workers", func() bool {
		n := 0
		for _, w := range c.broker.Workers() {
			if c.fleet.has(w.Offer.Name) {
				n++
			} else if !w.Offer.Own {
				return false // one that was killed
			}
		}
		return n == c.workers
	})
}

// await waits until something is so, for half a minute at most.
func await(ctx context.Context, what string, is func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		}
	}
	return nil
}
