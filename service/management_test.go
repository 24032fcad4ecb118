package service_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service"
)

// pingMethod is what every service answers.
var pingMethod = call.MethodOf(mitterev1.File_mittere_v1_management_proto.Services().ByName("ManagementService").Methods().ByName("Ping"))

// manage returns a caller of a service's management.
func manage(c call.Caller) *mitterev1mittere.ManagementServiceClient {
	return mitterev1mittere.NewManagementServiceClient(c)
}

// stats returns what a service has done.
func stats(t testing.TB, c call.Caller) *mitterev1.StatsResponse {
	t.Helper()
	return must(manage(c).Stats(patient(t), &mitterev1.StatsRequest{}))(t)
}

// statsOf returns what a method of a service has done.
func statsOf(t testing.TB, c call.Caller, method call.Method) *mitterev1.MethodStats {
	t.Helper()
	all := stats(t, c).GetMethods()
	i := slices.IndexFunc(all, func(m *mitterev1.MethodStats) bool { return m.GetMethod() == method.Name })
	if i < 0 {
		t.Fatalf("no statistics of %v in %v", method, all)
	}
	return all[i]
}

func TestEveryInstanceOfANameTellsOfItself(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	var want, got []string
	for i := range 3 {
		id := fmt.Sprintf("instance %d", i)
		serve(t, zmq, handlers(), service.WithRegistry(n.endpoint), service.WithID(id))
		want = append(want, id)
	}
	c := newClient(t, zmq, service.FromRegistry(n.endpoint))
	awaitReady(t, c, 3)
	for _, m := range c.Members() {
		got = append(got, must(manage(m.Caller).Ping(patient(t), &mitterev1.PingRequest{}))(t).GetId())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q answered, want %q", got, want)
	}
}

func TestHealthIsToldByTheServerAndTheRegistry(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	s := serve(t, zmq, handlers(), service.WithRegistry(n.endpoint))
	ok(t, s.WaitRegistered(patient(t)))
	direct := clientOf(t, zmq, []*server{s})
	for _, want := range []mitterev1.Health{
		mitterev1.Health_HEALTH_SERVING, mitterev1.Health_HEALTH_NOT_SERVING, mitterev1.Health_HEALTH_SERVING,
	} {
		s.SetHealth(want)
		told := must(manage(direct).Health(patient(t), &mitterev1.HealthRequest{}))(t).GetHealth()
		if told != want || s.Health() != want {
			t.Errorf("the server says %v, want %v", told, want)
		}
		eventually(t, "the registry knows", func() bool {
			entries, err := n.client.Resolve(patient(t), echoService)
			return err == nil && entries[0].GetInstance().GetHealth() == want
		})
	}
}

func TestInfoSaysWhatTheServerIs(t *testing.T) {
	before := time.Now()
	c, s := pair(t, handlers(), service.WithID("me"), service.WithVersion("v7"), service.WithLabels(map[string]string{"zone": "a"}))
	got := must(manage(c).Info(patient(t), &mitterev1.InfoRequest{}))(t)
	started := time.Unix(0, got.GetStartedUnixNano())
	if started.Before(before) || started.After(time.Now()) {
		t.Errorf("it started at %v", started)
	}
	method := func(name, idempotency string, streaming bool) *mitterev1.Method {
		return &mitterev1.Method{
			Name: echoService + "/" + name, Request: "mittere.test.v1." + name + "Request", Response: "mittere.test.v1." + name + "Response",
			Streaming: streaming, Idempotency: idempotency,
		}
	}
	want := &mitterev1.InfoResponse{
		Name: echoService, Id: "me", Version: "v7", Labels: map[string]string{"zone": "a"}, Endpoints: s.Endpoints(),
		StartedUnixNano: got.GetStartedUnixNano(), Library: got.GetLibrary(),
		Methods: []*mitterev1.Method{
			method("Echo", "NO_SIDE_EFFECTS", false), method("Numbers", "NO_SIDE_EFFECTS", true), method("Store", "IDEMPOTENCY_UNKNOWN", false),
		},
	}
	if !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestStatsCountCallsAndErrorsByMethod(t *testing.T) {
	c, _ := pair(t, storing(func(_ context.Context, r *testv1.StoreRequest) (*testv1.StoreResponse, error) {
		switch {
		case r.GetItem() == 99:
			panic("on purpose")
		case r.GetItem() > 0:
			return nil, messaging.Errorf(messaging.Code(r.GetItem()), "on purpose")
		}
		return &testv1.StoreResponse{}, nil
	}))
	for range 3 {
		wantEcho(t, c)
	}
	for _, item := range []uint64{0, 0, 5, 5, 9, 99} {
		_, _ = askStore(patient(t), c, item)
	}
	for range 2 {
		must(askNumbers(patient(t), c, 10))(t)
	}
	eventually(t, "all calls are counted", func() bool {
		return statsOf(t, c, storeMethod).GetRequests() == 6 && statsOf(t, c, numbersMethod).GetRequests() == 2
	})
	got := statsOf(t, c, storeMethod)
	want := &mitterev1.MethodStats{
		Method: storeMethod.Name, Requests: 6, Latency: got.GetLatency(), Errors: []*mitterev1.CodeCount{
			{Code: messaging.NotFound, Count: 2}, {Code: messaging.FailedPrecondition, Count: 1}, {Code: messaging.Internal, Count: 1},
		},
	}
	if !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := statsOf(t, c, echoMethod); got.GetRequests() != 3 || len(got.GetErrors()) > 0 || got.GetLatency().GetMaxNano() <= 0 {
		t.Errorf("of Echo: %v, want 3 requests without errors", got)
	}
	if got := stats(t, c).GetSessions(); got != 1 {
		t.Errorf("%d sessions, want one", got)
	}
}

func TestStatsTellWhatRuns(t *testing.T) {
	depot := newDepot()
	c, _ := pair(t, storing(depot.store))
	p := goStore(patient(t), c, 1)
	receive(t, "the call", depot.begun)
	if got := statsOf(t, c, storeMethod); got.GetInFlight() != 1 || got.GetRequests() != 0 {
		t.Errorf("got %v, want one in flight", got)
	}
	close(depot.proceed)
	must(p.Wait(patient(t)))(t)
	eventually(t, "it is counted", func() bool {
		got := statsOf(t, c, storeMethod)
		return got.GetInFlight() == 0 && got.GetRequests() == 1
	})
}

// TestDescriptorsAllowACallByWhoHasNoGeneratedCode makes messages of what the
// server tells only.
func TestDescriptorsAllowACallByWhoHasNoGeneratedCode(t *testing.T) {
	c, _ := pair(t, handlers())
	told := must(manage(c).Descriptors(patient(t), &mitterev1.DescriptorsRequest{}))(t)
	files := must(protodesc.NewFiles(told.GetFiles()))(t)
	found := must(files.FindDescriptorByName(echoService))(t)
	method := found.(protoreflect.ServiceDescriptor).Methods().ByName("Echo")
	request, response := dynamicpb.NewMessage(method.Input()), dynamicpb.NewMessage(method.Output())
	request.Set(method.Input().Fields().ByName("text"), protoreflect.ValueOfString("dynamic"))
	err := c.Call(patient(t), &call.Request{Method: call.MethodOf(method), Message: request}, func(e *messaging.Envelope) error {
		return e.OpenInto(response)
	})
	ok(t, err)
	if got := response.Get(method.Output().Fields().ByName("text")).String(); got != "dynamic" {
		t.Errorf("the answer is %q, want dynamic", got)
	}
	if !call.MethodOf(method).Repeatable() {
		t.Error("the descriptor of Echo has lost its idempotency level")
	}
	must(files.FindDescriptorByName("mittere.v1.ManagementService"))(t)
}
