package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/mittere/mittere/comm"
	censusv1 "github.com/mittere/mittere/gen/census/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// progressInterval is how often a worker tells how far it is.
const progressInterval = 100 * time.Millisecond

// worker counts the files that it is sent. Its handler and its hooks run one at
// a time, so nothing here needs a lock.
type worker struct {
	pid       int64
	dealer    *messaging.Dealer
	publisher *messaging.Publisher
	done      *censusv1.Progress
	published uint64 // files in the last progress
}

// work is the whole of a worker process, until its standard input is closed.
func work(router, subscriber string) error {
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
	w, err := newWorker(zmq, router, subscriber)
	if err == nil {
		err = w.run(ctx)
	}
	return errors.Join(err, zmq.Close())
}

// newWorker returns a worker whose sockets connect to the coordinator's.
func newWorker(zmq *comm.Context, router, subscriber string) (*worker, error) {
	dealer, err := messaging.NewDealer(zmq, router, messaging.WithSocket(socketOptions()...))
	if err != nil {
		return nil, err
	}
	// A publisher binds unless ">" tells it to connect.
	publisher, err := messaging.NewPublisher(zmq, ">"+subscriber, messaging.WithSocket(socketOptions()...))
	if err != nil {
		return nil, err
	}
	pid := int64(os.Getpid())
	return &worker{pid: pid, dealer: dealer, publisher: publisher, done: &censusv1.Progress{Pid: pid}}, nil
}

// run answers requests until ctx ends.
func (w *worker) run(ctx context.Context) error {
	handlers := reactor.NewHandlers()
	reactor.Handle(handlers, w.count)
	r, err := reactor.New(handlers, []reactor.Socket{w.dealer},
		reactor.WithStart(w.hello),
		reactor.WithTimer(progressInterval, w.publish))
	if err != nil {
		return err
	}
	return r.Run(ctx)
}

// hello tells the coordinator that this worker is there.
func (w *worker) hello(ctx context.Context) error {
	return w.dealer.Send(ctx, &censusv1.Hello{Pid: w.pid})
}

// count is the handler: what it returns is sent back to where r came from.
func (w *worker) count(_ context.Context, r *censusv1.CountRequest) (*censusv1.CountResponse, error) {
	response := inspect(r.GetPath(), r.GetContent()).response()
	response.Id, response.Pid = r.GetId(), w.pid
	w.done.Files++
	w.done.Bytes += uint64(len(r.GetContent()))
	return response, nil
}

// publish tells everyone who subscribed how far this worker is.
func (w *worker) publish(ctx context.Context) error {
	if w.done.Files == w.published {
		return nil
	}
	w.published = w.done.Files
	return w.publisher.Send(ctx, w.done, messaging.Subject("worker", strconv.FormatInt(w.pid, 10)))
}

// socketOptions returns what all sockets of this program have in common: room for
// the largest file, and that nothing is kept for anybody when the job is done.
func socketOptions() []comm.Option {
	const envelope = 64 << 10 // names and the like, around a file
	return []comm.Option{comm.WithMaxFrameSize(largestFile + envelope), comm.WithLinger(0)}
}
