package comm_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// patience is how long a test waits for what must happen. It tells a hang from
// a slow machine; nothing is expected to come near it.
const patience = time.Minute

// errHang is why the context of a test ended.
var errHang = errors.New("the test hangs")

// rig is what tests stand on: contexts for sockets, which are closed at the test's
// end, and a context for calls, which ends if the test hangs.
type rig struct {
	testing.TB
	zctx    *comm.Context
	dialing *comm.Context // of sockets that connect; the same, unless engines are mixed
	ctx     context.Context
	spawned *sync.WaitGroup // goroutines that end when the sockets close
}

func newRig(t testing.TB, options ...comm.ContextOption) *rig {
	t.Helper()
	binding, connecting, mixed := enginesOfRun(t)
	r := newRigOn(t, binding, options...)
	if mixed {
		r.mix(connecting, options...)
	}
	return r
}

// newRigOn returns a rig on an engine.
func newRigOn(t testing.TB, engine comm.Engine, options ...comm.ContextOption) *rig {
	t.Helper()
	zctx, err := comm.NewContext(append(options, comm.WithEngine(engine))...)
	must(t, zctx, err)
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errHang)
	r := &rig{TB: t, zctx: zctx, dialing: zctx, ctx: ctx, spawned: &sync.WaitGroup{}}
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(r.dialing.Close(), r.zctx.Close()); err != nil {
			t.Error("closing the contexts:", err)
		}
		r.spawned.Wait()
	})
	return r
}

// mix gives sockets that connect a context of their own, on an engine.
func (r *rig) mix(engine comm.Engine, options ...comm.ContextOption) {
	r.Helper()
	dialing, err := comm.NewContext(append(options, comm.WithEngine(engine))...)
	r.dialing = must(r, dialing, err)
}

// contextOf returns the context of a socket at these endpoints: that of those that bind
// where it may yet bind, and over inproc, where only sockets of one context meet.
func (r *rig) contextOf(kind comm.Kind, endpoints string) *comm.Context {
	connects := !kind.Binds() && !strings.ContainsAny(endpoints, "@*") || strings.Contains(endpoints, ">")
	if connects && endpoints != "" && !strings.Contains(endpoints, "inproc:") {
		return r.dialing
	}
	return r.zctx
}

// onEachTransport runs a test with an endpoint to bind on each transport.
func onEachTransport(t *testing.T, test func(r *rig, bind string)) {
	for _, bind := range []string{"@tcp://127.0.0.1:*", "@ipc://*", "@inproc://here"} {
		name, _, _ := strings.Cut(bind[1:], ":")
		t.Run(name, func(t *testing.T) { test(newRig(t), bind) })
	}
}

// elsewhere returns another endpoint to bind on the same transport.
func elsewhere(bind string) string { return strings.Replace(bind, "here", "there", 1) }

// must returns v, or ends the test if there is an error.
func must[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (r *rig) publisher(at string, options ...comm.PublisherOption) *comm.Publisher {
	r.Helper()
	s, err := comm.NewPublisher(r.contextOf(comm.KindPublisher, at), at, options...)
	return must(r, s, err)
}

func (r *rig) subscriber(at string, options ...comm.Option) *comm.Subscriber {
	r.Helper()
	s, err := comm.NewSubscriber(r.contextOf(comm.KindSubscriber, at), at, options...)
	return must(r, s, err)
}

func (r *rig) xpub(at string, options ...comm.PublisherOption) *comm.XPub {
	r.Helper()
	s, err := comm.NewXPub(r.contextOf(comm.KindXPub, at), at, options...)
	return must(r, s, err)
}

func (r *rig) xsub(at string, options ...comm.Option) *comm.XSub {
	r.Helper()
	s, err := comm.NewXSub(r.contextOf(comm.KindXSub, at), at, options...)
	return must(r, s, err)
}

func (r *rig) request(at string, options ...comm.Option) *comm.Req {
	r.Helper()
	s, err := comm.NewReq(r.contextOf(comm.KindReq, at), at, options...)
	return must(r, s, err)
}

func (r *rig) response(at string, options ...comm.Option) *comm.Rep {
	r.Helper()
	s, err := comm.NewRep(r.contextOf(comm.KindRep, at), at, options...)
	return must(r, s, err)
}

func (r *rig) dealer(at string, options ...comm.Option) *comm.Dealer {
	r.Helper()
	s, err := comm.NewDealer(r.contextOf(comm.KindDealer, at), at, options...)
	return must(r, s, err)
}

func (r *rig) router(at string, options ...comm.Option) *comm.Router {
	r.Helper()
	s, err := comm.NewRouter(r.contextOf(comm.KindRouter, at), at, options...)
	return must(r, s, err)
}

func (r *rig) push(at string, options ...comm.Option) *comm.Push {
	r.Helper()
	s, err := comm.NewPush(r.contextOf(comm.KindPush, at), at, options...)
	return must(r, s, err)
}

func (r *rig) pull(at string, options ...comm.Option) *comm.Pull {
	r.Helper()
	s, err := comm.NewPull(r.contextOf(comm.KindPull, at), at, options...)
	return must(r, s, err)
}

func (r *rig) pair(at string, options ...comm.Option) *comm.Pair {
	r.Helper()
	s, err := comm.NewPair(r.contextOf(comm.KindPair, at), at, options...)
	return must(r, s, err)
}

// socket is what all sockets have.
type socket interface {
	Bind(endpoints string) error
	Connect(endpoints string) error
	Unbind(endpoint string) error
	Disconnect(endpoint string) error
	BindPort(p *comm.Port) error
	Endpoints() []string
	Stats() comm.Stats
	Kind() comm.Kind
	String() string
	Close() error
}

// sender is a socket that sends.
type sender interface {
	socket
	Send(ctx context.Context, m comm.Message) error
	SendBatch(ctx context.Context, batch []comm.Message) (int, error)
}

// receiver is a socket that receives.
type receiver interface {
	socket
	Recv(ctx context.Context) (comm.Message, error)
	RecvBatch(ctx context.Context, batch []comm.Message) (int, error)
}

// at returns where a socket is bound first.
func at(s socket) string { return s.Endpoints()[0] }

// message returns a message of these frames.
func message(frames ...string) comm.Message {
	var m comm.Message
	for _, frame := range frames {
		m.Frames = append(m.Frames, []byte(frame))
	}
	return m
}

// texts returns frames as strings.
func texts(frames [][]byte) []string {
	list := []string{}
	for _, frame := range frames {
		list = append(list, string(frame))
	}
	return list
}

// send sends a message of these frames.
func (r *rig) send(s sender, frames ...string) {
	r.Helper()
	if err := s.Send(r.ctx, message(frames...)); err != nil {
		r.Fatal(err)
	}
}

// recv receives a message.
func (r *rig) recv(s receiver) []string {
	r.Helper()
	m, err := s.Recv(r.ctx)
	if err != nil {
		r.Fatal(err)
	}
	defer m.Release()
	return texts(m.Frames)
}

// want receives a message and compares it.
func (r *rig) want(s receiver, frames ...string) {
	r.Helper()
	if got := r.recv(s); !slices.Equal(got, frames) {
		r.Fatalf("received %.100q, want %.100q", got, frames)
	}
}

// wantError compares an error with what it should be.
func (r *rig) wantError(err error, target error) {
	r.Helper()
	if !errors.Is(err, target) {
		r.Fatalf("got the error %v, want %v", err, target)
	}
}

// subscribe subscribes, and waits until the publisher knows.
func (r *rig) subscribe(p *comm.Publisher, s *comm.Subscriber, prefix string) {
	r.Helper()
	before := p.Subscribers([]byte(prefix))
	r.ok(s.Subscribe([]byte(prefix)))
	r.ok(p.WaitForSubscribers(r.ctx, before+1, []byte(prefix)))
}

// ok ends the test if there is an error.
func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// eventually waits for what nothing announces.
func (r *rig) eventually(what string, happened func() bool) {
	r.Helper()
	for !happened() {
		if r.ctx.Err() != nil {
			r.Fatalf("waited too long: %s", what)
		}
		time.Sleep(time.Millisecond) // between two looks
	}
}

// answer answers every request with its own body until the socket closes.
func (r *rig) answer(s *comm.Rep) {
	r.spawned.Go(func() {
		for {
			m, err := s.Recv(r.ctx)
			if err != nil {
				return
			}
			route, body := splitRoute(m.Frames)
			if err := r.reply(s, route, body); err != nil {
				r.Error("reply:", err)
			}
			m.Release()
		}
	})
}

// reply replies, when there is room. A peer that has gone needs no reply.
func (r *rig) reply(s *comm.Rep, route, body [][]byte) error {
	for {
		err := s.Reply(r.ctx, route, body...)
		switch {
		case errors.Is(err, comm.Unreachable) || errors.Is(err, net.ErrClosed):
			return nil
		case !errors.Is(err, comm.Full):
			return err
		}
		if err := s.WaitRoom(r.ctx); err != nil {
			return err
		}
	}
}

// splitRoute tells the way back to the sender from the body.
func splitRoute(frames [][]byte) (route, body [][]byte) {
	n := 1 + slices.IndexFunc(frames, func(frame []byte) bool { return len(frame) == 0 })
	if n == 0 {
		n = 1
	}
	return slices.Clip(frames[:n]), frames[n:]
}
