package majordomo_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/service/broker"
	"github.com/mittere/mittere/service/majordomo"
)

const (
	// patience ends tests that would hang for ever; nothing is measured with it.
	patience = 30 * time.Second
	// heartbeat makes tests notice soon who is dead.
	heartbeat = 100 * time.Millisecond
	// liveness times heartbeat is long for a machine that has other things to do.
	liveness = 5
)

// must takes what a constructor returns: must(NewX(...))(t) is the X.
func must[T any](made T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
}

// ok ends the test if there is an error.
func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patient returns a context for what must not hang.
func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// await waits for what a test is told by a channel.
func await[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-patient(t).Done():
		t.Fatal("waited too long")
		panic("unreachable")
	}
}

// quiet is a log that nobody reads.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// newContext returns a context that ends with the test.
func newContext(t testing.TB) *comm.Context {
	t.Helper()
	zmq := must(comm.NewContext())(t)
	t.Cleanup(func() { ok(t, zmq.Close()) })
	return zmq
}

// running is something that runs until it is stopped, or the test ends.
type running struct {
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of Run, once it ended
}

// run runs something.
func run(t testing.TB, runner func(context.Context) error) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = runner(ctx)
	}()
	t.Cleanup(func() { ok(t, r.stop()) })
	return r
}

// stop ends it and returns what Run did.
func (r *running) stop() error {
	r.cancel()
	<-r.ended
	return r.err
}

// serve runs a broker. What it returns stops it, and says where it was.
func serve(t testing.TB, zmq *comm.Context, endpoint string) (at string, stop func()) {
	t.Helper()
	b := bind(t, zmq, endpoint)
	r := run(t, b.Run)
	t.Cleanup(func() { ok(t, r.stop()); ok(t, b.Close()) })
	return b.Endpoints()[0], func() { ok(t, r.stop()); ok(t, b.Close()) }
}

// bind makes a broker, as soon as libzmq has given the port of the last one back.
func bind(t testing.TB, zmq *comm.Context, endpoint string) *broker.Broker {
	t.Helper()
	for ctx := patient(t); ; time.Sleep(time.Millisecond) { // between two looks
		b, err := broker.New(zmq, endpoint, broker.WithLogger(quiet()), broker.WithHeartbeat(heartbeat, liveness), broker.WithDrainTimeout(0))
		if !errors.Is(err, comm.AddressInUse) || ctx.Err() != nil {
			return must(b, err)(t)
		}
	}
}

// work runs a worker.
func work(t testing.TB, zmq *comm.Context, endpoint, service string, handle majordomo.Handler, options ...majordomo.WorkerOption) *running {
	t.Helper()
	return run(t, must(majordomo.NewWorker(zmq, endpoint, service, handle, append(quickly(), options...)...))(t).Run)
}

// quickly are the options of a worker in a test.
func quickly() []majordomo.WorkerOption {
	return []majordomo.WorkerOption{
		majordomo.WithHeartbeat(heartbeat, liveness), majordomo.WithReconnect(time.Millisecond, heartbeat), majordomo.WithLogger(quiet()),
	}
}

// dial returns a client that waits for as long as the test may take.
func dial(t testing.TB, zmq *comm.Context, endpoint string, options ...majordomo.ClientOption) *majordomo.Client {
	t.Helper()
	options = append([]majordomo.ClientOption{majordomo.WithTimeout(patience), majordomo.WithLogger(quiet())}, options...)
	c := must(majordomo.NewClient(zmq, endpoint, options...))(t)
	t.Cleanup(func() { ok(t, c.Close()) })
	return c
}

// echo answers with the request.
func echo(_ context.Context, request [][]byte) ([][]byte, error) { return request, nil }

// text returns frames as one text.
func text(frames [][]byte) string { return string(bytes.Join(frames, []byte("|"))) }

// frames returns the frames of a text.
func frames(text string) [][]byte { return bytes.Split([]byte(text), []byte("|")) }

// ask makes a request and checks the reply.
func ask(t testing.TB, c *majordomo.Client, service, body, want string) {
	t.Helper()
	reply, err := c.Request(patient(t), service, frames(body)...)
	if err != nil || text(reply) != want {
		t.Fatalf("reply %q, %v; want %q", text(reply), err, want)
	}
}

// fake is a broker that says what the test says.
type fake struct {
	t testing.TB
	*comm.Router
}

// pretend returns a fake broker at a free port.
func pretend(t testing.TB, zmq *comm.Context) *fake {
	t.Helper()
	return pretendAt(t, zmq, "tcp://127.0.0.1:*")
}

// pretendAt returns a fake broker at an endpoint.
func pretendAt(t testing.TB, zmq *comm.Context, endpoint string) *fake {
	t.Helper()
	r := must(comm.NewRouter(zmq, endpoint))(t)
	t.Cleanup(func() { ok(t, r.Close()) })
	return &fake{t, r}
}

// hear returns the next message that begins so behind the routing id, and that one.
func (f *fake) hear(front string) (from, rest string) {
	f.t.Helper()
	for {
		m := must(f.Recv(patient(f.t)))(f.t)
		if got := text(m.Frames[1:]); len(got) >= len(front) && got[:len(front)] == front {
			return string(m.Frames[0]), got[len(front):]
		}
	}
}

// say sends a message to a peer, which may be gone.
func (f *fake) say(to, message string) {
	_ = f.Send(patient(f.t), comm.NewMessage(append([][]byte{[]byte(to)}, frames(message)...)...))
}
