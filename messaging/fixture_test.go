package messaging_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

// patience ends tests that would hang for ever; nothing is measured with it.
const patience = time.Minute

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

// newContext returns a context that the end of the test closes, and with it all
// of its sockets.
func newContext(t testing.TB, options ...comm.ContextOption) *comm.Context {
	t.Helper()
	zmq := must(comm.NewContext(options...))(t)
	t.Cleanup(func() {
		if err := zmq.Close(); err != nil {
			t.Errorf("close the context: %v", err)
		}
	})
	return zmq
}

// patient returns a context for calls that must not fail.
func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// transports are the ways between sockets; each makes endpoints that nobody uses.
var transports = []struct {
	name string
	make func(testing.TB) string
}{
	{"tcp", func(testing.TB) string { return "tcp://127.0.0.1:*" }},
	{"ipc", ipcEndpoint},
	{"inproc", inprocEndpoint},
}

// ipcEndpoint returns a path that fits into a socket's address, which the
// temporary folder of a test with a long name does not.
func ipcEndpoint(t testing.TB) string {
	dir := must(os.MkdirTemp("", "mittere"))(t)
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return "ipc://" + filepath.Join(dir, "socket")
}

// inprocNames numbers inproc endpoints.
var inprocNames atomic.Int64

func inprocEndpoint(testing.TB) string {
	return fmt.Sprintf("inproc://%d", inprocNames.Add(1))
}

// onEachTransport runs a test on tcp, ipc and inproc. at returns a new endpoint to
// bind at each call.
func onEachTransport(t *testing.T, test func(t *testing.T, at func() string)) {
	for _, transport := range transports {
		t.Run(transport.name, func(t *testing.T) {
			test(t, func() string { return transport.make(t) })
		})
	}
}

// bound is a socket that knows where it listens.
type bound interface{ Endpoints() []string }

// of returns where a socket listens.
func of(s bound) string { return s.Endpoints()[0] }

// note returns a small message.
func note(number int) *testv1.Note { return &testv1.Note{Text: "note", Number: int64(number)} }

// receive returns the next message; any error fails the test.
func receive[T proto.Message](t testing.TB, from messaging.Source) T {
	t.Helper()
	d := must(from.Recv(patient(t)))(t)
	defer d.Release()
	return must(messaging.Open[T](&d.Envelope))(t)
}

// wantNote checks that the next message is the note with this number.
func wantNote(t testing.TB, from messaging.Source, number int) {
	t.Helper()
	wantEqual(t, receive[*testv1.Note](t, from), note(number))
}

// wantEqual checks that two messages are the same.
func wantEqual(t testing.TB, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// wantCode checks that an error is a typed one with this code.
func wantCode(t testing.TB, err error, code messaging.Code) *messaging.Error {
	t.Helper()
	var typed *messaging.Error
	if !errors.As(err, &typed) {
		t.Fatalf("got %v of type %T, want *messaging.Error with code %v", err, err, code)
	}
	if typed.Code != code {
		t.Fatalf("got %v, want code %v", err, code)
	}
	return typed
}

// send fails the test if an error comes back from a send. Any goroutine may call
// it.
func send(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("send: %v", err)
	}
}

// subscribed waits until a publisher knows of n subscriptions to notes.
func subscribed(t testing.TB, p *messaging.Publisher, n int) {
	t.Helper()
	if err := p.WaitForSubscribers(patient(t), n, (*testv1.Note)(nil)); err != nil {
		t.Fatal(err)
	}
}

// ended returns a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// inBackground runs do until the end of the test, which ends its context and waits
// for it.
func inBackground(t testing.TB, do func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { do(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// serve answers what arrives until the end of the test. A message that cannot be
// received or answered fails it.
func serve(t testing.TB, from messaging.Source, answer func(context.Context, *messaging.Delivery) error) {
	inBackground(t, func(ctx context.Context) {
		for d, err := range from.Deliveries(ctx) {
			if err == nil {
				err = answer(ctx, d)
			}
			if err != nil && ctx.Err() == nil {
				t.Errorf("serve: %v", err)
			}
		}
	})
}

// echo answers a message with itself.
func echo(ctx context.Context, d *messaging.Delivery) error {
	defer d.Release()
	m, err := d.Open()
	if err != nil {
		return err
	}
	return d.Reply(ctx, m)
}

// sendWithin sends with a deadline, which is how a test notices that a send waits.
func sendWithin(to interface {
	Send(context.Context, proto.Message, ...messaging.SendOption) error
}, m proto.Message, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return to.Send(ctx, m)
}
