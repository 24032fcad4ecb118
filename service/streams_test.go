package service_test

import (
	"context"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// endless returns a handler of a stream that never ends by itself.
func endless() *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.StreamMethod(h, descriptorOf("Numbers"),
		func(ctx context.Context, _ *testv1.NumbersRequest, send func(*testv1.NumbersResponse) error) error {
			for number := uint64(1); ; number++ {
				if err := send(&testv1.NumbersResponse{Number: number}); err != nil {
					return err
				}
			}
		})
	return h
}

func TestStreamsEndWhenTheServerStopsIfItIsToldSo(t *testing.T) {
	c, s := pair(t, endless(), service.WithStreamsEnded())
	var stopping sync.WaitGroup
	var last error
	items := 0
	for _, err := range call.Stream[*testv1.NumbersResponse](patient(t), c, numbersMethod, &testv1.NumbersRequest{}) {
		if last = err; err == nil && items == 0 {
			stopping.Go(func() { ok(t, s.stop()) }) // it does not wait for the drain timeout, and is no failure
		}
		items++
	}
	stopping.Wait()
	if code := messaging.CodeOf(last); code != messaging.Unavailable || items < 2 {
		t.Errorf("the stream ended with %v after %d items", last, items)
	}
}

func TestInterceptorsStandAroundCallsAndNotAroundManagement(t *testing.T) {
	refuse := func(reactor.Invoker) reactor.Invoker {
		return func(context.Context, *reactor.Call) (proto.Message, error) {
			return nil, messaging.Errorf(messaging.Unauthenticated, "who are you?")
		}
	}
	c, _ := pair(t, handlers(), service.WithInterceptors(refuse))
	_, err := askEcho(patient(t), c, "x")
	if messaging.CodeOf(err) != messaging.Unauthenticated {
		t.Errorf("a call that the interceptor refuses ended with %v", err)
	}
	management := mitterev1mittere.NewManagementServiceClient(c.Members()[0].Caller)
	info, err := management.Info(patient(t), &mitterev1.InfoRequest{})
	if err != nil || info.GetName() != echoService {
		t.Errorf("info is %v, %v", info, err)
	}
}

func TestRequestThatIsTooLargeForTheServerIsRefusedAtOnce(t *testing.T) {
	c, s := pair(t, handlers())
	large := string(make([]byte, 64<<20))
	_, err := askEcho(patient(t), c, large)
	wantRefused(t, err, messaging.ResourceExhausted)
	if _, err := askEcho(patient(t), c, "small"); err != nil {
		t.Errorf("the next call ended with %v; the server has %v", err, s.Endpoints())
	}
}
