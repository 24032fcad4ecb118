package registry_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry/store"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

// bad is a store that fails, or hangs, for as long as it is told to.
type bad struct {
	store.Memory

	mu    sync.Mutex
	err   error
	hangs chan struct{} // nil if it does not
	puts  int
}

// fail makes all writes fail; nil is none.
func (b *bad) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// hang makes all writes hang until the function that it returns is called, or
// until their contexts end.
func (b *bad) hang() (goOn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	hangs := make(chan struct{})
	b.hangs = hangs
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		close(hangs)
		b.hangs = nil
	}
}

// begin counts a write, and returns how it goes.
func (b *bad) begin() (hangs chan struct{}, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.puts++
	return b.hangs, b.err
}

// writes returns how many there were.
func (b *bad) writes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.puts
}

// Put is a Store's.
func (b *bad) Put(ctx context.Context, entries ...*mitterev1.Entry) error {
	hangs, err := b.begin()
	if hangs != nil {
		select {
		case <-hangs:
		case <-ctx.Done():
			return messaging.AsError(ctx.Err())
		}
	}
	if err != nil {
		return err
	}
	return b.Memory.Put(ctx, entries...)
}

// stored returns what a store has.
func stored(t testing.TB, s store.Store) []*mitterev1.Entry {
	t.Helper()
	return must(s.Load(patient(t)))(t)
}

// errDisk is why a store fails.
var errDisk = messaging.Errorf(messaging.ResourceExhausted, "the disk is full")

func TestRegistryGoesOnWhileItsStoreFailsAndKeepsEverythingWhenItIsWell(t *testing.T) {
	t.Parallel()
	store := &bad{}
	store.fail(errDisk)
	c, _ := pair(t, tcp, registry.WithStore(store))
	began := time.Now()
	register(t, c, instance("calc", "1"), long)
	for i := range 10 { // nobody waits for a store that is broken
		gone := register(t, c, instance("gone", fmt.Sprint(i)), long)
		ok(t, gone.Withdraw(patient(t)))
	}
	soon(t, "the answers", began)
	wantList(t, c, "calc/1")
	if got := stored(t, store); len(got) != 0 {
		t.Fatalf("the store has %v", got)
	}
	store.fail(nil)
	eventually(t, "what was not kept is kept", func() bool { return keysOf(stored(t, store)) == "calc/1" })
}

func TestLastChangesAreKeptWhenTheRegistryStops(t *testing.T) {
	store := &bad{}
	store.fail(errDisk)
	c, s := pair(t, tcp, registry.WithStore(store))
	register(t, c, instance("calc", "1"), long)
	store.fail(nil) // the next try is in a second
	s.stop(t)
	if got := keysOf(stored(t, store)); got != "calc/1" {
		t.Errorf("the store has %q", got)
	}
}

func TestSlowStoreHoldsUpOnlyWhoChangesSomethingAndIsWrittenInBatches(t *testing.T) {
	store := &bad{}
	goOn := store.hang()
	c, s := pair(t, tcp, registry.WithStore(store))
	first := c.Register(instance("calc", "first"), long)
	eventually(t, "the first write hangs", func() bool { return store.writes() == 1 })
	stub := zmqStub(t, s)
	var all sync.WaitGroup
	for _, i := range numbered("calc", 100) {
		all.Go(func() {
			if _, err := stub.Register(patient(t), &mitterev1.RegisterRequest{Instance: i, LeaseNano: int64(long)}); err != nil {
				t.Errorf("register: %v", err)
			}
		})
	}
	eventually(t, "the table has all", func() bool { return len(list(t, c)) == 101 })
	wantCode(t, first.Err(), messaging.Unavailable)
	goOn()
	all.Wait()
	ok(t, first.Wait(patient(t)))
	if got := store.writes(); got != 2 {
		t.Errorf("the store was written %d times, want the first and all others at once", got)
	}
}

func TestHungStoreDoesNotKeepTheRegistryFromStopping(t *testing.T) {
	t.Parallel()
	store := &bad{}
	store.hang()
	zmq := newContext(t)
	s := must(registry.NewServer(zmq, tcp, registry.WithStore(store), registry.WithLogger(slog.New(slog.DiscardHandler))))(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	c := dial(t, zmq, s.Endpoints()[0])
	c.Register(instance("calc", "1"), long)
	eventually(t, "the write hangs", func() bool { return store.writes() == 1 })
	began := time.Now()
	cancel()
	ok(t, <-ended)
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the registry took %v to stop", took)
	}
	ok(t, s.Close())
}

func TestRegistryDoesNotRunWithoutWhatItsStoreKeeps(t *testing.T) {
	store := &store.Memory{}
	s := must(registry.NewServer(newContext(t), tcp, registry.WithStore(store)))(t)
	defer s.Close()
	ok(t, store.Close())
	wantCode(t, s.Run(patient(t)), messaging.Unavailable)
}
