package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	censusv1 "github.com/mittere/mittere/gen/census/v1"
	"github.com/mittere/mittere/gen/census/v1/censusv1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
)

// directAsked is about how many files are asked about directly.
const directAsked = 600

// callDirectly has some files counted once more by calls that go to the workers directly:
// a client finds them through the registry, balances over them, and tries again elsewhere
// when one is killed. But for the client it is what goes through the broker.
func (c *coordinator) callDirectly(ctx context.Context) error {
	client, err := service.NewClient(c.zctx, censusv1mittere.CensusServiceName, service.FromRegistry(c.names.Endpoints()[0]))
	if err != nil {
		return err
	}
	err = await(ctx, "workers that can be called directly", func() bool { return ready(client) >= c.workers })
	if err == nil {
		c.askSample(ctx, client)
	}
	return errors.Join(err, client.Close())
}

// ready returns how many instances take calls.
func ready(client *service.Client) (n int) {
	for _, m := range client.Members() {
		if m.Ready {
			n++
		}
	}
	return n
}

// askSample asks about some files, several at once, and kills a worker after a third.
func (c *coordinator) askSample(ctx context.Context, client *service.Client) {
	var answered, tries atomic.Int64
	counting := call.Intercept(client, func(next call.Invoker) call.Invoker {
		return func(ctx context.Context, r *call.Request, each func(*messaging.Envelope) error) error {
			err := next(ctx, r, each)
			tries.Add(int64(r.Attempt))
			return err
		}
	})
	stub := censusv1mittere.NewCensusServiceClient(counting)
	files := make(chan string)
	var callers sync.WaitGroup
	for range 2 * c.workers {
		callers.Go(func() {
			for file := range files {
				c.ask(ctx, stub, file, func(string, *censusv1.CountResponse) { answered.Add(1) })
			}
		})
	}
	killed, step := "", len(c.tree.files)/directAsked+1
	for i := 0; i < len(c.tree.files); i += step {
		if killed == "" && i >= len(c.tree.files)/3 {
			killed = c.killOne(client)
		}
		files <- c.tree.files[i]
	}
	close(files)
	callers.Wait()
	c.printf("  directly, by the registry: %d calls answered, %d tried again, %s killed\n", answered.Load(), tries.Load()-answered.Load(), killed)
}

// killOne kills an instance in the midst of its work, and returns its name.
func (c *coordinator) killOne(client *service.Client) string {
	for _, m := range client.Members() {
		if name := m.Instance.GetId(); c.fleet.kill(name) {
			return name
		}
	}
	return ""
}
