package service_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service"
)

// brief ends a stress test that needs no processes after a part of the fault time.
func brief(t testing.TB) context.Context { return within(t, faulttest.Length(t)/3) }

// TestStressOverloadedInstancesExecuteWhatTheyDoNotRefuse has many more callers than
// two instances take.
func TestStressOverloadedInstancesExecuteWhatTheyDoNotRefuse(t *testing.T) {
	zmq := newContext(t)
	var executed sync.Map // of item to *atomic.Int64
	count := func(item uint64) *atomic.Int64 {
		n, _ := executed.LoadOrStore(item, new(atomic.Int64))
		return n.(*atomic.Int64)
	}
	h := storing(func(_ context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		count(r.GetItem()).Add(1)
		time.Sleep(time.Duration(rand.IntN(int(2 * time.Millisecond)))) // what keeps them busy
		return &testv1.StoreResponse{Times: faulttest.Checksum(r.GetItem())}, nil
	})
	limits := service.WithLimits(2, 4)
	c := clientOf(t, zmq, []*server{
		serve(t, zmq, h, service.WithBind(tcp), limits), serve(t, zmq, h, service.WithBind(inproc()), limits),
	}, service.WithTries(3))
	var last atomic.Uint64
	var answered, refused atomic.Int64
	var calling sync.WaitGroup
	end := brief(t)
	for range callers {
		calling.Go(func() {
			for end.Err() == nil {
				item := last.Add(1)
				got, err := askStore(patient(t), c, item)
				switch n := count(item).Load(); {
				case err == nil && n == 1 && got.GetTimes() == faulttest.Checksum(item):
					answered.Add(1)
				case messaging.CodeOf(err) == messaging.ResourceExhausted && messaging.Refused(err) && n == 0:
					refused.Add(1)
				default:
					t.Errorf("item %d was executed %d times and ended with %v, %v", item, n, got, err)
				}
			}
		})
	}
	calling.Wait()
	t.Logf("%d calls answered, %d refused, %d others", answered.Load(), refused.Load(), int64(last.Load())-answered.Load()-refused.Load())
	if answered.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d answered and %d refused, want some of both", answered.Load(), refused.Load())
	}
}

// TestStressClientsAndInstancesComeAndGo opens and closes both under load: what is
// left behind, the end of all tests finds.
func TestStressClientsAndInstancesComeAndGo(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, inproc())
	stays := serve(t, zmq, handlers(), service.WithRegistry(n.endpoint), service.WithBind(inproc()))
	ok(t, stays.WaitRegistered(patient(t)))
	end := brief(t)
	var all sync.WaitGroup
	var instances, clients, calls atomic.Int64
	for range 3 {
		all.Go(func() {
			for ; end.Err() == nil; instances.Add(1) {
				comeAndGo(t, func() (*service.Server, error) {
					return service.NewServer(zmq, "", handlers(), service.WithRegistry(n.endpoint), service.WithBind(inproc()), service.WithLogger(quiet))
				})
			}
		})
	}
	for range 8 {
		all.Go(func() {
			for ; end.Err() == nil; clients.Add(1) {
				callAndClose(t, zmq, n.endpoint, &calls)
			}
		})
	}
	all.Wait()
	t.Logf("%d instances, %d clients, %d calls", instances.Load(), clients.Load(), calls.Load())
}

// callAndClose makes calls through a new client, which it closes when they have
// ended, or earlier.
func callAndClose(t testing.TB, zmq *comm.Context, registry string, calls *atomic.Int64) {
	c, err := service.NewClient(zmq, echoService, service.FromRegistry(registry))
	if err != nil {
		t.Error(err)
		return
	}
	early := rand.IntN(2) == 0
	var calling sync.WaitGroup
	for range 4 {
		calling.Go(func() {
			for range 10 {
				calls.Add(1)
				_, err := askEcho(patient(t), c, "x")
				if err != nil && (!early || messaging.CodeOf(err) != messaging.Unavailable) {
					t.Error(err)
				}
			}
		})
	}
	if !early {
		calling.Wait()
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	calling.Wait()
}

// comeAndGo runs an instance until it is registered, and a moment longer.
func comeAndGo(t testing.TB, create func() (*service.Server, error)) {
	s, err := create()
	if err != nil {
		t.Error(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	if err := s.WaitRegistered(patient(t)); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
