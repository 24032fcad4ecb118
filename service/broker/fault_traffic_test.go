package broker_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service"
	"github.com/mittere/mittere/service/majordomo"
)

const (
	// callers is how many calls are made at once, oldCallers how many of them in the
	// Majordomo protocol if there is a client of that.
	callers, oldCallers = 64, 8
	// callTime is how long each of them may take; a second later it is lost.
	callTime = 5 * time.Second
)

// asker makes calls in some protocol.
type asker interface {
	echo(ctx context.Context, text string) (string, error)
	store(ctx context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error)
	kind() string
}

// nativeAsker calls as every client of a service does.
type nativeAsker struct{ *service.Client }

func (a nativeAsker) echo(ctx context.Context, text string) (string, error) {
	return askEcho(ctx, a.Client, text)
}

func (a nativeAsker) store(ctx context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
	return askStore(ctx, a.Client, r)
}

func (nativeAsker) kind() string { return "" }

// oldAsker calls in the Majordomo protocol.
type oldAsker struct{ *majordomo.Client }

func (a oldAsker) echo(ctx context.Context, text string) (string, error) {
	reply := new(testv1.EchoResponse)
	err := a.ask(ctx, "Echo", &testv1.EchoRequest{Text: text}, reply)
	return reply.GetText(), err
}

func (a oldAsker) store(ctx context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
	reply := new(testv1.StoreResponse)
	return reply, a.ask(ctx, "Store", r, reply)
}

func (oldAsker) kind() string { return "MDP " }

// ask makes a call with envelopes as bodies.
func (a oldAsker) ask(ctx context.Context, method string, request, reply proto.Message) error {
	envelope, err := messaging.Pack(request)
	if err != nil {
		return err
	}
	frames, err := a.Request(ctx, echoName+"/"+echoName+"/"+method, envelope.Append(nil))
	if err != nil {
		return err
	}
	answer, err := messaging.Decode(frames[0])
	if err != nil || answer.Type != string(reply.ProtoReflect().Descriptor().FullName()) {
		return fmt.Errorf("%w: %q: %w", faulttest.ErrWrong, frames, err)
	}
	return proto.Unmarshal(answer.Body, reply)
}

// traffic is calls to a fleet, each of which is accounted for.
type traffic struct {
	*faulttest.Tally
	items atomic.Uint64 // the latest that was stored
}

// drive makes calls while during runs, and gives an account of them.
func drive(f *fleet, during func()) *traffic {
	f.t.Helper()
	return newTraffic().drive(f, (*traffic).call, during)
}

// newTraffic returns an account without calls.
func newTraffic() *traffic { return &traffic{Tally: faulttest.NewTally()} }

// drive has all callers make calls while during runs.
func (tr *traffic) drive(f *fleet, call func(*traffic, *rand.Rand, asker), during func()) *traffic {
	f.t.Helper()
	stop := make(chan struct{})
	var calling sync.WaitGroup
	for i := range callers {
		var a asker = nativeAsker{f.clients[i%len(f.clients)]}
		if f.old != nil && i < oldCallers {
			a = oldAsker{f.old}
		}
		calling.Go(func() {
			for random := rand.New(rand.NewPCG(uint64(i), 1)); !isClosed(stop); {
				call(tr, random, a)
			}
		})
	}
	defer calling.Wait()
	func() {
		defer close(stop) // also if the test ends there
		during()
	}()
	calling.Wait()
	tr.Audit(faulttest.Executed(f.t, f.folder))
	return tr
}

// isClosed reports whether a channel is.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// call makes a call.
func (tr *traffic) call(random *rand.Rand, a asker) {
	if random.IntN(2) == 0 {
		_ = tr.One(a.kind()+"Echo", callTime, func(ctx context.Context) error { return tr.echo(ctx, random, a) })
	} else {
		_ = tr.One(a.kind()+"Store", callTime, func(ctx context.Context) error { return tr.store(ctx, random, a) })
	}
}

// echo makes a call of Echo, which may be executed twice.
func (tr *traffic) echo(ctx context.Context, random *rand.Rand, a asker) error {
	text := strings.Repeat(fmt.Sprintf("%x.", random.Uint64()), 1+random.IntN(20))
	got, err := a.echo(ctx, text)
	if err == nil && got != text {
		return fmt.Errorf("%w: %q to %q", faulttest.ErrWrong, got, text)
	}
	return err
}

// store makes a call of Store, which may not; one in 20 lasts long enough to be there
// when something breaks.
func (tr *traffic) store(ctx context.Context, random *rand.Rand, a asker) error {
	takes := uint32(random.IntN(20))
	if random.IntN(20) == 0 {
		takes = 300
	}
	return tr.storeFor(ctx, a, takes)
}

// storeFor makes a call of Store that takes so many milliseconds.
func (tr *traffic) storeFor(ctx context.Context, a asker, takes uint32) error {
	r := &testv1.StoreRequest{Item: tr.items.Add(1), TakesMs: takes}
	got, err := a.store(ctx, r)
	tr.Store(r.GetItem(), err)
	if err == nil && got.GetTimes() != faulttest.Checksum(r.GetItem()) {
		return fmt.Errorf("%w: %v to item %d", faulttest.ErrWrong, got, r.GetItem())
	}
	return err
}

// report prints the account and fails the test for what may not be, or if nothing was
// broken.
func (tr *traffic) report(t testing.TB, f *fleet, times int, what string) {
	t.Helper()
	tr.Report(t, fmt.Sprintf("%d times: %s", times, what), f.sums().String())
	if times == 0 {
		t.Errorf("it never happened: %s", what)
	}
	for _, kind := range []string{"Echo", "Store"} {
		if tr.Replies(kind) == 0 {
			t.Errorf("no call of %s was answered", kind)
		}
	}
}
