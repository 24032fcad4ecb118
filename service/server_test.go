package service_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service"
)

// freePorts returns the first of some ports in a row that nobody uses.
func freePorts(t testing.TB, count int) (first int) {
	t.Helper()
	for range 1000 {
		probe := must(net.Listen("tcp", "127.0.0.1:0"))(t)
		first = probe.Addr().(*net.TCPAddr).Port
		ok(t, probe.Close())
		if first+count <= 65535 && !slices.ContainsFunc(portsFrom(first, count), isUsed) {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

// portsFrom returns ports in a row.
func portsFrom(first, count int) (ports []int) {
	for port := first; port < first+count; port++ {
		ports = append(ports, port)
	}
	return ports
}

// isUsed reports whether somebody listens at a port.
func isUsed(port int) bool {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return true
	}
	return l.Close() != nil
}

func TestServerBindsAFreePortOfTheLoopbackInterface(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, handlers())
	host, port, err := net.SplitHostPort(strings.TrimPrefix(s.Endpoints()[0], "tcp://"))
	ok(t, err)
	if n, _ := strconv.Atoi(port); host != "127.0.0.1" || n == 0 {
		t.Errorf("the server is at %v, want a port of 127.0.0.1", s.Endpoints())
	}
	wantEcho(t, clientOf(t, zmq, []*server{s}))
}

func TestServerBindsTheGivenPort(t *testing.T) {
	zmq := newContext(t)
	endpoint := "tcp://127.0.0.1:" + strconv.Itoa(freePorts(t, 1))
	s := serve(t, zmq, handlers(), service.WithBind(endpoint))
	if got := s.Endpoints(); len(got) != 1 || got[0] != endpoint {
		t.Errorf("the server is at %v, want %s", got, endpoint)
	}
	wantEcho(t, clientOf(t, zmq, []*server{s}))
	_, err := service.NewServer(zmq, "", handlers(), service.WithBind(endpoint))
	if wantCode(t, err, messaging.CodeOf(err)); !errors.Is(err, comm.AddressInUse) {
		t.Errorf("a second server at the port: %v, want %v", err, comm.AddressInUse)
	}
}

func TestServersTakeThePortsOfARangeUntilItIsFull(t *testing.T) {
	zmq := newContext(t)
	first := freePorts(t, 4)
	taken := must(net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(first+1)))(t)
	defer taken.Close()
	for _, want := range []int{first, first + 2, first + 3} {
		s := serve(t, zmq, handlers(), service.WithBind(tcp), service.WithPorts(first, first+3))
		if got := s.Endpoints()[0]; got != "tcp://127.0.0.1:"+strconv.Itoa(want) {
			t.Errorf("a server is at %s, want port %d", got, want)
		}
	}
	_, err := service.NewServer(zmq, "", handlers(), service.WithBind(tcp), service.WithPorts(first, first+3))
	wantCode(t, err, messaging.ResourceExhausted)
}

func TestServerAnswersOnAllTransportsAtOnce(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, handlers(), service.WithBind(tcp, ipcEndpoint(t), inproc()))
	if len(s.Endpoints()) != 3 {
		t.Fatalf("the server is at %v, want three endpoints", s.Endpoints())
	}
	for _, endpoint := range s.Endpoints() {
		wantEcho(t, newClient(t, zmq, service.FromEndpoints(endpoint)))
	}
}

func TestRegisteredInstanceIsReachedByTheBestWay(t *testing.T) {
	zmq, elsewhere := newContext(t), newContext(t)
	n := serveNames(t, zmq, tcp)
	s := serve(t, zmq, handlers(), service.WithBind(tcp, ipcEndpoint(t), inproc()), service.WithRegistry(n.endpoint))
	ok(t, s.WaitRegistered(patient(t)))
	for _, from := range []*comm.Context{zmq, elsewhere} {
		wantEcho(t, newClient(t, from, service.FromRegistry(n.endpoint)))
	}
}

func TestAllInterfacesAreAdvertisedAsTheLocalAddress(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	s := serve(t, zmq, handlers(), service.WithBind("tcp://0.0.0.0:*"), service.WithRegistry(n.endpoint))
	if got := s.Endpoints()[0]; !strings.HasPrefix(got, "tcp://127.0.0.1:") {
		t.Errorf("the server is advertised as %s, want an address of 127.0.0.1", got)
	}
	wantEcho(t, newClient(t, zmq, service.FromRegistry(n.endpoint)))
}

func TestServerListensAtTheAddressOfTheWayToItsRegistry(t *testing.T) {
	zmq := newContext(t)
	port := strconv.Itoa(freePorts(t, 1))
	serveNames(t, zmq, "tcp://127.0.0.1:"+port)
	for _, at := range []string{"tcp://127.0.0.1:", "tcp://localhost:"} {
		s := serve(t, zmq, handlers(), service.WithRegistry(at+port))
		if got := s.Endpoints()[0]; !strings.HasPrefix(got, "tcp://127.0.0.1:") {
			t.Errorf("with a registry at %s the server is at %s", at+port, got)
		}
		ok(t, s.WaitRegistered(patient(t)))
	}
}

func TestServerIsAdvertisedAsItIsTold(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	s := serve(t, zmq, handlers(), service.WithRegistry(n.endpoint), service.WithAdvertise("tcp://example.org:1234"),
		service.WithID("me"), service.WithVersion("v7"), service.WithLabels(map[string]string{"zone": "a"}), service.WithLease(time.Minute))
	ok(t, s.WaitRegistered(patient(t)))
	entries := must(n.client.Resolve(patient(t), echoService))(t)
	i := entries[0].GetInstance()
	if len(entries) != 1 || i.GetId() != "me" || i.GetVersion() != "v7" || i.GetLabels()["zone"] != "a" ||
		!slices.Equal(i.GetEndpoints(), []string{"tcp://example.org:1234"}) || !slices.Equal(i.GetServices(), []string{echoService}) ||
		i.GetHealth() != mitterev1.Health_HEALTH_SERVING || time.Duration(entries[0].GetLeaseNano()) != time.Minute {
		t.Errorf("the registry has %v", entries)
	}
}

func TestNameIsThatOfTheProtoServiceUnlessGiven(t *testing.T) {
	zmq := newContext(t)
	for given, want := range map[string]string{"": echoService, "mine": "mine"} {
		s := must(service.NewServer(zmq, given, handlers(), service.WithBind(inproc())))(t)
		if s.Name() != want {
			t.Errorf("the name is %q, want %q", s.Name(), want)
		}
		ok(t, s.Close()) // without Run
	}
}

func TestWrongOptionsAreReportedAllAtOnce(t *testing.T) {
	zmq := newContext(t)
	_, err := service.NewServer(zmq, "mmi.mine", nil,
		service.WithPorts(5, 4), service.WithRegistryClient(nil), service.WithID(""), service.WithLease(0), service.WithLimits(0, -1), service.WithBroker("tcp://a"),
		service.WithHeartbeat(0), service.WithDrainTimeout(-1), service.WithLogger(nil), service.WithInterceptors(nil))
	text := wantCode(t, err, messaging.InvalidArgument).Error()
	for _, what := range []string{
		"no handlers", "reserved", "broker", "ports 5 to 4", "registry client", "id:", "lease of 0s", "concurrency of 0", "queue of -1",
		"heartbeat of 0s", "drain timeout", "logger", "interceptor",
	} {
		if !strings.Contains(text, what) {
			t.Errorf("%q says nothing of %q", text, what)
		}
	}
	for _, wrong := range []string{"mmi.x", "mittere.v1.X"} {
		_, err := service.NewServer(zmq, wrong, handlers())
		wantCode(t, err, messaging.InvalidArgument)
	}
	_, err = service.NewServer(zmq, "", reactor.NewHandlers())
	wantCode(t, err, messaging.InvalidArgument)
	_, err = service.NewServer(zmq, "", handlers(), service.WithBind("nonsense"))
	wantCode(t, err, messaging.InvalidArgument)

	_, err = service.NewClient(zmq, "", service.FromRegistryClient(nil), service.WithBalance(9), service.WithTries(0),
		service.WithPatience(-1), service.WithHeartbeat(0), service.WithLogger(nil), service.WithCallInterceptors(nil))
	text = wantCode(t, err, messaging.InvalidArgument).Error()
	for _, what := range []string{"no name", "registry client", "balance 9", "0 tries", "patience", "heartbeat", "no source", "logger", "interceptor"} {
		if !strings.Contains(text, what) {
			t.Errorf("%q says nothing of %q", text, what)
		}
	}
	_, err = service.NewClient(zmq, "x", service.FromEndpoints("tcp://127.0.0.1:1", "nonsense"))
	wantCode(t, err, messaging.InvalidArgument)
	_, err = service.NewClient(zmq, "x", service.FromRegistry("nonsense"))
	wantCode(t, err, messaging.InvalidArgument)
}

func TestServerRunsOnceAndClosesWithoutRun(t *testing.T) {
	zmq := newContext(t)
	s := run(t, must(service.NewServer(zmq, "", handlers(), service.WithBind(inproc())))(t))
	wantEcho(t, clientOf(t, zmq, []*server{s}))
	wantCode(t, s.Run(context.Background()), messaging.FailedPrecondition)
	ok(t, s.stop())
	n := serveNames(t, zmq, tcp)
	ok(t, must(service.NewServer(zmq, "", handlers(), service.WithRegistry(n.endpoint)))(t).Close())
}

func TestWaitRegisteredWaitsForRun(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	s := must(service.NewServer(zmq, "", handlers(), service.WithRegistry(n.endpoint)))(t)
	wantCode(t, s.WaitRegistered(within(t, 10*time.Millisecond)), messaging.DeadlineExceeded)
	registered := make(chan error)
	go func() { registered <- s.WaitRegistered(patient(t)) }()
	run(t, s)
	ok(t, receive(t, "the registration", registered))
	must(n.client.Resolve(patient(t), echoService))(t)
}

func TestRegistryMayComeLater(t *testing.T) {
	zmq := newContext(t)
	endpoint := "tcp://127.0.0.1:" + strconv.Itoa(freePorts(t, 1))
	serve(t, zmq, handlers(), service.WithRegistry(endpoint))
	c := newClient(t, zmq, service.FromRegistry(endpoint))
	p := call.Go(patient(t), call.Bind[*mitterev1.PingRequest, *mitterev1.PingResponse](c, pingMethod), &mitterev1.PingRequest{})
	serveNames(t, zmq, endpoint)
	must(p.Wait(patient(t)))(t)
}

func TestServerWhoseSocketIsClosedIsWithdrawn(t *testing.T) {
	zmq, own := newContext(t), must(comm.NewContext(comm.WithLogger(quiet)))(t)
	n := serveNames(t, zmq, tcp)
	s := must(service.NewServer(own, "", handlers(), service.WithRegistryClient(n.client), service.WithLogger(quiet)))(t)
	ended := make(chan error)
	go func() { ended <- s.Run(context.Background()) }()
	ok(t, s.WaitRegistered(patient(t)))
	ok(t, own.Close())
	if err := receive(t, "the end of Run", ended); err == nil {
		t.Error("Run ended without an error")
	}
	_, err := n.client.Resolve(patient(t), echoService)
	wantCode(t, err, messaging.NotFound)
	ok(t, s.Close())
}

// TestStoppingServerFinishesWhatRuns has two instances with a registry, and stops
// the one that has a call.
func TestStoppingServerFinishesWhatRuns(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	depot := newDepot()
	first := serve(t, zmq, storing(depot.store), service.WithRegistry(n.endpoint), service.WithID("first"))
	c := newClient(t, zmq, service.FromRegistry(n.endpoint))
	direct := clientOf(t, zmq, []*server{first}, service.WithTries(1), service.WithPatience(0))
	p := goStore(patient(t), c, 1)
	receive(t, "the call", depot.begun)
	serve(t, zmq, handlers(), service.WithRegistry(n.endpoint), service.WithID("second"))
	awaitReady(t, c, 2)
	first.cancel()
	eventually(t, "it is withdrawn", func() bool {
		entries, err := n.client.Resolve(patient(t), echoService)
		return err == nil && len(entries) == 1 && entries[0].GetInstance().GetId() == "second"
	})
	if got := first.Health(); got != mitterev1.Health_HEALTH_DRAINING {
		t.Errorf("its health is %v, want draining", got)
	}
	eventually(t, "it takes no further calls", func() bool {
		_, err := askEcho(patient(t), direct, "more")
		return err != nil
	})
	_, err := askEcho(patient(t), direct, "more")
	wantRefused(t, err, messaging.Unavailable)
	for range 5 {
		if by := wantEcho(t, c); by != "second" {
			t.Errorf("%s answered, want the second", by)
		}
	}
	close(depot.proceed)
	must(p.Wait(patient(t)))(t)
	ok(t, first.stop())
}

func TestCallsThatOutlastTheDrainTimeoutAreCancelled(t *testing.T) {
	depot := newDepot()
	c, s := pair(t, storing(depot.store), service.WithDrainTimeout(50*time.Millisecond))
	p := goStore(patient(t), c, 1)
	ctx := receive(t, "the call", depot.begun)
	began := time.Now()
	wantCode(t, s.stop(), messaging.DeadlineExceeded)
	soon(t, "the end of Run", began)
	<-ctx.Done()
	wantCode(t, context.Cause(ctx), messaging.Unavailable)
	_, err := p.Wait(patient(t))
	wantCode(t, err, messaging.Unavailable)
}

func TestFullServerRefusesAtOnceAndStillTellsOfItself(t *testing.T) {
	depot := newDepot()
	c, _ := pair(t, storing(depot.store), service.WithLimits(2, 3))
	pending := make(chan error, 5)
	for item := range uint64(5) {
		go func() {
			_, err := askStore(patient(t), c, item)
			pending <- err
		}()
	}
	eventually(t, "it is full", func() bool { st := stats(t, c); return st.GetInFlight() == 2 && st.GetQueued() == 3 })
	began := time.Now()
	for range 10 {
		_, err := askStore(patient(t), c, 9)
		wantRefused(t, err, messaging.ResourceExhausted)
	}
	soon(t, "the refusal", began)
	if got := stats(t, c).GetRefused(); got != 10 {
		t.Errorf("%d calls were refused, want 10", got)
	}
	close(depot.proceed)
	for range 5 {
		ok(t, receive(t, "an answer", pending))
	}
	if got := depot.executed.Load(); got != 5 {
		t.Errorf("%d calls were executed, want 5", got)
	}
}

func TestSequentialServerHandlesOneCallAfterTheOther(t *testing.T) {
	depot := newDepot()
	c, _ := pair(t, storing(depot.store), service.WithLimits(1, 10))
	first, second := goStore(patient(t), c, 1), goStore(patient(t), c, 2)
	receive(t, "a call", depot.begun)
	eventually(t, "the other one waits", func() bool { return stats(t, c).GetQueued() == 1 })
	close(depot.proceed)
	must(first.Wait(patient(t)))(t)
	must(second.Wait(patient(t)))(t)
}

func TestInstancesHaveIDsOfTheirOwn(t *testing.T) {
	zmq := newContext(t)
	ids := map[string]bool{}
	for range 10 {
		s := must(service.NewServer(zmq, "", handlers(), service.WithBind(inproc())))(t)
		ids[s.ID()] = true
		ok(t, s.Close())
	}
	if len(ids) != 10 {
		t.Errorf("ten servers have the ids %v", fmt.Sprint(ids))
	}
}
