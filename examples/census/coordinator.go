package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mittere/mittere/comm"
	censusv1 "github.com/mittere/mittere/gen/census/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// loopback is a free port that only this host reaches.
const loopback = "tcp://127.0.0.1:*"

// coordinator hands files to workers and takes their answers. It is a reactor on
// two sockets: its handlers and hooks run one at a time, so nothing here needs a
// lock.
type coordinator struct {
	options    options
	tree       *tree
	ledger     *ledger
	screen     *screen
	meter      *meter
	report     *report
	fleet      *fleet
	router     *messaging.Router
	subscriber *messaging.Subscriber
	ways       map[int64]messaging.ReturnPath // to the workers, by process id
	killed     bool                           // whether a worker was
	finish     context.CancelFunc
}

// newCoordinator returns a coordinator for a tree.
func newCoordinator(t *tree, o options, s *screen) *coordinator {
	return &coordinator{
		options: o,
		tree:    t,
		ledger:  newLedger(t.sizes(), o.limits),
		screen:  s,
		meter:   newMeter(len(t.files)),
		ways:    map[int64]messaging.ReturnPath{},
		report:  newReport(t),
	}
}

// count has every file counted by a worker. When it returns, no worker is left.
func (c *coordinator) count(ctx context.Context) (*report, error) {
	zmq, err := comm.NewContext()
	if err != nil {
		return nil, err
	}
	if err = c.open(zmq); err == nil {
		err = c.run(ctx)
	}
	return c.report, errors.Join(err, zmq.Close())
}

// open makes the sockets.
func (c *coordinator) open(zmq *comm.Context) (err error) {
	c.router, err = messaging.NewRouter(zmq, loopback, messaging.WithSocket(socketOptions()...))
	if err != nil {
		return err
	}
	// A subscriber connects unless "@" tells it to bind.
	c.subscriber, err = messaging.NewSubscriber(zmq, "@"+loopback, messaging.WithSocket(socketOptions()...),
		messaging.WithTopics(messaging.OfSubtree((*censusv1.Progress)(nil), "worker")))
	return err
}

// run starts the workers, works until every file is settled, and ends them.
func (c *coordinator) run(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	router, subscriber := c.router.Endpoints()[0], c.subscriber.Endpoints()[0]
	c.fleet = newFleet(workerFlag, router, subscriber)
	pids, err := c.fleet.start(ctx, c.options.workers, fail)
	if err != nil {
		return err
	}
	defer c.fleet.stop()
	c.screen.print(picture(router, subscriber, pids))
	err = c.react(ctx)
	return errors.Join(err, context.Cause(ctx))
}

// react runs the reactor until every file is settled or ctx ends.
func (c *coordinator) react(ctx context.Context) error {
	ctx, c.finish = context.WithCancel(ctx)
	defer c.finish()
	handlers := reactor.NewHandlers()
	reactor.Observe(handlers, c.welcome)
	reactor.Observe(handlers, c.take)
	reactor.Observe(handlers, c.show)
	r, err := reactor.New(handlers, []reactor.Socket{c.router, c.subscriber},
		reactor.WithStart(c.begin),
		reactor.WithTimer(c.options.beat(), c.tick))
	if err != nil {
		return err
	}
	err = r.Run(ctx)
	c.conclude()
	return err
}

// begin is called before the first message.
func (c *coordinator) begin(ctx context.Context) error {
	c.meter.began = time.Now()
	return c.advance(ctx)
}

// welcome enters a worker and keeps the way to it.
func (c *coordinator) welcome(ctx context.Context, hello *censusv1.Hello) error {
	pid := hello.GetPid()
	c.ways[pid] = reactor.CallFrom(ctx).Delivery.ReturnPath()
	c.ledger.joined(pid)
	if len(c.ways) > c.options.workers {
		c.screen.print(fmt.Sprintf("  worker %d takes over\n", pid))
	}
	return c.advance(ctx)
}

// take takes what a worker found in a file, if it is the first to answer.
func (c *coordinator) take(ctx context.Context, r *censusv1.CountResponse) error {
	found, err := findingOf(r)
	if err != nil {
		return messaging.Errorf(messaging.InvalidArgument, "answer %d of worker %d: %w", r.GetId(), r.GetPid(), err)
	}
	if c.ledger.answered(r.GetPid(), int(r.GetId())) {
		c.report.answers = append(c.report.answers, answer{file: int(r.GetId()), finding: found})
	}
	return c.advance(ctx)
}

// show draws how far a worker says it is.
func (c *coordinator) show(_ context.Context, p *censusv1.Progress) error {
	c.meter.enter(p)
	c.screen.show(c.meter, time.Now())
	return nil
}

// tick lets time pass in the ledger and on the screen.
func (c *coordinator) tick(ctx context.Context) error {
	c.ledger.ticked(time.Now())
	c.screen.show(c.meter, time.Now())
	return c.advance(ctx)
}

// advance asks what is to be asked now, and ends the run when all is done.
func (c *coordinator) advance(ctx context.Context) error {
	for q, ok := c.ledger.next(time.Now()); ok; q, ok = c.ledger.next(time.Now()) {
		c.ask(ctx, q)
	}
	if c.ledger.done() {
		c.finish()
	}
	return nil
}

// ask sends a file to a worker.
func (c *coordinator) ask(ctx context.Context, q question) {
	content, err := c.report.read(q.file)
	if err != nil {
		c.ledger.unreadable(q.file)
		c.report.omit(q.file, err)
		return
	}
	c.sabotage(q)
	// What cannot be sent, since the worker is gone or its queue is full, stays
	// without answer like what is lost on the way. The ledger takes care of both.
	_ = c.ways[q.worker].Send(ctx, &censusv1.CountRequest{
		Id:      uint64(q.file),
		Path:    strings.ToValidUTF8(c.tree.files[q.file].path, "\uFFFD"),
		Content: content,
	})
}

// sabotage kills a worker, once in each run, when a quarter of the files have
// been sent: the one that is about to get the next, just before, so that this
// file at least will stay without answer.
func (c *coordinator) sabotage(q question) {
	if c.killed || q.file < len(c.tree.files)/4 || !c.fleet.kill(q.worker) {
		return
	}
	c.killed = true
	c.screen.print(fmt.Sprintf("  killed worker %d, which has %s out\n",
		q.worker, plural(c.ledger.outAt(q.worker), "file")))
}

// conclude puts into the report what is known at the end.
func (c *coordinator) conclude() {
	router, subscriber := c.router.Stats(), c.subscriber.Stats()
	c.report.took = time.Since(c.meter.began)
	c.report.messages = router.Sent + router.Received + subscriber.Received
	c.report.askedAgain = c.ledger.askedAgain()
	if c.ledger.done() {
		c.meter.finish(c.report.bytes())
	}
	c.screen.end(c.meter, time.Now())
}
