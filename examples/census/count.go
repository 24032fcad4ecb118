package main

import (
	"context"
	"strings"
	"sync"
	"time"

	censusv1 "github.com/mittere/mittere/gen/census/v1"
	"github.com/mittere/mittere/gen/census/v1/censusv1mittere"
	"github.com/mittere/mittere/reactor"
)

// beat is how often the screen is drawn, whatever is heard.
const beat = 100 * time.Millisecond

// count has every file counted, and draws how far that is. A worker is killed
// meanwhile; the broker gives what that had to others.
func (c *coordinator) count(ctx context.Context) error {
	c.meter.began = time.Now()
	hearing, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	var unheard error
	beside.Go(func() { unheard = c.hear(hearing) })
	over := make(chan struct{})
	files := newQueue(c.report.tree.sizes(), func() {
		victim := c.freeze()
		beside.Go(func() { c.finishOff(victim, over) })
	})
	c.callThroughBroker(ctx, files)
	close(over)
	took := time.Since(c.meter.began)
	stop()
	beside.Wait()
	c.conclude(ctx, took)
	return unheard
}

// hear is a reactor that hears what the workers publish, until ctx ends.
func (c *coordinator) hear(ctx context.Context) error {
	handlers := reactor.NewHandlers()
	reactor.Observe(handlers, func(ctx context.Context, p *censusv1.Progress) error {
		c.meter.enter(p)
		return c.draw(ctx)
	})
	r, err := reactor.New(handlers, []reactor.Socket{c.subscriber},
		reactor.WithStart(c.draw),
		reactor.WithTimer(beat, c.draw))
	if err != nil {
		return err
	}
	return r.Run(ctx)
}

// draw draws how far the workers say they are. It is called by the reactor, which
// makes one call at a time.
func (c *coordinator) draw(context.Context) error {
	c.screen.show(c.meter, time.Now())
	return nil
}

// callThroughBroker has the files of a queue counted, several at once.
func (c *coordinator) callThroughBroker(ctx context.Context, files *queue) {
	stub := censusv1mittere.NewCensusServiceClient(c.client)
	var callers sync.WaitGroup
	for range c.options.out {
		callers.Go(func() {
			for file, ok := files.take(); ok; file, ok = files.take() {
				c.ask(ctx, stub, file)
				files.put(file)
			}
		})
	}
	callers.Wait()
}

// ask has one file counted, and enters what comes of it.
func (c *coordinator) ask(ctx context.Context, stub *censusv1mittere.CensusServiceClient, file int) {
	if ctx.Err() != nil {
		return // the run has ended
	}
	entry := &c.report.entries[file]
	content, err := c.report.read(file)
	if err != nil {
		entry.unreadable = err
		return
	}
	found, err := c.called(ctx, stub, file, content)
	if err != nil {
		entry.failed = err
		return
	}
	entry.found = &found
}

// called makes the call of one file. That a worker dies with it is the broker's
// affair, for the method may be repeated, as its schema says.
func (c *coordinator) called(ctx context.Context, stub *censusv1mittere.CensusServiceClient, file int, content []byte) (finding, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.patience)
	defer cancel()
	r, err := stub.Count(ctx, &censusv1.CountRequest{
		Path:    strings.ToValidUTF8(c.report.tree.files[file].path, "\uFFFD"),
		Content: content,
	})
	if err != nil {
		return finding{}, err
	}
	return findingOf(r)
}

// conclude puts into the report what is known when all files were out.
func (c *coordinator) conclude(ctx context.Context, took time.Duration) {
	stats := c.broker.Stats()
	c.report.took = took
	c.report.broker = stats.Counters
	c.report.messages = stats.Received + stats.Sent + c.subscriber.Stats().Received
	if ctx.Err() == nil {
		_, bytes := c.report.counted()
		c.meter.finish(bytes)
	}
	c.screen.end(c.meter, c.meter.began.Add(took))
}
