package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mittere/mittere/comm"
	censusv1 "github.com/mittere/mittere/gen/census/v1"
	"github.com/mittere/mittere/gen/census/v1/censusv1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

const (
	// filesAtOnce is how many files a worker has at once: one that it counts and a few on
	// their way, so that it need not wait for them.
	filesAtOnce = 4
	// progressInterval is how often a worker tells how far it is.
	progressInterval = 100 * time.Millisecond
	// lease is how long the registry takes a killed worker for alive. Its callers notice
	// at once.
	lease = time.Second
)

// worker counts the files that it is sent.
type worker struct {
	censusv1mittere.UnimplementedCensusServiceHandler // answers what a later schema may add

	slow         time.Duration
	publisher    *messaging.Publisher
	files, bytes atomic.Uint64 // that it has counted; handlers run beside each other
}

// Count is the handler of the service's only method.
func (w *worker) Count(ctx context.Context, r *censusv1.CountRequest) (*censusv1.CountResponse, error) {
	if w.slow > 0 {
		select {
		case <-time.After(w.slow):
		case <-ctx.Done(): // the caller has given up
			return nil, ctx.Err()
		}
	}
	w.files.Add(1)
	w.bytes.Add(uint64(len(r.GetContent())))
	return inspect(r.GetPath(), r.GetContent()), nil
}

// work is the whole of a worker process, until its standard input is closed.
func work(broker, registry, subscriber, slow string) error {
	signal.Ignore(os.Interrupt) // Ctrl-C goes to all processes of a terminal
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent, however that ends
	}()
	pause, err := time.ParseDuration(slow)
	if err != nil {
		return err
	}
	zctx, err := comm.NewContext()
	if err != nil {
		return err
	}
	// A publisher binds unless ">" tells it to connect.
	publisher, err := messaging.NewPublisher(zctx, ">"+subscriber, messaging.WithSocket(comm.WithLinger(0)))
	if err != nil {
		return errors.Join(err, zctx.Close())
	}
	w := &worker{slow: pause, publisher: publisher}
	return errors.Join(w.serve(ctx, zctx, broker, registry), zctx.Close())
}

// serve serves calls that come through the broker, and those that come directly: the
// registry tells clients where this worker listens.
func (w *worker) serve(ctx context.Context, zctx *comm.Context, broker, registry string) error {
	handlers := reactor.NewHandlers()
	censusv1mittere.RegisterCensusService(handlers, w)
	server, err := service.NewServer(zctx, "", handlers, service.WithBroker(broker), service.WithRegistry(registry),
		service.WithID(workerName(os.Getpid())), service.WithLimits(filesAtOnce, filesAtOnce),
		service.WithLease(lease), service.WithDrainTimeout(0), service.WithLogger(silent))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var telling sync.WaitGroup
	telling.Go(func() { w.tell(ctx) })
	if err = server.Run(ctx); ctx.Err() != nil {
		err = nil // that calls were left undone is of no interest any more
	}
	stop()
	telling.Wait()
	return errors.Join(err, server.Close())
}

// tell publishes how far this worker is until ctx ends. A publisher does not know its
// subscribers; what gets lost does no harm.
func (w *worker) tell(ctx context.Context) {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	pid := int64(os.Getpid())
	for {
		select {
		case <-ticker.C:
			_ = w.publisher.Send(ctx, &censusv1.Progress{Pid: pid, Files: w.files.Load(), Bytes: w.bytes.Load()},
				messaging.Subject("worker", strconv.FormatInt(pid, 10)))
		case <-ctx.Done():
			return
		}
	}
}

// workerName is what a worker is called.
func workerName(pid int) string { return fmt.Sprint("worker-", pid) }

// silent is the logger of a program that prints what it does itself.
var silent = slog.New(slog.DiscardHandler)
