package comm_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
)

func TestEndedContextsEndCallsThatWait(t *testing.T) {
	r := newRig(t)
	d, router, p := r.dealer("@inproc://1"), r.router("@inproc://2"), r.publisher("@inproc://3")
	req := r.request("@inproc://4")
	calls := map[string]func(context.Context) error{
		"Recv":               func(ctx context.Context) error { _, err := d.Recv(ctx); return err },
		"RecvBatch":          func(ctx context.Context) error { _, err := d.RecvBatch(ctx, make([]comm.Message, 1)); return err },
		"Send":               func(ctx context.Context) error { return d.Send(ctx, message("x")) },
		"SendBatch":          func(ctx context.Context) error { _, err := d.SendBatch(ctx, []comm.Message{message("x")}); return err },
		"Do":                 func(ctx context.Context) error { _, err := req.Do(ctx, []byte("x")); return err },
		"WaitForSubscribers": func(ctx context.Context) error { return p.WaitForSubscribers(ctx, 1, nil) },
		"WaitRoom":           func(ctx context.Context) error { return waitRooms(nil, func() error { return router.WaitRoom(ctx) }) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) { wantEnds(t, r, call) })
	}
}

// wantEnds checks what a call returns when its context ends in each way.
func wantEnds(t *testing.T, r *rig, call func(context.Context) error) {
	cause := errors.New("the user's own reason")
	cancelled, cancel := context.WithCancelCause(r.ctx)
	time.AfterFunc(time.Millisecond, func() { cancel(cause) })
	err := call(cancelled)
	for _, target := range []error{comm.Ended, context.Canceled, cause} {
		if !errors.Is(err, target) {
			t.Errorf("cancelled: %v, which is no %v", err, target)
		}
	}
	late, stop := context.WithTimeout(r.ctx, time.Millisecond)
	defer stop()
	err = call(late)
	for _, target := range []error{comm.Ended, context.DeadlineExceeded} {
		if !errors.Is(err, target) {
			t.Errorf("late: %v, which is no %v", err, target)
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, comm.Closed) || errors.Is(err, comm.Full) {
		t.Errorf("late: %v is also something else", err)
	}
}

func TestCallsWithAnEndedContextDoNothing(t *testing.T) {
	r := newRig(t)
	a := r.dealer("@inproc://here")
	b := r.dealer(at(a))
	ended, cancel := context.WithCancel(r.ctx)
	cancel()
	r.wantError(b.Send(ended, message("not sent")), comm.Ended)
	r.send(b, "sent")
	_, err := a.Recv(ended)
	r.wantError(err, comm.Ended)
	n, err := a.RecvBatch(ended, make([]comm.Message, 1))
	r.wantError(err, comm.Ended)
	if n != 0 {
		t.Errorf("received %d", n)
	}
	r.want(a, "sent")
}

func TestBatchThatIsCancelledSaysHowManyWereSent(t *testing.T) {
	r := newRig(t)
	pull := r.pull("@inproc://here", few)
	push := r.push(at(pull), few)
	ctx, cancel := context.WithCancel(r.ctx)
	batch := []comm.Message{message("1"), message("2"), message("3"), message("4"), message("5"), message("6")}
	counted := make(chan int, 1)
	r.spawned.Go(func() {
		sent, err := push.SendBatch(ctx, batch)
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		counted <- sent
	})
	r.eventually("it waits", func() bool { _, n := push.Waiting(); return n == 1 })
	cancel()
	if sent := <-counted; sent != 4 { // the marks of both ends
		t.Errorf("sent %d, want 4", sent)
	}
	for _, body := range []string{"1", "2", "3", "4"} {
		r.want(pull, body)
	}
}
