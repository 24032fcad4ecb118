package broker_test

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/service/broker"
)

const (
	// patience ends tests that would hang for ever; nothing is measured with it.
	patience = 30 * time.Second
	// tcp takes a free port.
	tcp = "tcp://127.0.0.1:*"
	// heartbeat makes tests notice soon who is dead.
	heartbeat = 200 * time.Millisecond
)

// load returns how long a test under load takes.
func load() time.Duration {
	seconds, err := strconv.ParseFloat(os.Getenv("FAULT_SECONDS"), 64)
	if err != nil {
		seconds = 3
	}
	return time.Duration(seconds * float64(time.Second))
}

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

// eventually waits for what nothing announces.
func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for ctx := patient(t); !happened(); time.Sleep(time.Millisecond) { // between two looks
		if ctx.Err() != nil {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// running is a broker that runs.
type running struct {
	*broker.Broker
	zmq    *comm.Context
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of Run, once it ended
}

// serve runs a broker until the test ends.
func serve(t testing.TB, options ...broker.Option) *running {
	t.Helper()
	zmq := must(comm.NewContext(comm.WithPoison()))(t)
	quiet := broker.WithLogger(slog.New(slog.DiscardHandler))
	b := must(broker.New(zmq, tcp, append([]broker.Option{quiet, broker.WithHeartbeat(heartbeat, 3)}, options...)...))(t)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Broker: b, zmq: zmq, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = b.Run(ctx)
	}()
	t.Cleanup(func() {
		ok(t, r.stop())
		ok(t, b.Close())
		ok(t, zmq.Close())
	})
	return r
}

// stop ends the broker and returns what Run did.
func (r *running) stop() error {
	r.cancel()
	<-r.ended
	return r.err
}

// peer is a client or worker that speaks by itself.
type peer struct {
	t testing.TB
	*comm.Dealer
}

// dial returns a peer.
func (r *running) dial(t testing.TB) *peer {
	t.Helper()
	return &peer{t, must(comm.NewDealer(r.zmq, r.Endpoints()[0], comm.WithLinger(0)))(t)}
}

// say sends frames.
func (p *peer) say(frames ...string) {
	p.t.Helper()
	ok(p.t, p.Send(patient(p.t), messageOf(frames...)))
}

// messageOf returns a message of frames.
func messageOf(frames ...string) comm.Message {
	var m comm.Message
	for _, frame := range frames {
		m.Frames = append(m.Frames, []byte(frame))
	}
	return m
}

// hear returns the next message but heartbeats.
func (p *peer) hear(ctx context.Context) ([]string, error) {
	for {
		m, err := p.Recv(ctx)
		if err != nil {
			return nil, err
		}
		var frames []string
		for _, frame := range m.Frames {
			frames = append(frames, string(frame))
		}
		if len(frames) == 3 && frames[2] == "\x04" {
			p.say("", "MDPW01", "\x04")
			continue
		}
		return frames, nil
	}
}

// want returns the next message but heartbeats.
func (p *peer) want() []string {
	p.t.Helper()
	return must(p.hear(patient(p.t)))(p.t)
}

// ready registers as a worker of a service.
func (p *peer) ready(service string) { p.say("", "MDPW01", "\x01", service) }

// work registers as a worker and answers until ctx ends.
func (p *peer) work(ctx context.Context, service string, handle func(body string) string) {
	p.ready(service)
	for {
		m, err := p.hear(ctx)
		if err != nil {
			return
		}
		if len(m) == 6 && m[2] == "\x02" {
			p.say("", "MDPW01", "\x03", m[3], "", handle(m[5]))
		}
	}
}
