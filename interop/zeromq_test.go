//go:build interop

package interop_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mittere/mittere/comm"
)

// comm's sockets meet pyzmq's own here, without dīvidere: libzmq is at the other end.

// wire is a stage for one socket of comm and one of pyzmq, called pyzmq.
type wire struct {
	*stage
	transport string
	goBinds   bool
}

// pyzmq is the name of the socket in the peer.
const pyzmq = "pyzmq"

// settings are options of a socket of pyzmq, by the names of its constants.
type settings map[string]any

// socket is what the tests need of all sockets of comm.
type socket interface {
	Endpoints() []string
	Stats() comm.Stats
}

type sender interface {
	Send(ctx context.Context, m comm.Message) error
}

type recver interface {
	Recv(ctx context.Context) (comm.Message, error)
}

// onEachWire runs a test over tcp and ipc, and with either end binding.
func onEachWire(t *testing.T, test func(w *wire)) {
	onWires(t, []string{"tcp", "ipc"}, test)
}

func onWires(t *testing.T, transports []string, test func(w *wire)) {
	for _, transport := range transports {
		for binds, goBinds := range map[string]bool{"Go binds": true, "pyzmq binds": false} {
			t.Run(transport+", "+binds, func(t *testing.T) {
				s := &stage{comm: newContext(t), peer: startPyzmq(t)}
				test(&wire{stage: s.in(t), transport: transport, goBinds: goBinds})
			})
		}
	}
}

func startPyzmq(t testing.TB) *peer {
	t.Helper()
	return startPython(t, "python/zmqpeer.py")
}

// join connects a socket of comm with one of pyzmq, the way that the wire says.
func join[S socket, O any](w *wire, make func(*comm.Context, string, ...O) (S, error), kind string, set settings, options ...O) S {
	w.t.Helper()
	if w.goBinds {
		s := open(w.stage, make, "@"+w.address(), options...)
		w.open(pyzmq, kind, ">"+s.Endpoints()[0], set)
		return s
	}
	at := w.open(pyzmq, kind, "@"+w.address(), set)
	return open(w.stage, make, ">"+at, options...)
}

// address returns where a socket can bind.
func (w *wire) address() string {
	w.t.Helper()
	if w.transport == "tcp" {
		return "tcp://127.0.0.1:*"
	}
	// The folder of the test would be too long for a socket.
	folder, err := os.MkdirTemp("", "zmq")
	w.check(err)
	w.t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return "ipc://" + filepath.Join(folder, "s")
}

// open makes a socket of pyzmq and returns its endpoint.
func (w *wire) open(name, kind, endpoint string, set settings) string {
	w.t.Helper()
	if set == nil {
		set = settings{}
	}
	var at string
	w.peer.do(&at, "open", arguments{"name": name, "kind": kind, "endpoint": endpoint, "options": set})
	return at
}

// say makes pyzmq send a message.
func (w *wire) say(frames ...[]byte) {
	w.t.Helper()
	w.peer.do(nil, "send", arguments{"name": pyzmq, "frames": frames})
}

// subscribe and unsubscribe are those of a SUB.
func (w *wire) subscribe(prefix string) {
	w.t.Helper()
	w.peer.do(nil, "subscribe", arguments{"name": pyzmq, "prefix": prefix})
}

func (w *wire) unsubscribe(prefix string) {
	w.t.Helper()
	w.peer.do(nil, "unsubscribe", arguments{"name": pyzmq, "prefix": prefix})
}

// heard returns the next message that pyzmq receives.
func (w *wire) heard() [][]byte {
	w.t.Helper()
	var frames [][]byte
	w.peer.do(&frames, "recv", arguments{"name": pyzmq})
	return frames
}

// toPython sends a message from Go and compares what pyzmq receives.
func (w *wire) toPython(from sender, frames ...[]byte) {
	w.t.Helper()
	w.check(from.Send(w.ctx, comm.NewMessage(frames...)))
	wantFrames(w.t, w.heard(), frames)
}

// toGo sends a message from pyzmq and compares what Go receives.
func (w *wire) toGo(to recver, frames ...[]byte) {
	w.t.Helper()
	w.say(frames...)
	w.wantGo(to, frames...)
}

// wantGo compares what Go receives.
func (w *wire) wantGo(to recver, frames ...[]byte) {
	w.t.Helper()
	m, err := to.Recv(w.ctx)
	w.check(err)
	wantFrames(w.t, m.Frames, frames)
	m.Release()
}

func wantFrames(t testing.TB, got, want [][]byte) {
	t.Helper()
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("frames %s, want %s", shape(got), shape(want))
	}
}

// shape describes frames that may be long.
func shape(frames [][]byte) string {
	var b strings.Builder
	for _, frame := range frames {
		fmt.Fprintf(&b, "[%d bytes: %.20q]", len(frame), frame)
	}
	return b.String()
}

// frames returns a message of these frames.
func frames(texts ...string) [][]byte {
	message := make([][]byte, len(texts))
	for i, text := range texts {
		message[i] = []byte(text)
	}
	return message
}

// samples are messages with frames around the sizes where ZMTP changes: a short frame
// has up to 255 bytes. Empty frames are at every place.
func samples() [][][]byte {
	messages := [][][]byte{frames("", ""), frames("", "a", "", "", "b", "")}
	var all [][]byte
	for _, size := range []int{0, 1, 255, 256, 65_536, 5_000_000} {
		frame := make([]byte, size)
		for i := range frame {
			frame[i] = byte(i ^ i>>8 ^ i>>16)
		}
		messages = append(messages, [][]byte{frame})
		all = append(all, frame)
	}
	return append(messages, all)
}

// after returns a message with frames in front.
func after(front [][]byte, message [][]byte) [][]byte { return slices.Concat(front, message) }

func TestPyzmqSubscriberReceivesWhatGoPublishes(t *testing.T) {
	onEachWire(t, func(w *wire) {
		p := join(w, comm.NewPublisher, "SUB", nil)
		w.subscribe("a")
		w.subscribe("b")
		w.check(p.WaitForSubscribers(w.ctx, 1, []byte("b")))
		w.check(p.Send(w.ctx, comm.NewMessage([]byte("x"))))
		w.toPython(p, frames("a1", "")...)
		w.toPython(p, frames("b1")...)

		// Subscriptions travel in order: when the last has arrived, all have.
		w.unsubscribe("a")
		w.subscribe("c")
		w.check(p.WaitForSubscribers(w.ctx, 1, []byte("c")))
		w.check(p.Send(w.ctx, comm.NewMessage([]byte("a2"))))
		w.toPython(p, frames("b2")...)

		w.subscribe("")
		w.check(p.WaitForSubscribers(w.ctx, 1, []byte("any")))
		for _, m := range samples() {
			w.toPython(p, m...)
		}
	})
}

func TestGoSubscriberReceivesWhatPyzmqPublishes(t *testing.T) {
	onEachWire(t, func(w *wire) {
		s := join(w, comm.NewSubscriber, "PUB", nil)
		w.check(s.Subscribe([]byte("a")))
		w.check(s.Subscribe([]byte("b")))
		w.meet(s, "b")
		w.say(frames("x")...)
		w.toGo(s, frames("a1", "")...)
		w.toGo(s, frames("b1")...)

		w.check(s.Unsubscribe([]byte("a")))
		w.check(s.Subscribe([]byte("c")))
		w.meet(s, "c")
		w.say(frames("a2")...)
		w.toGo(s, frames("b2")...)

		w.check(s.Subscribe(nil))
		w.meet(s, "any")
		for _, m := range samples() {
			w.toGo(s, m...)
		}
	})
}

// meet waits until a subscription has reached a PUB, which does not tell: it sends until
// something arrives, and takes all of it.
func (w *wire) meet(s *comm.Subscriber, topic string) {
	w.t.Helper()
	last, arrived := uint64(0), uint64(0)
	for arrived == 0 {
		w.check(w.ctx.Err())
		last++
		w.say([]byte(topic), binary.BigEndian.AppendUint64(nil, last))
		ctx, cancel := context.WithTimeout(w.ctx, hopeful)
		arrived = w.arrival(ctx, s)
		cancel()
	}
	for arrived < last {
		arrived = w.arrival(w.ctx, s)
	}
}

// arrival returns the number of the message of meet that arrives, or 0 if none is in time.
func (w *wire) arrival(ctx context.Context, s *comm.Subscriber) uint64 {
	w.t.Helper()
	m, err := s.Recv(ctx)
	if w.ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return 0
	}
	w.check(err)
	return binary.BigEndian.Uint64(m.Frames[1])
}

func TestPyzmqXPubHearsTheSubscriptionsOfGo(t *testing.T) {
	onEachWire(t, func(w *wire) {
		s := join(w, comm.NewSubscriber, "XPUB", nil)
		w.check(s.Subscribe([]byte("a")))
		wantFrames(w.t, w.heard(), frames("\x01a"))
		w.check(s.Subscribe([]byte("a"))) // again, which is nothing
		w.check(s.Subscribe(nil))
		wantFrames(w.t, w.heard(), frames("\x01"))
		for _, m := range samples() {
			w.toGo(s, m...)
		}
		w.check(s.Unsubscribe(nil))
		wantFrames(w.t, w.heard(), frames("\x00"))
		w.say(frames("b")...)
		w.toGo(s, frames("a")...)
	})
}

func TestGoXPubHearsTheSubscriptionsOfPyzmq(t *testing.T) {
	onEachWire(t, func(w *wire) {
		p := join(w, comm.NewXPub, "XSUB", nil)
		w.toGo(p, frames("\x01a")...)
		w.toGo(p, frames("\x01")...)
		for _, m := range samples() {
			w.toPython(p, m...)
		}
		w.toGo(p, frames("\x00")...)
		w.check(p.Send(w.ctx, comm.NewMessage([]byte("b"))))
		w.toPython(p, frames("a")...)
	})
}

func TestGoXSubSubscribesAtPyzmqXPub(t *testing.T) {
	onEachWire(t, func(w *wire) {
		s := join(w, comm.NewXSub, "XPUB", nil)
		w.toPython(s, frames("\x01a")...)
		w.toPython(s, frames("\x01")...)
		for _, m := range samples() {
			w.toGo(s, m...)
		}
		w.toPython(s, frames("\x00")...)
		w.say(frames("b")...)
		w.toGo(s, frames("a")...)
	})
}

func TestGoRepAnswersPyzmqReq(t *testing.T) {
	onEachWire(t, func(w *wire) {
		testRep(w, join(w, comm.NewRep, "REQ", nil), nil)
	})
}

func TestGoRepAnswersPyzmqReqThatNumbersItsRequests(t *testing.T) {
	onEachWire(t, func(w *wire) {
		testRep(w, join(w, comm.NewRep, "REQ", settings{"REQ_CORRELATE": 1, "REQ_RELAXED": 1}), nil)
	})
}

func TestGoRepAnswersPyzmqDealer(t *testing.T) {
	onEachWire(t, func(w *wire) {
		testRep(w, join(w, comm.NewRep, "DEALER", nil), frames("7", ""))
	})
}

// testRep has a Rep answer each sample with itself. The peer writes these frames in front.
func testRep(w *wire, rep *comm.Rep, front [][]byte) {
	w.t.Helper()
	for _, m := range samples() {
		w.say(after(front, m)...)
		got, err := rep.Recv(w.ctx)
		w.check(err)
		body := 1 + slices.IndexFunc(got.Frames, func(frame []byte) bool { return len(frame) == 0 })
		wantFrames(w.t, got.Frames[body:], m)
		w.check(rep.Reply(w.ctx, got.Frames[:body], got.Frames[body:]...))
		got.Release()
		wantFrames(w.t, w.heard(), after(front, m))
	}
}

func TestPyzmqRepAnswersGoReq(t *testing.T) {
	onEachWire(t, func(w *wire) {
		req := join(w, comm.NewReq, "REP", nil)
		for _, m := range samples() {
			echo := w.peer.begin("echo", arguments{"name": pyzmq})
			reply, err := req.Do(w.ctx, m...)
			w.check(err)
			echo.end(nil)
			wantFrames(w.t, reply.Frames, m)
			reply.Release()
		}
	})
}

func TestPyzmqRepAnswersGoDealer(t *testing.T) {
	onEachWire(t, func(w *wire) {
		d := join(w, comm.NewDealer, "REP", nil)
		route := frames("client", "7", "")
		for _, m := range samples() {
			w.check(d.Send(w.ctx, comm.NewMessage(after(route, m)...)))
			w.peer.do(nil, "echo", arguments{"name": pyzmq})
			w.wantGo(d, after(route, m)...)
		}
	})
}

func TestGoRouterAnswersPyzmqReq(t *testing.T) {
	onEachWire(t, func(w *wire) {
		r := join(w, comm.NewRouter, "REQ", settings{"ROUTING_ID": "of Python"})
		for _, m := range samples() {
			envelope := after(frames("of Python", ""), m)
			w.say(m...)
			w.wantGo(r, envelope...)
			w.check(r.Send(w.ctx, comm.NewMessage(envelope...)))
			wantFrames(w.t, w.heard(), m)
		}
	})
}

func TestGoRouterAndPyzmqDealerTalkBothWays(t *testing.T) {
	onEachWire(t, func(w *wire) {
		r := join(w, comm.NewRouter, "DEALER", settings{"ROUTING_ID": "of Python"})
		for _, m := range samples() {
			addressed := after(frames("of Python"), m)
			w.say(m...)
			w.wantGo(r, addressed...)
			w.check(r.Send(w.ctx, comm.NewMessage(addressed...)))
			wantFrames(w.t, w.heard(), m)
		}
	})
}

func TestGoDealerAndPyzmqRouterTalkBothWays(t *testing.T) {
	onEachWire(t, func(w *wire) {
		d := join(w, comm.NewDealer, "ROUTER", settings{"ROUTER_MANDATORY": 1}, comm.WithRoutingID("of Go"))
		for _, m := range samples() {
			addressed := after(frames("of Go"), m)
			w.check(d.Send(w.ctx, comm.NewMessage(m...)))
			wantFrames(w.t, w.heard(), addressed)
			w.say(addressed...)
			w.wantGo(d, m...)
		}
	})
}

func TestGoRouterAndPyzmqRouterTalkBothWays(t *testing.T) {
	onEachWire(t, func(w *wire) {
		set := settings{"ROUTER_MANDATORY": 1, "ROUTING_ID": "of Python"}
		r := join(w, comm.NewRouter, "ROUTER", set, comm.WithRoutingID("of Go"))
		for _, m := range samples() {
			toPython, toGo := after(frames("of Python"), m), after(frames("of Go"), m)
			w.check(w.route(r, toPython))
			wantFrames(w.t, w.heard(), toGo)
			w.say(toGo...)
			w.wantGo(r, toPython...)
		}
	})
}

// route sends a message as soon as the router knows its peer.
func (w *wire) route(r *comm.Router, m [][]byte) error {
	for {
		err := r.Send(w.ctx, comm.NewMessage(m...))
		if !errors.Is(err, comm.Unreachable) {
			return err
		}
		if err := r.WaitRoom(w.ctx); err != nil {
			return err
		}
	}
}

func TestGoDealerAndPyzmqDealerTalkBothWays(t *testing.T) {
	onEachWire(t, func(w *wire) {
		d := join(w, comm.NewDealer, "DEALER", nil)
		for _, m := range samples() {
			w.toPython(d, m...)
			w.toGo(d, m...)
		}
	})
}

func TestPyzmqPullReceivesWhatGoPushes(t *testing.T) {
	onEachWire(t, func(w *wire) {
		p := join(w, comm.NewPush, "PULL", nil)
		for _, m := range samples() {
			w.toPython(p, m...)
		}
	})
}

func TestGoPullReceivesWhatPyzmqPushes(t *testing.T) {
	onEachWire(t, func(w *wire) {
		p := join(w, comm.NewPull, "PUSH", nil)
		for _, m := range samples() {
			w.toGo(p, m...)
		}
	})
}

func TestGoPairAndPyzmqPairTalkBothWays(t *testing.T) {
	onEachWire(t, func(w *wire) {
		p := join(w, comm.NewPair, "PAIR", nil)
		for _, m := range samples() {
			w.toPython(p, m...)
			w.toGo(p, m...)
		}
	})
}

// patientHeartbeats are PINGs that a busy machine does not miss.
func patientHeartbeats() settings {
	return settings{"HEARTBEAT_IVL": 100, "HEARTBEAT_TIMEOUT": 10_000, "HEARTBEAT_TTL": 10_000}
}

func TestGoAnswersTheHeartbeatsOfPyzmq(t *testing.T) {
	onWires(t, []string{"tcp"}, func(w *wire) {
		p, pongs := w.watched(patientHeartbeats())
		w.toPython(p, frames("first")...)
		for range 10 {
			select {
			case <-pongs:
			case <-w.ctx.Done():
				w.t.Fatal("PINGs of libzmq are not answered")
			}
		}
		w.toPython(p, frames("last")...)
		w.toGo(p, frames("last")...)
		if n := p.Stats().Disconnects; n != 0 {
			w.t.Errorf("%d disconnects, want none", n)
		}
	})
}

// watched connects two PAIRs through a relay, which tells each PONG of Go.
func (w *wire) watched(set settings) (*comm.Pair, <-chan struct{}) {
	w.t.Helper()
	if w.goBinds {
		p := open(w.stage, comm.NewPair, "@"+w.address())
		at, pongs := relay(w.t, p.Endpoints()[0], false)
		w.open(pyzmq, "PAIR", ">"+at, set)
		return p, pongs
	}
	at, pongs := relay(w.t, w.open(pyzmq, "PAIR", "@"+w.address(), set), true)
	return open(w.stage, comm.NewPair, ">"+at), pongs
}

// relay carries one connection to a target, and tells each PONG that the end sends
// which connects, or the other one. It ends with the test.
func relay(t *testing.T, target string, ofConnecting bool) (at string, pongs <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(pongCounter, 1000)
	var work sync.WaitGroup
	t.Cleanup(work.Wait)
	t.Cleanup(func() { _ = l.Close() })
	work.Go(func() {
		connecting, err := l.Accept()
		if err != nil {
			return
		}
		bound, err := net.Dial("tcp", strings.TrimPrefix(target, "tcp://"))
		if err != nil {
			t.Error(err)
			_ = connecting.Close()
			return
		}
		t.Cleanup(func() { _ = bound.Close() })
		t.Cleanup(func() { _ = connecting.Close() })
		forth, back := io.Writer(bound), io.Writer(connecting)
		if ofConnecting {
			forth = io.MultiWriter(seen, bound)
		} else {
			back = io.MultiWriter(seen, connecting)
		}
		work.Go(func() { _, _ = io.Copy(forth, connecting) })
		work.Go(func() { _, _ = io.Copy(back, bound) })
	})
	return "tcp://" + l.Addr().String(), seen
}

// pongCounter tells the PONGs in what is written to it.
type pongCounter chan struct{}

func (c pongCounter) Write(b []byte) (int, error) {
	for range bytes.Count(b, []byte("\x04PONG")) {
		select {
		case c <- struct{}{}:
		default: // more than anybody waits for
		}
	}
	return len(b), nil
}
