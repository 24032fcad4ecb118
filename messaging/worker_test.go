package messaging_test

import (
	"context"
	"errors"
	"net"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/internal/command/commandtest"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

// workerAt returns a worker that is connected to a router of comm, which hears its
// hello first.
func workerAt(t *testing.T, at string, options ...messaging.Option) (w *messaging.Worker, router *comm.Router, peer []byte) {
	t.Helper()
	zmq := newContext(t, comm.WithPoison())
	router = must(comm.NewRouter(zmq, at))(t)
	w = must(messaging.NewWorker(zmq, of(router), options...))(t)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w, router, greet(t, w, router)
}

// greet has a worker say something and returns its routing id.
func greet(t *testing.T, w *messaging.Worker, router *comm.Router) (peer []byte) {
	t.Helper()
	path := w.ReturnPath()
	if err := path.SendCommand(patient(t), &messaging.Command{Kind: &mitterev1.Hello{}}); err != nil {
		t.Fatal(err)
	}
	m := must(router.Recv(patient(t)))(t)
	if c := must(command.Decode(m.Frames[1:]))(t); len(m.Frames) != 2 {
		t.Fatalf("got %v behind %d frames", c.Kind, len(m.Frames)-1)
	}
	return m.Frames[0]
}

// write sends frames to a peer of a router.
func write(t *testing.T, router *comm.Router, peer []byte, frames ...[]byte) {
	t.Helper()
	if err := router.Send(patient(t), comm.NewMessage(append([][]byte{peer}, frames...)...)); err != nil {
		t.Fatal(err)
	}
}

func TestWorkersReceiveCommandsAndAnswerThem(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		w, router, peer := workerAt(t, at())
		for _, front := range [][][]byte{{}, {nil}} { // a delimiter may stand in front
			for _, name := range []string{"heartbeat", "request", "item-two-frames"} {
				frames, want := goldenCommand(t, name)
				write(t, router, peer, append(append([][]byte{}, front...), frames...)...)
				d := must(w.Recv(patient(t)))(t)
				if d.Command == nil || d.Wrong != nil {
					t.Fatalf("%s arrived as %v", name, d)
				}
				commandtest.WantSame(t, *d.Command, want)
				path := d.ReturnPath()
				d.Release()
				if path.Peer() == "" || path.Peer() != w.ReturnPath().Peer() {
					t.Errorf("the peer is %q, and that of the worker %q", path.Peer(), w.ReturnPath().Peer())
				}
				if err := path.SendCommand(patient(t), &want); err != nil {
					t.Fatal(err)
				}
				m := must(router.Recv(patient(t)))(t)
				commandtest.WantSame(t, must(command.Decode(m.Frames[1:]))(t), want)
			}
		}
	})
}

func TestWorkersReceiveWhatIsNoCommand(t *testing.T) {
	w, router, peer := workerAt(t, "tcp://127.0.0.1:*")
	e := must(messaging.Pack(&mitterev1.Status{}))(t)
	for name, frames := range map[string][][]byte{
		"garbage": {[]byte("garbage")}, "nothing": {nil}, "nothing twice": {nil, nil}, "a plain envelope": {e.Append(nil)},
		"a request of the pattern": {[]byte("id"), nil, e.Append(nil)}, "too many": {{8, 1}, {1}, {1}},
	} {
		write(t, router, peer, frames...)
		d := must(w.Recv(patient(t)))(t)
		if d.Command == nil || d.Wrong == nil {
			t.Errorf("%s arrived as %v", name, d)
		}
		if err := d.ReplyError(patient(t), nil); messaging.CodeOf(err) != messaging.FailedPrecondition {
			t.Errorf("%s: a plain answer: %v", name, err)
		}
	}
}

func TestConnectionsOfAWorkerHaveNothingInCommon(t *testing.T) {
	w, router, peer := workerAt(t, "tcp://127.0.0.1:*")
	former := w.ReturnPath()
	frames, want := goldenCommand(t, "heartbeat")
	write(t, router, peer, frames...)
	write(t, router, peer, frames...)
	d := must(w.Recv(patient(t)))(t) // and the other one with it, or it waits
	if err := w.Dial(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []messaging.ReturnPath{former, d.ReturnPath()} {
		if err := path.SendCommand(patient(t), &want); !messaging.IsUnreachable(err) || messaging.CodeOf(err) != messaging.Unavailable {
			t.Errorf("sending on the former connection: %v", err)
		}
	}
	peer = greet(t, w, router)
	other, wantOther := goldenCommand(t, "drain")
	write(t, router, peer, other...)
	d = must(w.Recv(patient(t)))(t)
	commandtest.WantSame(t, *d.Command, wantOther)
	if d.Peer() == former.Peer() || d.Peer() != w.ReturnPath().Peer() {
		t.Errorf("the peers are %q, and before %q", d.Peer(), former.Peer())
	}
}

func TestReceivingGoesOnOnTheNextConnection(t *testing.T) {
	w, router, _ := workerAt(t, "tcp://127.0.0.1:*")
	type received struct {
		d   *messaging.Delivery
		err error
	}
	got := make(chan received)
	go func() {
		d, err := w.Recv(context.Background())
		got <- received{d, err}
	}()
	if err := errors.Join(w.HangUp(), w.WaitDisconnect(patient(t)), w.HangUp()); err != nil {
		t.Fatal(err)
	}
	if path := w.ReturnPath(); messaging.CodeOf(path.SendCommand(patient(t), &messaging.Command{})) != messaging.FailedPrecondition || w.MaxFrameSize() != comm.DefaultMaxFrameSize {
		t.Error("there is a way to the broker without a connection, or a frame may have another size")
	}
	if err := w.Dial(); err != nil {
		t.Fatal(err)
	}
	frames, want := goldenCommand(t, "drain")
	write(t, router, greet(t, w, router), frames...)
	r := <-got
	if r.err != nil {
		t.Fatal(r.err)
	}
	commandtest.WantSame(t, *r.d.Command, want)
}

func TestWorkersLearnThatTheConnectionEnded(t *testing.T) {
	w, router, _ := workerAt(t, "tcp://127.0.0.1:*")
	ended := make(chan error)
	go func() { ended <- w.WaitDisconnect(context.Background()) }()
	if err := router.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestFramesThatTheBrokerDoesNotTakeAreRefused(t *testing.T) {
	w, router, peer := workerAt(t, "tcp://127.0.0.1:*", messaging.WithSocket(comm.WithMaxFrameSize(5000)))
	for _, test := range []struct {
		limit uint64
		want  int
	}{{0, 5000}, {1 << 63, 5000}, {6000, 5000}, {2000, 2000}} {
		w.LimitFrames(test.limit)
		if got := w.MaxFrameSize(); got != test.want {
			t.Errorf("with a limit of %d a frame may have %d bytes, want %d", test.limit, got, test.want)
		}
	}
	path := w.ReturnPath()
	err := path.SendCommand(patient(t), &messaging.Command{Kind: &mitterev1.Item{}, Body: make([]byte, 2001)})
	if messaging.CodeOf(err) != messaging.ResourceExhausted || !messaging.IsTooLarge(err) {
		t.Errorf("sending more: %v", err)
	}
	frames, _ := goldenCommand(t, "heartbeat")
	write(t, router, peer, frames...)
	must(w.Recv(patient(t)))(t) // the connection goes on
}

func TestClosedWorkerReceivesNothing(t *testing.T) {
	w, _, _ := workerAt(t, "tcp://127.0.0.1:*")
	got := make(chan error)
	go func() {
		_, err := w.Recv(context.Background())
		got <- err
	}()
	if err := errors.Join(w.Close(), w.Close(), w.HangUp()); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{<-got, w.Dial(), w.WaitDisconnect(patient(t))} {
		if !errors.Is(err, net.ErrClosed) || messaging.CodeOf(err) != messaging.Unavailable {
			t.Errorf("got %v, want net.ErrClosed", err)
		}
	}
}

func TestWorkerHasOneBroker(t *testing.T) {
	zmq := newContext(t)
	for _, endpoint := range []string{"tcp://127.0.0.1:1,tcp://127.0.0.1:2", "", "nothing"} {
		if _, err := messaging.NewWorker(zmq, endpoint); messaging.CodeOf(err) != messaging.InvalidArgument {
			t.Errorf("at %q: %v", endpoint, err)
		}
	}
	if w := must(messaging.NewWorker(zmq, ">tcp://127.0.0.1:1"))(t); w.Endpoint() != "tcp://127.0.0.1:1" || w.String() != "worker at tcp://127.0.0.1:1" {
		t.Errorf("%v is at %q", w, w.Endpoint())
	}
}
