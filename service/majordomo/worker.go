package majordomo

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/mdp"
	"github.com/mittere/mittere/messaging"
)

// Handler answers a request: the body that a client sent, for the body of the reply. Both
// have one frame or more; a reply without frames is sent as an empty one. Its context ends
// when the answer is not wanted any more: the broker was lost, which gives the request to
// another worker, or the worker stops and its time is up. It has to return then, for the
// worker joins no broker before.
//
// An error, or a panic, is answered with; see the package's section on errors. It is
// called by one goroutine at a time.
type Handler func(ctx context.Context, request [][]byte) (reply [][]byte, err error)

// PartsHandler is a [Handler] that may answer in parts (RFC 18): send sends a PARTIAL, and
// what is returned is the FINAL. send waits while there is no room, may be called by any
// goroutine until the handler has returned, and fails when the context has ended.
type PartsHandler func(ctx context.Context, request [][]byte, send func(part ...[]byte) error) (reply [][]byte, err error)

// Worker serves one service of a broker, a request at a time. It says that it lives also
// while a handler works, and connects again when the broker was silent, sent DISCONNECT,
// or lost the connection: on a new socket, as RFC 7 has it ("Heartbeating", "Opening and
// Closing a Connection"). Nothing that it receives ends it. For more requests at once run
// more workers.
type Worker struct {
	workerConfig
	zctx     *comm.Context
	endpoint string
	service  string
	handle   PartsHandler
	spelling *mdp.Spelling
	started  atomic.Bool
}

// NewWorker returns a worker that serves when it runs.
func NewWorker(zctx *comm.Context, endpoint, service string, handle Handler, options ...WorkerOption) (*Worker, error) {
	var all PartsHandler
	if handle != nil {
		all = func(ctx context.Context, request [][]byte, _ func(...[]byte) error) ([][]byte, error) {
			return handle(ctx, request)
		}
	}
	return newWorker(zctx, endpoint, service, all, newWorkerConfig(V1, options))
}

// NewPartsWorker returns a worker whose handler may answer in parts, which is of [V2]. It
// serves when it runs.
func NewPartsWorker(zctx *comm.Context, endpoint, service string, handle PartsHandler, options ...WorkerOption) (*Worker, error) {
	config := newWorkerConfig(V2, options)
	config.checks.Require(config.version != V1, "%v has no replies in parts", V1)
	return newWorker(zctx, endpoint, service, handle, config)
}

// newWorkerConfig applies options to the defaults.
func newWorkerConfig(v Version, options []WorkerOption) workerConfig {
	c := workerConfig{
		common: newCommon(v), heartbeat: DefaultHeartbeat, liveness: DefaultLiveness,
		reconnectMin: DefaultReconnectMin, reconnectMax: DefaultReconnectMax, drain: DefaultDrainTimeout,
	}
	for _, o := range options {
		o.applyWorker(&c)
	}
	return c
}

// newWorker returns a worker if all that it is made of is right.
func newWorker(zctx *comm.Context, endpoint, service string, handle PartsHandler, c workerConfig) (*Worker, error) {
	c.checks.Require(handle != nil, "the handler must not be nil")
	if err := c.check("worker of "+service, mdp.CheckName(service)); err != nil {
		return nil, err
	}
	w := &Worker{workerConfig: c, zctx: zctx, endpoint: endpoint, service: service, handle: handle, spelling: c.version.spelling()}
	if err := w.try(); err != nil {
		return nil, err
	}
	return w, nil
}

// try opens a socket and closes it, which tells whether the endpoint and the options of
// the socket are any good.
func (w *Worker) try() error {
	dealer, err := comm.NewDealer(w.zctx, w.endpoint, slices.Concat(w.socket, []comm.Option{comm.WithLinger(0)})...)
	if err == nil {
		err = dealer.Close()
	}
	return messaging.FromComm(err)
}

// silence is how long the broker may say nothing.
func (w *Worker) silence() time.Duration { return w.heartbeat * time.Duration(w.liveness) }

// Run serves until ctx ends. Then it lets the request that it has end, for the drain
// timeout, and takes leave with DISCONNECT. It returns nil, unless no socket can be had
// any more, as when the context of comm was closed. It may be called once.
func (w *Worker) Run(ctx context.Context) error {
	if w.started.Swap(true) {
		return messaging.Errorf(messaging.FailedPrecondition, "worker of %s: Run was called before", w.service)
	}
	pause := w.reconnectMin
	for ctx.Err() == nil {
		greeted, err := w.join(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, comm.Closed):
			return messaging.FromComm(err)
		case greeted:
			pause = w.reconnectMin
		}
		w.log.Warn("majordomo: the broker was lost", "service", w.service, "endpoint", w.endpoint, "why", err, "again in", pause)
		wait(ctx, pause)
		pause = min(2*pause, w.reconnectMax)
	}
	return nil
}

// wait waits, at most until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}
