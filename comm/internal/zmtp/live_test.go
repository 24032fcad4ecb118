package zmtp_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/comm/internal/zmtp"
)

// wire is one end of a real connection, driven by the state machines.
type wire struct {
	t       *testing.T
	conn    net.Conn
	in      []byte
	decoder *zmtp.Decoder
	sealer  *zmtp.Sealer
	peer    zmtp.Peer
}

// patience is how long a test waits for a peer before it fails.
const patience = 30 * time.Second

// shake does the handshake on a connection. Its error is the handshake's.
func shake(t *testing.T, conn net.Conn, c zmtp.Config, v zmtp.Verdict) (*wire, error) {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	h, err := zmtp.NewHandshake(c)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, conn: conn}
	w.write(h.Start(nil))
	for !h.Done() {
		n, out, err := h.Feed(w.in, nil)
		w.in = w.in[n:]
		if _, due := h.Credentials(); due && err == nil {
			out, err = h.Decide(v, out)
		}
		w.write(out)
		if err != nil {
			return nil, err
		}
		if n == 0 && len(out) == 0 {
			w.read()
		}
	}
	w.peer, w.decoder, w.sealer = h.Peer(), h.Decoder(generous, nil), h.Sealer()
	return w, nil
}

func (w *wire) write(b []byte) {
	w.t.Helper()
	if _, err := w.conn.Write(b); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) read() {
	w.t.Helper()
	b := make([]byte, 1<<10)
	n, err := w.conn.Read(b)
	if err != nil {
		w.t.Fatal(err)
	}
	w.in = append(w.in, b[:n]...)
}

// send sends frames, encrypted if that was agreed.
func (w *wire) send(clear []byte) {
	w.t.Helper()
	w.write(sealed(w.sealer, clear))
}

// next reads a frame that is no heartbeat.
func (w *wire) next() zmtp.Frame {
	w.t.Helper()
	for {
		f, n, err := w.decoder.Next(w.in)
		if err != nil {
			w.t.Fatal(err)
		}
		if n == 0 {
			w.read()
			continue
		}
		w.in = w.in[n:]
		if f.Kind != zmtp.Ping && f.Kind != zmtp.Pong {
			return f
		}
	}
}

func (w *wire) want(kind zmtp.Kind, body string, more bool) {
	w.t.Helper()
	if f := w.next(); f.Kind != kind || string(f.Body) != body || f.More != more {
		w.t.Fatalf("got kind %d, %q, more %v", f.Kind, f.Body, f.More)
	}
}

// dial connects to a socket of libzmq.
func dial(t *testing.T, s interface{ Endpoints() []string }) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.Endpoints()[0], "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func newContext(t *testing.T) (*comm.Context, context.Context) {
	t.Helper()
	zmq, err := comm.NewContext()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = zmq.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return zmq, ctx
}

func TestRouterOfLibzmqExchangesMessagesWithADealer(t *testing.T) {
	zmq, ctx := newContext(t)
	router, err := comm.NewRouter(zmq, "@tcp://127.0.0.1:*")
	if err != nil {
		t.Fatal(err)
	}
	w, err := shake(t, dial(t, router), zmtp.Config{Type: zmtp.Dealer, Identity: []byte("me")}, 0)
	if err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 300)
	w.send(zmtp.AppendPart(zmtp.AppendPart(nil, nil, true), []byte(big), false))
	m, err := router.Recv(ctx)
	if err != nil || len(m.Frames) != 3 || string(m.Frames[0]) != "me" || string(m.Frames[2]) != big {
		t.Fatalf("%q, %v", m.Frames, err)
	}
	if err := router.Send(ctx, m); err != nil {
		t.Fatal(err)
	}
	w.want(zmtp.Part, "", true)
	w.want(zmtp.Part, big, false)
	w.send(zmtp.AppendPing(nil, 0, []byte("ctx")))
	for !bytes.Contains(w.in, []byte("\x04PONGctx")) {
		w.read()
	}
}

func TestPublisherAndSubscriberOfLibzmqAreServed(t *testing.T) {
	zmq, ctx := newContext(t)
	pub, err := comm.NewPublisher(zmq, "@tcp://127.0.0.1:*")
	if err != nil {
		t.Fatal(err)
	}
	w, err := shake(t, dial(t, pub), zmtp.Config{Type: zmtp.Sub}, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.send(zmtp.AppendSubscribe(nil, w.peer.Minor, []byte("news")))
	if err := pub.WaitForSubscribers(ctx, 1, []byte("news")); err != nil {
		t.Fatal(err)
	}
	if err := pub.Send(ctx, comm.NewMessage([]byte("news of today"))); err != nil {
		t.Fatal(err)
	}
	w.want(zmtp.Part, "news of today", false)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	sub, err := comm.NewSubscriber(zmq, ">tcp://"+listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.Subscribe([]byte("a")); err != nil {
		t.Fatal(err)
	}
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	w, err = shake(t, conn, zmtp.Config{Type: zmtp.Pub}, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.want(zmtp.Subscribe, "a", false)
	w.send(zmtp.AppendPart(nil, []byte("all is well"), false))
	if m, err := sub.Recv(ctx); err != nil || string(m.Frames[0]) != "all is well" {
		t.Fatalf("%q, %v", m.Frames, err)
	}
}
