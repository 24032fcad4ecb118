package broker_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

const (
	// patience ends tests that would hang for ever; nothing is measured with it.
	patience = time.Minute
	// tcp takes a free port.
	tcp = "tcp://127.0.0.1:*"
	// heartbeat makes tests notice soon who is dead.
	heartbeat = 200 * time.Millisecond
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

// eventually waits for what nothing announces.
func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for ctx := patient(t); !happened(); time.Sleep(time.Millisecond) { // between two looks
		if ctx.Err() != nil {
			t.Fatalf("waited too long: %s", what)
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
	eventually(t, "the broker's own worker is there", func() bool { return len(b.Workers()) >= 1 })
	return r
}

// workers returns those that are not the broker's own.
func (r *running) workers() []desk.WorkerView {
	return slices.DeleteFunc(r.Workers(), func(w desk.WorkerView) bool { return w.Offer.Own })
}

// peers returns how many are known beside the broker's own worker.
func (r *running) peers() int { return r.Stats().Peers - 1 }

// sessions returns how many there are beside that of the broker's own worker.
func (r *running) sessions() int {
	keepers, _, _ := r.Held()
	return keepers - 1
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
func (r *running) dial(t testing.TB, options ...comm.Option) *peer {
	t.Helper()
	return r.dialAt(t, r.Endpoints()[0], options...)
}

// dialAt returns a peer at another socket of the broker.
func (r *running) dialAt(t testing.TB, endpoint string, options ...comm.Option) *peer {
	t.Helper()
	return &peer{t, must(comm.NewDealer(r.zmq, endpoint, append([]comm.Option{comm.WithLinger(0)}, options...)...))(t)}
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

// command sends a command.
func (p *peer) command(kind proto.Message, body []byte) {
	p.t.Helper()
	c := messaging.Command{Kind: kind, Body: body}
	ok(p.t, p.Send(patient(p.t), comm.NewMessage(must(c.Frames())(p.t)...)))
}

// hello opens a session.
func (p *peer) hello(role mitterev1.Role) *mitterev1.Welcome {
	p.t.Helper()
	p.command(&mitterev1.Hello{Instance: []byte(rand.Text()), Role: role, HeartbeatNano: 1}, nil)
	return answered[*mitterev1.Welcome](p)
}

// answered returns the next command of a kind; others are dropped.
func answered[K proto.Message](p *peer) K {
	p.t.Helper()
	for {
		m := must(p.Recv(patient(p.t)))(p.t)
		c := must(command.Decode(m.Frames))(p.t)
		if kind, ok := c.Kind.(K); ok {
			return kind
		}
	}
}

// work registers as a worker and answers until ctx ends.
func (p *peer) work(ctx context.Context, service string, handle func(body string) string) {
	p.ready(service)
	for {
		m, err := p.hear(ctx)
		if err != nil {
			return
		}
		switch {
		case len(m) == 6 && m[2] == "\x02":
			p.say("", "MDPW01", "\x03", m[3], "", handle(m[5]))
		case len(m) == 3 && m[2] == "\x05": // it was silent for too long, as on a busy machine
			p.ready(service)
		}
	}
}
