package broker_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	dialectv1 "github.com/mittere/mittere/gen/mittere/dialect/v1"
	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/majordomo"
)

// answerer is a worker of some dialect: Run serves until ctx ends, and leaves in good
// order then.
type answerer interface {
	Run(ctx context.Context) error
}

// handler answers a request. Dialects that have parts have send to say one before the
// end; for others it is nil. Its context ends when nobody waits for the answer, if the
// worker is told.
type handler func(ctx context.Context, request content, send func(content) error) (content, error)

// silent has a worker log nothing.
var silent = slog.New(slog.DiscardHandler)

// newNativeWorker returns a reactor behind the broker. It has handlers for Frames, for
// the method Echo and the type of its request, and for the type Note, which it answers
// with a stream.
func newNativeWorker(t testing.TB, zmq *comm.Context, at places, handle handler) answerer {
	h := reactor.NewHandlers()
	reactor.Handle(h, func(ctx context.Context, r *dialectv1.Frames) (*dialectv1.Frames, error) {
		answer, err := handle(ctx, bodyOf(r.GetFrames()), nil)
		return &dialectv1.Frames{Frames: answer.frames()}, err
	})
	echo := func(ctx context.Context, r *testv1.EchoRequest) (*testv1.EchoResponse, error) {
		return typed[*testv1.EchoResponse](handle(ctx, must(bodyIn(r))(t), nil))
	}
	reactor.Handle(h, echo)
	reactor.HandleMethod(h, testv1.File_mittere_test_v1_test_proto.Services().ByName("EchoService").Methods().ByName("Echo"), echo)
	reactor.Stream(h, func(ctx context.Context, r *testv1.Note, send func(*testv1.Note) error) error {
		part := func(b content) error {
			note, err := typed[*testv1.Note](b, nil)
			if err != nil {
				return err
			}
			return send(note)
		}
		end, err := handle(ctx, must(bodyIn(r))(t), part)
		if err != nil {
			return err
		}
		return part(end)
	})
	return must(service.NewServer(zmq, suiteService, h, service.WithBroker(at.main), service.WithLogger(silent),
		service.WithLimits(suiteInFlight, 1)))(t)
}

// typed returns what a handler returned as a message of one type.
func typed[M proto.Message](b content, err error) (m M, _ error) {
	if err != nil {
		return m, err
	}
	some, err := b.message()
	if err != nil {
		return m, err
	}
	m, ok := some.(M)
	if !ok {
		return m, messaging.Errorf(messaging.Internal, "an answer of type %T", some)
	}
	return m, nil
}

// newMajordomoWorker returns a constructor of workers of MDP.
func newMajordomoWorker(v majordomo.Version) func(testing.TB, *comm.Context, places, handler) answerer {
	return func(t testing.TB, zmq *comm.Context, at places, handle handler) answerer {
		options := []majordomo.WorkerOption{
			majordomo.WithVersion(v), majordomo.WithLogger(silent), majordomo.WithHeartbeat(suiteHeartbeat, suiteLiveness),
		}
		if v == majordomo.V1 {
			return must(majordomo.NewWorker(zmq, at.main, suiteService, func(ctx context.Context, r [][]byte) ([][]byte, error) {
				answer, err := handle(ctx, bodyOf(r), nil)
				return answer.frames(), err
			}, options...))(t)
		}
		return must(majordomo.NewPartsWorker(zmq, at.main, suiteService,
			func(ctx context.Context, r [][]byte, send func(...[]byte) error) ([][]byte, error) {
				answer, err := handle(ctx, bodyOf(r), func(part content) error { return send(part.frames()...) })
				return answer.frames(), err
			}, options...))(t)
	}
}

// The first words of pirate workers, which are their heartbeats too but for RFC 6.
const (
	pirateReady       = "\x01"
	pirateBeat        = "\x02"
	dividereHeartbeat = "\x0a\x09Heartbeat\x12\x1f\x0a\x1dtype.googleapis.com/Heartbeat"
)

// pirateWorker speaks RFC 6, with the heartbeat of that or of dīvidere's messaging
// layer. It answers each of the broker's.
type pirateWorker struct {
	*comm.Dealer
	ready, beat string
	handle      handler
	working     sync.WaitGroup
}

// newPirateWorker returns a constructor of pirate workers.
func newPirateWorker(ready, beat string) func(testing.TB, *comm.Context, places, handler) answerer {
	return func(t testing.TB, zmq *comm.Context, at places, handle handler) answerer {
		return &pirateWorker{Dealer: must(comm.NewDealer(zmq, at.back))(t), ready: ready, beat: beat, handle: handle}
	}
}

// Run serves. What it has when ctx ends is answered; there is no word to take leave.
func (p *pirateWorker) Run(ctx context.Context) error {
	handling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer p.Close()
	defer p.working.Wait()
	defer cancel()
	p.say(p.ready)
	for {
		m, err := p.Recv(ctx)
		switch {
		case errors.Is(err, comm.Closed):
			return err
		case err != nil: // ctx ended
			p.working.Wait() // before it is cancelled
			return nil
		}
		got := bodyOf(m.Frames)
		m.Release()
		if len(got) == 1 {
			p.say(p.beat)
			continue
		}
		p.working.Go(func() {
			answer, err := p.handle(handling, got[2:], nil)
			if err != nil {
				answer = bodyOfFailure(err)
			}
			p.say(append(got[:2:2], answer...)...)
		})
	}
}

// say sends a message, unless the socket was closed.
func (p *pirateWorker) say(frames ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = p.Send(ctx, messageOf(frames...))
}

// hired is a worker that runs.
type hired struct {
	*pairing
	zmq   *comm.Context // its own
	stop  context.CancelFunc
	ended chan struct{}
	err   error // of Run, once it ended
}

// hire runs a worker, and waits until the broker knows it.
func (p *pairing) hire(handle handler) *hired {
	p.t.Helper()
	before := len(p.workers())
	zmq := must(comm.NewContext(comm.WithPoison(), comm.WithLogger(silent)))(p.t)
	ctx, stop := context.WithCancel(context.Background())
	h := &hired{pairing: p, zmq: zmq, stop: stop, ended: make(chan struct{})}
	w := p.worker.open(p.t, zmq, p.at, handle)
	go func() {
		defer close(h.ended)
		h.err = w.Run(ctx)
		if c, ok := w.(io.Closer); ok {
			_ = c.Close()
		}
	}()
	p.t.Cleanup(h.die) // which is sooner done than to leave
	eventually(p.t, "the worker is there", func() bool { return len(p.workers()) == before+1 })
	return h
}

// leave ends a worker in good order.
func (h *hired) leave() {
	h.t.Helper()
	h.stop()
	await(h.pairing, "the worker ends", h.ended)
	ok(h.t, h.err)
}

// die ends a worker as if its process had died: its connection ends, and nothing is said.
func (h *hired) die() {
	_ = h.zmq.Close()
	<-h.ended // by that alone: when told to stop it would let requests end
	h.stop()
}
