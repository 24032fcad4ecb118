package comm_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/mittere/mittere/comm"
)

func TestThreeHundredWaitingSocketsTakeFewThreads(t *testing.T) {
	before := threads(t)
	r := newRig(t)
	ctx, stop := context.WithCancel(r.ctx)
	var waiting sync.WaitGroup
	for _, s := range threeHundredSockets(r) {
		waiting.Go(func() {
			_, err := s.Recv(ctx)
			r.wantError(err, context.Canceled)
		})
		r.eventually("it waits", func() bool { n, _ := s.Waiting(); return n == 1 })
	}
	more := threads(t) - before
	t.Logf("%d more threads", more)
	// Go starts threads for system calls that last, as on a busy machine: a few, and not
	// one for each socket.
	if more >= 50 {
		t.Errorf("300 waiting sockets take %d threads", more)
	}
	stop()
	waiting.Wait()
}

// waitingReceiver is a receiver that tells how many wait on it.
type waitingReceiver interface {
	receiver
	waiter
}

// threeHundredSockets returns sockets of several kinds and transports.
func threeHundredSockets(r *rig) (sockets []waitingReceiver) {
	router, p := r.router("@tcp://127.0.0.1:*"), r.publisher("@ipc://*")
	for i := range 75 {
		sockets = append(sockets, r.dealer(at(router)), r.subscriber(at(p)),
			r.pull("@tcp://127.0.0.1:*"), r.pair(fmt.Sprint("@inproc://", i)))
	}
	return sockets
}

// threads counts the threads of this process.
func threads(t *testing.T) int {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("cannot count threads on this system:", err)
	}
	return len(tasks)
}

func TestManyCallersOnOneSocketTakeFewThreads(t *testing.T) {
	before := threads(t)
	r := newRig(t)
	d := r.dealer("@inproc://here")
	ctx, stop := context.WithCancel(r.ctx)
	var waiting sync.WaitGroup
	for range 1000 {
		waiting.Go(func() {
			_, err := d.Recv(ctx)
			r.wantError(err, comm.Ended)
		})
		waiting.Go(func() { r.wantError(d.Send(ctx, message("x")), comm.Ended) })
	}
	r.eventually("all wait", func() bool { n, m := d.Waiting(); return n == 1000 && m == 1000 })
	if more := threads(t) - before; more >= 20 {
		t.Errorf("they take %d threads", more)
	}
	stop()
	waiting.Wait()
}
