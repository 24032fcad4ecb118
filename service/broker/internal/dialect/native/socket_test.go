package native_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mittere/mittere/comm"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/native"
)

// patience ends what would hang for ever; nothing is measured with it.
const patience = 30 * time.Second

func must[T any](made T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
}

// serve runs the least that a broker may be on a socket, until the test ends.
func serve(t *testing.T, zmq *comm.Context) (endpoint string) {
	t.Helper()
	router := must(comm.NewRouter(zmq, "tcp://127.0.0.1:*"))(t)
	d := must(desk.New("e", desk.Limits{}))(t)
	ctx, stop := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() { forward(ctx, router, d, native.New()) })
	t.Cleanup(func() {
		stop()
		loop.Wait()
		if err := router.Close(); err != nil {
			t.Error(err)
		}
	})
	return router.Endpoints()[0]
}

// forward gives messages to speakers, and does the resulting actions.
func forward(ctx context.Context, router *comm.Router, d *desk.Desk, n dialect.Dialect) {
	began := time.Now()
	speakers := map[desk.Peer]dialect.Speaker{}
	send := func(to desk.Peer, frames [][]byte) {
		_ = router.Send(ctx, comm.NewMessage(append([][]byte{[]byte(to.ID)}, frames...)...))
	}
	for {
		m, err := router.Recv(ctx)
		if err != nil {
			return
		}
		from := desk.Peer{ID: string(m.Frames[0])}
		if speakers[from] == nil {
			speakers[from] = n.Open(d, from)
		}
		actions, answers, _ := speakers[from].Read(time.Since(began), m.Frames[1:])
		for _, answer := range answers {
			send(from, answer)
		}
		for _, action := range actions {
			to := action.Receiver()
			if frames := speakers[to].Write(action); frames != nil {
				send(to, frames)
			}
		}
	}
}

// handWorker is a worker that says each command by itself.
type handWorker struct {
	*testing.T
	*comm.Dealer
}

func (w *handWorker) say(kind proto.Message, body []byte) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	frames := must((&messaging.Command{Kind: kind, Body: body}).Frames())(w)
	if err := w.Send(ctx, comm.NewMessage(frames...)); err != nil {
		w.Error(err)
	}
}

// next returns the next command but heartbeats.
func (w *handWorker) next(ctx context.Context) (messaging.Command, error) {
	for {
		m, err := w.Recv(ctx)
		if err != nil {
			return messaging.Command{}, err
		}
		c, err := command.Decode(m.Frames)
		if _, beat := c.Kind.(*mitterev1.Heartbeat); err != nil || !beat {
			return c, err
		}
	}
}

// TestRealClientIsServedThroughSockets has the client that services have call through a
// broker.
func TestRealClientIsServedThroughSockets(t *testing.T) {
	zmq := must(comm.NewContext(comm.WithPoison()))(t)
	defer zmq.Close()
	t.Run("calls", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		endpoint := serve(t, zmq)
		w := &handWorker{t, must(comm.NewDealer(zmq, endpoint, comm.WithLinger(0)))(t)}
		defer w.Close()
		w.say(&mitterev1.Hello{Role: mitterev1.Role_ROLE_WORKER, HeartbeatNano: int64(30 * time.Second)}, nil)
		welcome := must(w.next(ctx))(t)
		w.say(&mitterev1.Ready{
			Session: welcome.Kind.(*mitterev1.Welcome).GetSession(), Instance: "w", Services: []string{"echo"}, Capacity: 4,
		}, nil)
		working, stop := context.WithCancel(ctx)
		var worker sync.WaitGroup
		worker.Go(func() {
			for c, err := w.next(working); err == nil; c, err = w.next(working) {
				if k, ok := c.Kind.(*mitterev1.Request); ok {
					w.say(&mitterev1.Reply{Call: k.GetCall()}, c.Body)
				}
			}
		})
		client := must(call.Dial(zmq, endpoint, call.WithService("echo"), call.WithHeartbeat(30*time.Second)))(t)
		for _, text := range []string{"hi", string(make([]byte, 100_000))} {
			got, err := call.Unary[*wrapperspb.StringValue](ctx, client, call.Method{Name: "a.S/M"}, wrapperspb.String(text))
			if err != nil || got.GetValue() != text {
				t.Errorf("got %d bytes, %v", len(got.GetValue()), err)
			}
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		stop()
		worker.Wait()
	})
}
