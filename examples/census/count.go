package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	censusv1 "github.com/mittere/mittere/gen/census/v1"
	"github.com/mittere/mittere/gen/census/v1/censusv1mittere"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service/broker"
)

// patience is how long the count of a file may take, whichever worker has it.
const patience = time.Minute

// count has every file counted, several at once, and tells how far that is. A worker is
// killed meanwhile; the broker gives what it had to others.
func (c *coordinator) count(ctx context.Context) error {
	began := time.Now()
	hearing, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	var unheard error
	beside.Go(func() { unheard = c.hear(hearing) })
	files := make(chan string)
	beside.Go(func() {
		defer close(files)
		for i, file := range c.tree.files {
			if i == len(c.tree.files)/4 {
				victim := c.freeze()
				beside.Go(func() { c.finishOff(hearing, victim) })
			}
			files <- file
		}
	})
	stub := censusv1mittere.NewCensusServiceClient(c.client)
	var callers sync.WaitGroup
	for range filesAtOnce * c.workers {
		callers.Go(func() {
			for file := range files {
				c.ask(ctx, stub, file, c.tally.add)
			}
		})
	}
	callers.Wait()
	took := time.Since(began).Seconds()
	stop()
	beside.Wait()
	counters := c.broker.Stats().Counters
	c.printf("  %d requests, %d answered, %d given to another worker, in %.1f s: %.0f files/s\n",
		counters.Requests, counters.Answered, counters.Redelivered, took, float64(c.tally.all.files)/took)
	return unheard
}

// ask has one file counted and compares the answer with a count that is made without
// messages. counted is told of a right one.
func (c *coordinator) ask(ctx context.Context, stub *censusv1mittere.CensusServiceClient, file string, counted func(string, *censusv1.CountResponse)) {
	content, ok := c.tree.read(file)
	if !ok || ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	path := strings.ToValidUTF8(file, "\uFFFD") // as a string in protobuf must be
	// If a worker dies with it the broker gives it to another one: the method may be
	// repeated, as its schema says.
	got, err := stub.Count(ctx, &censusv1.CountRequest{Path: path, Content: content})
	switch {
	case err != nil:
		c.tally.fault("%q has no answer: %v", file, err)
	case !proto.Equal(got, inspect(path, content)):
		c.tally.fault("%q has a wrong answer: %v", file, got)
	default:
		counted(file, got)
	}
}

// hear is a reactor that hears what workers publish, and tells each second, until ctx ends.
func (c *coordinator) hear(ctx context.Context) error {
	progress := map[int64]uint64{} // files, by process
	handlers := reactor.NewHandlers()
	reactor.Observe(handlers, func(_ context.Context, p *censusv1.Progress) error {
		progress[p.GetPid()] = p.GetFiles()
		return nil
	})
	// Handlers and hooks of a reactor without a pool never run beside each other.
	tell := func(context.Context) error {
		var files uint64
		for _, n := range progress {
			files += n
		}
		c.printf("  %d of %d files, as %d workers say\n", files, len(c.tree.files), len(progress))
		return nil
	}
	r, err := reactor.New(handlers, []reactor.Socket{c.subscriber}, reactor.WithTimer(time.Second, tell))
	if err != nil {
		return err
	}
	return r.Run(ctx)
}

// freeze stops the worker that has most files, so that it surely has some when it is
// killed. It returns its name, empty if there is none.
func (c *coordinator) freeze() (victim string) {
	workers := c.broker.Workers()
	slices.SortStableFunc(workers, func(a, b broker.WorkerView) int { return cmp.Compare(b.InFlight, a.InFlight) })
	for _, w := range workers {
		if c.fleet.freeze(w.Offer.Name) {
			return w.Offer.Name
		}
	}
	return ""
}

// finishOff kills a frozen worker when it has files, and what it sent before has come; or
// when the work is done.
func (c *coordinator) finishOff(ctx context.Context, victim string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for before := -1; ctx.Err() == nil; {
		now := c.inFlight(victim)
		if now > 0 && now == before {
			c.printf("  %s is killed, files in flight: %d\n", victim, now)
			break
		}
		before = now
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	c.fleet.kill(victim)
}

// inFlight returns how many files a worker has.
func (c *coordinator) inFlight(name string) int {
	for _, w := range c.broker.Workers() {
		if w.Offer.Name == name {
			return w.InFlight
		}
	}
	return 0
}

// conclude prints what is in the tree, and returns what went wrong.
func (c *coordinator) conclude() error {
	c.printf("%s", c.tally.table())
	for _, path := range slices.Sorted(maps.Keys(c.tree.omitted)) {
		c.printf("omitted: %q: %v\n", path, c.tree.omitted[path])
	}
	if err := c.tally.err(); err != nil {
		return err
	}
	c.printf("all %d answers are right\n", c.tally.all.files)
	return nil
}
