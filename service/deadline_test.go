package service_test

import (
	"context"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
)

func TestHandlersContextHasTheCallersDeadline(t *testing.T) {
	depot := newDepot()
	c, _ := pair(t, storing(depot.store))
	ctx := within(t, 10*time.Second)
	p := goStore(ctx, c, 1)
	handlers := receive(t, "the call", depot.begun)
	want, _ := ctx.Deadline()
	got, has := handlers.Deadline()
	if off := got.Sub(want).Abs(); !has || off > time.Second {
		t.Errorf("the handler's deadline is %v, %v off the caller's", got, off)
	}
	close(depot.proceed)
	must(p.Wait(patient(t)))(t)
}

func TestHandlerEndsAtTheCallersDeadline(t *testing.T) {
	t.Parallel() // it waits rather than works
	depot := newDepot()
	c, _ := pair(t, storing(depot.store))
	began := time.Now()
	_, err := askStore(within(t, 500*time.Millisecond), c, 1)
	wantCode(t, err, messaging.DeadlineExceeded)
	<-receive(t, "the call", depot.begun).Done()
	soon(t, "the end of call and handler", began)
}

func TestCancellingACallCancelsItsHandler(t *testing.T) {
	depot := newDepot()
	c, _ := pair(t, storing(depot.store))
	ctx, cancel := context.WithCancel(context.Background())
	p := goStore(ctx, c, 1)
	handlers := receive(t, "the call", depot.begun)
	began := time.Now()
	cancel()
	<-handlers.Done()
	wantCode(t, context.Cause(handlers), messaging.Cancelled)
	_, err := p.Wait(patient(t))
	wantCode(t, err, messaging.Cancelled)
	soon(t, "the end of call and handler", began)
}

func TestCallThatWaitsInTheQueueEndsOnTimeAndIsNeverExecuted(t *testing.T) {
	depot := newDepot()
	c, _ := pair(t, storing(depot.store), service.WithLimits(1, 10))
	first := goStore(patient(t), c, 1)
	receive(t, "the first call", depot.begun)
	began := time.Now()
	var waiting []*call.Pending[*testv1.StoreResponse]
	for item := range uint64(5) {
		waiting = append(waiting, goStore(within(t, 50*time.Millisecond), c, 2+item))
	}
	for _, p := range waiting {
		_, err := p.Wait(patient(t))
		wantCode(t, err, messaging.DeadlineExceeded)
	}
	soon(t, "the end of those that waited", began)
	_, err := askStore(patient(t), c, 7, call.WithWait(20*time.Millisecond))
	wantRefused(t, err, messaging.DeadlineExceeded)
	eventually(t, "the queue is empty", func() bool { return stats(t, c).GetQueued() == 0 })
	close(depot.proceed)
	must(first.Wait(patient(t)))(t)
	if got := depot.executed.Load(); got != 1 {
		t.Errorf("%d calls were executed, want one", got)
	}
	if got := stats(t, c).GetExpired(); got != 6 {
		t.Errorf("%d calls expired, want 6", got)
	}
}
