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
	// filesAtOnce is how many files a worker has at once: one that it counts and a
	// few on their way, so that it need not wait for them.
	filesAtOnce = 4
	// progressInterval is how often a worker tells how far it is.
	progressInterval = 100 * time.Millisecond
	// lease is how long the registry takes a killed worker for alive; its callers
	// notice at once.
	lease = time.Second
)

// worker counts the files that it is sent. What it embeds answers methods that a
// later schema may add.
type worker struct {
	censusv1mittere.UnimplementedCensusServiceHandler
	pid          int64
	slow         time.Duration
	publisher    *messaging.Publisher
	files, bytes atomic.Uint64 // that it has counted; handlers run beside each other
}

// work is the whole of a worker process, until its standard input is closed.
func work(o options) error {
	// Ctrl-C goes to all processes of a terminal; the coordinator ends this one.
	signal.Ignore(os.Interrupt)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the coordinator, however that ends
	}()
	zmq, err := comm.NewContext()
	if err != nil {
		return err
	}
	return errors.Join(serve(ctx, zmq, o), zmq.Close())
}

// serve counts files until ctx ends. A service.Server with a broker and a registry serves
// two sockets: one gets calls from the broker; the other, at a free port that the registry
// tells, gets the calls of clients that connect directly.
func serve(ctx context.Context, zmq *comm.Context, o options) error {
	// A publisher binds unless ">" tells it to connect.
	publisher, err := messaging.NewPublisher(zmq, ">"+o.subscriber, messaging.WithSocket(socketOptions()...))
	if err != nil {
		return err
	}
	w := &worker{pid: int64(os.Getpid()), slow: o.slow, publisher: publisher}
	handlers := reactor.NewHandlers()
	censusv1mittere.RegisterCensusService(handlers, w)
	served, err := service.NewServer(zmq, "", handlers, service.WithBroker(o.broker),
		service.WithID(workerName(w.pid)), service.WithLimits(filesAtOnce, filesAtOnce),
		service.WithRegistry(o.registry), service.WithLease(lease), service.WithDrainTimeout(0),
		service.WithSocket(socketOptions()...), service.WithLogger(silent))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var telling sync.WaitGroup
	telling.Go(func() { w.tell(ctx) })
	if err = served.Run(ctx); ctx.Err() != nil {
		err = nil // that calls were left undone is of interest to nobody any more
	}
	stop()
	telling.Wait()
	return errors.Join(err, served.Close())
}

// workerName is what a worker is called, and workerPid the process id in that.
func workerName(pid int64) string { return fmt.Sprint("worker-", pid) }

// workerPid returns the process id of a worker; 0 if the name is not one's.
func workerPid(name string) (pid int64) {
	_, _ = fmt.Sscanf(name, "worker-%d", &pid)
	return pid
}

// Count is the handler of the service's only method: what it returns is sent back
// to where r came from.
func (w *worker) Count(ctx context.Context, r *censusv1.CountRequest) (*censusv1.CountResponse, error) {
	if w.slow > 0 {
		select {
		case <-time.After(w.slow):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	response := inspect(r.GetPath(), r.GetContent()).response()
	w.files.Add(1)
	w.bytes.Add(uint64(len(r.GetContent())))
	return response, nil
}

// tell publishes how far this worker is, now and then until ctx ends.
func (w *worker) tell(ctx context.Context) {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	var told uint64
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		files := w.files.Load()
		if files == told {
			continue
		}
		told = files
		// A publisher does not know who hears it; what gets lost does no harm.
		_ = w.publisher.Send(ctx, &censusv1.Progress{Pid: w.pid, Files: files, Bytes: w.bytes.Load()},
			messaging.Subject("worker", strconv.FormatInt(w.pid, 10)))
	}
}

// silent is the logger of a program that has a screen to say things on.
var silent = slog.New(slog.DiscardHandler)

// socketOptions returns what all sockets of this program have in common: room for
// the largest file, and that nothing is kept for anybody when the job is done.
func socketOptions() []comm.Option {
	const envelope = 64 << 10 // names and the like, around a file
	return []comm.Option{comm.WithMaxFrameSize(largestFile + envelope), comm.WithLinger(0)}
}
