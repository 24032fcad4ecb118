package reactor_test

import (
	"context"
	"sync/atomic"
	"testing"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// watchedServer is a server socket that counts what it receives.
type watchedServer struct {
	*messaging.Server
	received atomic.Int64
}

func (w *watchedServer) Recv(ctx context.Context) (*messaging.Delivery, error) {
	d, err := w.Server.Recv(ctx)
	if d != nil {
		w.received.Add(1)
	}
	return d, err
}

// watchedRep is a reply socket that counts what it receives.
type watchedRep struct {
	*messaging.Rep
	received atomic.Int64
}

func (w *watchedRep) Recv(ctx context.Context) (*messaging.Delivery, error) {
	d, err := w.Rep.Recv(ctx)
	if d != nil {
		w.received.Add(1)
	}
	return d, err
}

func TestWrappedServerKeepsItsSessions(t *testing.T) {
	zmq := newContext(t)
	h := reactor.NewHandlers()
	reactor.HandleMethod(h, serviceMethod("Echo"), echo)
	server := &watchedServer{Server: must(messaging.NewServer(zmq, tcp))(t)}
	r := serve(t, h, sockets(server))
	wantCallEcho(t, dial(t, zmq, of(server)))
	if r.Stats().Sessions != 1 || server.received.Load() < 2 {
		t.Errorf("%d sessions, and %d messages received", r.Stats().Sessions, server.received.Load())
	}
	ok(t, r.Drain(patient(t)))
}

func TestWrappedSocketKeepsRepliesForSlowClients(t *testing.T) {
	zmq := newContext(t)
	h := reactor.NewHandlers()
	reactor.Handle(h, func(_ context.Context, n *testv1.Note) (*testv1.Note, error) { return n, nil })
	rep := &watchedRep{Rep: must(messaging.NewRep(zmq, "inproc://wrapped", narrow()))(t)}
	r := serve(t, h, sockets(rep))
	client := slow{must(messaging.NewDealer(zmq, "inproc://wrapped", narrow()))(t)}
	n := client.askUntil(t, r, func() bool { return r.Waiting() > 0 })
	client.want(t, 0, n)
	if rep.received.Load() != int64(n) {
		t.Errorf("%d messages received, want %d", rep.received.Load(), n)
	}
}

func TestPoolBoundsHandlersOfAllSocketsTogether(t *testing.T) {
	zmq := newContext(t)
	held := newHeld()
	h := held.handlers()
	reactor.HandleMethod(h, serviceMethod("Echo"), echo)
	rep, server := must(messaging.NewRep(zmq, tcp))(t), must(messaging.NewServer(zmq, tcp))(t)
	r := serve(t, h, sockets(rep, server), poolOf(1)...)
	first := make(chan error, 1)
	go func() {
		_, err := newRequest(t, zmq, rep).Do(context.Background(), note(1))
		first <- err
	}()
	<-held.arrived
	called := make(chan struct{})
	conn := dial(t, zmq, of(server))
	go func() {
		defer close(called)
		wantCallEcho(t, conn)
	}()
	eventually(t, "the call waits for the plain message", func() bool {
		s := r.Stats()
		return s.InFlight == 1 && s.Queued == 1
	})
	close(held.proceed)
	ok(t, <-first)
	<-called
}
