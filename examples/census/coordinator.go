package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

// coordinator has the files of a tree counted by workers. The broker and the
// registry are in its process: they are a few lines in any Go program.
type coordinator struct {
	options    options
	report     *report
	screen     *screen
	meter      *meter
	zmq        *comm.Context
	broker     *broker.Broker
	names      *registry.Server
	subscriber *messaging.Subscriber
	client     *service.Client // of the workers, through the broker
	fleet      *fleet
}

// coordinate has every file counted by a worker. When it returns, no worker is left.
func coordinate(ctx context.Context, t *tree, o options, s *screen) (*report, error) {
	c := newCoordinator(t, o, s)
	err := c.open()
	if err == nil {
		err = c.run(ctx, c.work)
	}
	return c.report, errors.Join(err, c.close())
}

// newCoordinator returns a coordinator that has nothing yet.
func newCoordinator(t *tree, o options, s *screen) *coordinator {
	return &coordinator{options: o, report: newReport(t), screen: s, meter: newMeter(len(t.files))}
}

// open makes everything that listens, and the client. Nothing works before run.
func (c *coordinator) open() (err error) {
	if c.zmq, err = comm.NewContext(); err != nil {
		return err
	}
	c.broker, err = broker.New(c.zmq, inside+","+loopback, broker.WithSocket(socketOptions()...),
		broker.WithLimits(broker.Limits{Bytes: 2 * mostBytesOut}), broker.WithDrainTimeout(0), broker.WithLogger(silent))
	if err != nil {
		return err
	}
	c.names, err = registry.NewServer(c.zmq, loopback, registry.WithLogger(silent))
	if err != nil {
		return err
	}
	// A subscriber connects unless "@" tells it to bind.
	c.subscriber, err = messaging.NewSubscriber(c.zmq, "@"+loopback, messaging.WithSocket(socketOptions()...),
		messaging.WithTopics(messaging.OfSubtree((*censusv1.Progress)(nil), "worker")))
	if err != nil {
		return err
	}
	c.client, err = service.NewClient(c.zmq, censusv1mittere.CensusServiceName,
		service.FromBroker(inside), service.WithSocket(socketOptions()...))
	return err
}

// close closes what open made.
func (c *coordinator) close() error {
	var wrong []error
	if c.client != nil {
		wrong = append(wrong, c.client.Close())
	}
	if c.names != nil {
		wrong = append(wrong, c.names.Close())
	}
	if c.broker != nil {
		wrong = append(wrong, c.broker.Close())
	}
	if c.zmq != nil {
		wrong = append(wrong, c.zmq.Close()) // and the sockets that are left
	}
	return errors.Join(wrong...)
}

// run has a job done while broker, registry and workers run.
func (c *coordinator) run(ctx context.Context, job func(context.Context) error) error {
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
	err := c.withWorkers(ctx, fail, job)
	stop()
	running.Wait()
	return cmp.Or(context.Cause(ctx), err) // what ended ctx is why the job failed
}

// withWorkers has a job done while the workers run.
func (c *coordinator) withWorkers(ctx context.Context, fail context.CancelCauseFunc, job func(context.Context) error) error {
	c.fleet = newFleet(workerFlag, c.endpoint(), c.names.Endpoints()[0], c.subscriber.Endpoints()[0], c.options.slow.String())
	c.fleet.replaced = func(pid int64) { c.screen.print(fmt.Sprintf("  worker %d takes over\n", pid)) }
	pids, err := c.fleet.start(ctx, c.options.workers, fail)
	if err != nil {
		return err
	}
	defer c.fleet.stop()
	c.screen.print(c.picture(pids))
	return job(ctx)
}

// endpoint is where others reach the broker.
func (c *coordinator) endpoint() string { return c.broker.Endpoints()[1] }

// work is the job: all files through the broker, some of them once more without it,
// and what the broker says of itself then.
func (c *coordinator) work(ctx context.Context) error {
	if err := await(ctx, "workers are there", c.options.workers, c.registered); err != nil {
		return err
	}
	if err := c.count(ctx); err != nil {
		return err
	}
	if err := c.callDirectly(ctx); err != nil {
		return err
	}
	return c.view(ctx)
}

// registered returns how many of the workers that run are known to the broker, or -1
// while it still knows others.
func (c *coordinator) registered() (n int) {
	for _, w := range c.workers() {
		if !c.fleet.runs(workerPid(w.Offer.Name)) {
			return -1
		}
		n++
	}
	return n
}

// workers returns what the broker knows of the workers, its own one aside.
func (c *coordinator) workers() (workers []broker.WorkerView) {
	for _, w := range c.broker.Workers() {
		if !w.Offer.Own {
			workers = append(workers, w)
		}
	}
	return workers
}

// awaitTime is how long workers may take to be there.
const awaitTime = 30 * time.Second

// await waits until a number is what it should be.
func await(ctx context.Context, what string, want int, number func() int) error {
	ctx, cancel := context.WithTimeout(ctx, awaitTime)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		n := number()
		if n == want {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d %s: %w", max(n, 0), want, what, context.Cause(ctx))
		}
	}
}
