package broker_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/descriptorpb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/service/broker"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// calm runs a broker that lets workers live which say nothing, and that stops at
// once.
func calm(t *testing.T, options ...broker.Option) *running {
	t.Helper()
	return serve(t, append([]broker.Option{broker.WithHeartbeat(time.Minute, 3), broker.WithDrainTimeout(0)}, options...)...)
}

// manage returns a client of a broker's management, by the port that all use.
func (r *running) manage(t *testing.T) *mitterev1mittere.BrokerServiceClient {
	t.Helper()
	return mitterev1mittere.NewBrokerServiceClient(r.call(t))
}

// call returns a caller of the service by which the broker answers itself.
func (r *running) call(t *testing.T) *call.Conn {
	t.Helper()
	conn := must(call.Dial(r.zmq, r.Endpoints()[0], call.WithService(broker.ServiceName), call.WithSocket(comm.WithLinger(0))))(t)
	t.Cleanup(func() { ok(t, conn.Close()) })
	return conn
}

// named returns a peer with a routing id, which is a worker's name.
func (r *running) named(t *testing.T, name string) *peer {
	t.Helper()
	p := &peer{t, must(comm.NewDealer(r.zmq, r.Endpoints()[0], comm.WithLinger(0), comm.WithRoutingID(name)))(t)}
	t.Cleanup(func() { ok(t, p.Close()) })
	return p
}

// register makes workers ready, each of a name and for a service, and waits until the
// broker knows them.
func (r *running) register(t *testing.T, service string, names ...string) (workers []*peer) {
	t.Helper()
	for _, name := range names {
		w := r.named(t, name)
		w.ready(service)
		workers = append(workers, w)
		eventually(t, name+" is registered", func() bool {
			return slices.ContainsFunc(r.Workers(), func(v desk.WorkerView) bool { return v.Offer.Name == name })
		})
	}
	return workers
}

// namesOf returns the names of workers.
func namesOf(workers []*mitterev1.Worker) string {
	var names []string
	for _, w := range workers {
		names = append(names, w.GetName())
	}
	return strings.Join(names, " ")
}

// workers lists workers.
func workers(t *testing.T, m *mitterev1mittere.BrokerServiceClient, req *mitterev1.ListWorkersRequest) []*mitterev1.Worker {
	t.Helper()
	return must(m.ListWorkers(patient(t), req))(t).GetWorkers()
}

func TestWorkersAreListedAsAskedFor(t *testing.T) {
	b := calm(t)
	b.register(t, "echo", "e1", "e2")
	b.register(t, "sum", "s1")
	m := b.manage(t)
	must(m.Drain(patient(t), &mitterev1.DrainRequest{Workers: []string{"e2"}}))(t)
	for name, c := range map[string]struct {
		asked *mitterev1.ListWorkersRequest
		want  string
	}{
		"all":                   {&mitterev1.ListWorkersRequest{}, "e1 e2 s1"},
		"of a service":          {&mitterev1.ListWorkersRequest{Service: "echo"}, "e1 e2"},
		"of no service":         {&mitterev1.ListWorkersRequest{Service: "ech"}, ""},
		"alive":                 {&mitterev1.ListWorkersRequest{Status: mitterev1.WorkerStatus_WORKER_STATUS_ALIVE}, "e1 s1"},
		"draining":              {&mitterev1.ListWorkersRequest{Status: mitterev1.WorkerStatus_WORKER_STATUS_DRAINING}, "e2"},
		"by name":               {&mitterev1.ListWorkersRequest{Names: []string{"s1", "e1"}}, "e1 s1"},
		"all that is set":       {&mitterev1.ListWorkersRequest{Names: []string{"s1", "e2"}, Service: "echo"}, "e2"},
		"of a state of newer's": {&mitterev1.ListWorkersRequest{Status: 99}, "e1 e2 s1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := namesOf(workers(t, m, c.asked)); got != c.want {
				t.Errorf("listed %q, want %q", got, c.want)
			}
		})
	}
	resp := must(m.ListWorkers(patient(t), &mitterev1.ListWorkersRequest{Names: []string{"nobody", "e1", "nobody"}, Service: "sum"}))(t)
	if got := resp.GetUnknown(); !slices.Equal(got, []string{"nobody"}) || len(resp.GetWorkers()) != 0 {
		t.Errorf("unknown are %q, listed %v", got, resp.GetWorkers())
	}
}

func TestWorkerIsToldOfInFull(t *testing.T) {
	b := calm(t)
	w := b.register(t, "echo", "e1")[0]
	client := b.dial(t)
	defer client.Close()
	client.say("", "MDPC01", "echo", "x")
	token := w.want()[3]
	m := b.manage(t)
	one := workers(t, m, &mitterev1.ListWorkersRequest{})[0]
	if one.GetState() != mitterev1.WorkerState_WORKER_STATE_BUSY || one.GetInFlight() != 1 || one.GetCapacity() != 1 ||
		one.GetServed() != 0 || one.GetDialect() != "MDP/0.1" || !slices.Equal(one.GetServices(), []string{"echo"}) ||
		one.GetHeartbeatNano() != int64(time.Minute) || one.GetAddress() != "0/6531" {
		t.Errorf("got %v", one)
	}
	if one.GetRegisteredNano() <= 0 || one.GetHeardNano() < 0 || one.GetHeardNano() > one.GetRegisteredNano() || one.GetLeftNano() > int64(3*time.Minute) || one.GetLeftNano() < int64(time.Minute) {
		t.Errorf("the times are %d, %d and %d", one.GetRegisteredNano(), one.GetHeardNano(), one.GetLeftNano())
	}
	w.say("", "MDPW01", "\x03", token, "", "y")
	must(client.hear(patient(t)))(t)
	one = workers(t, m, &mitterev1.ListWorkersRequest{})[0]
	if one.GetState() != mitterev1.WorkerState_WORKER_STATE_IDLE || one.GetServed() != 1 || one.GetInFlight() != 0 {
		t.Errorf("afterwards got %v", one)
	}
	if one.GetReceived() < 2 || one.GetSent() < 1 {
		t.Errorf("%d messages came of it, %d were sent to it", one.GetReceived(), one.GetSent())
	}
}

func TestServicesAreListedWithWhatWaits(t *testing.T) {
	b := calm(t)
	w := b.register(t, "echo", "e1")[0]
	b.register(t, "sum", "s1", "s2")
	client := b.dial(t)
	defer client.Close()
	for range 3 {
		client.say("", "MDPC01", "echo", "x")
	}
	client.say("", "MDPC01", "nobody", "x")
	w.want()
	m := b.manage(t)
	list := func(req *mitterev1.ListServicesRequest) (names string, all []*mitterev1.BrokeredService) {
		all = must(m.ListServices(patient(t), req))(t).GetServices()
		for _, s := range all {
			names += s.GetName() + " "
		}
		return names, all
	}
	eventually(t, "all requests are there", func() bool { return b.Stats().Load.Requests == 4 })
	names, all := list(&mitterev1.ListServicesRequest{})
	if names != "echo nobody sum " {
		t.Fatalf("listed %s", names)
	}
	if s := all[0]; s.GetWorkers() != 1 || s.GetFree() != 0 || s.GetQueued() != 2 || s.GetInFlight() != 1 {
		t.Errorf("got %v", s)
	}
	if s := all[1]; s.GetWorkers() != 0 || s.GetQueued() != 1 {
		t.Errorf("got %v", s)
	}
	if s := all[2]; s.GetWorkers() != 2 || s.GetFree() != 2 {
		t.Errorf("got %v", s)
	}
	for _, c := range []struct {
		asked *mitterev1.ListServicesRequest
		want  string
	}{
		{&mitterev1.ListServicesRequest{Name: "sum"}, "sum "},
		{&mitterev1.ListServicesRequest{Name: "su"}, ""},
		{&mitterev1.ListServicesRequest{Prefix: "su"}, "sum "},
		{&mitterev1.ListServicesRequest{Prefix: "su", Name: "echo"}, ""},
	} {
		if got, _ := list(c.asked); got != c.want {
			t.Errorf("%v lists %q, want %q", c.asked, got, c.want)
		}
	}
}

func TestStatusTellsVersionsAndCounts(t *testing.T) {
	b := calm(t)
	before := time.Now()
	w := b.register(t, "echo", "e1")[0]
	client := b.dial(t)
	defer client.Close()
	client.say("", "MDPC01", "echo", "x")
	w.say("", "MDPW01", "\x03", w.want()[3], "", "y")
	must(client.hear(patient(t)))(t)
	s := must(b.manage(t).Status(patient(t), &mitterev1.BrokerServiceStatusRequest{}))(t)
	if v := s.GetVersions(); v.GetGo() != runtime.Version() || !strings.Contains(v.GetZeromq(), " ") || v.GetPlatform() != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("the versions are %v", v)
	}
	if began := time.Unix(0, s.GetStartedUnixNano()); began.After(before) || before.Sub(began) > time.Hour {
		t.Errorf("it began %v, and was asked after %v", began, before)
	}
	if !slices.Equal(s.GetEndpoints(), b.Endpoints()) || s.GetHealth() != mitterev1.Health_HEALTH_SERVING {
		t.Errorf("it is at %q and %v", s.GetEndpoints(), s.GetHealth())
	}
	if c := s.GetCounters(); c.GetAnswered() == 0 || c.GetReceived() < 2 || c.GetSent() < 2 || c.GetRegistered() == 0 {
		t.Errorf("it counted %v", c)
	}
	if l := s.GetLoad(); l.GetWorkers() == 0 || l.GetPeers() < 2 {
		t.Errorf("it holds %v", l)
	}
	i := slices.IndexFunc(s.GetDialects(), func(d *mitterev1.DialectCount) bool { return d.GetDialect() == "MDP/0.1" })
	if i < 0 || s.GetDialects()[i].GetPeers() != 2 || s.GetDialects()[i].GetWorkers() != 1 {
		t.Errorf("the dialects are %v", s.GetDialects())
	}
}

func TestSettingsAreThoseThatHold(t *testing.T) {
	b := calm(t, broker.WithDrainTimeout(time.Millisecond), broker.WithSocket(comm.WithMaxFrameSize(4096)), broker.WithLimits(desk.Limits{Queue: 7, Expiry: 9 * time.Second}))
	s := must(b.manage(t).Settings(patient(t), &mitterev1.SettingsRequest{}))(t)
	if !slices.Equal(s.GetEndpoints(), b.Endpoints()) || s.GetHeartbeatNano() != int64(time.Minute) || s.GetLiveness() != 3 ||
		s.GetDrainNano() != int64(time.Millisecond) || s.GetMaxFrameBytes() != 4096 {
		t.Errorf("got %v", s)
	}
	if l := s.GetLimits(); l.GetQueue() != 7 || l.GetExpiryNano() != int64(9*time.Second) || l.GetRequests() != 100_000 {
		t.Errorf("the limits are %v", l)
	}
}

func TestDrainedWorkerFinishesWhatItHasAndGetsNothingNew(t *testing.T) {
	b := calm(t)
	first := b.register(t, "echo", "e1")[0]
	client := b.dial(t)
	defer client.Close()
	client.say("", "MDPC01", "echo", "1")
	token := first.want()[3]
	m := b.manage(t)
	resp := must(m.Drain(patient(t), &mitterev1.DrainRequest{Workers: []string{"e1", "nobody", "e1"}}))(t)
	if !slices.Equal(resp.GetDrained(), []string{"e1"}) || !slices.Equal(resp.GetUnknown(), []string{"nobody"}) {
		t.Errorf("got %v", resp)
	}
	second := b.register(t, "echo", "e2")[0]
	client.say("", "MDPC01", "echo", "2")
	request := second.want()
	token2 := request[3]
	if got := request[5]; got != "2" {
		t.Errorf("the other worker got %q", got)
	}
	first.say("", "MDPW01", "\x03", token, "", "done")
	if got := must(client.hear(patient(t)))(t); got[3] != "done" {
		t.Errorf("the client got %q", got)
	}
	client.say("", "MDPC01", "echo", "3")
	eventually(t, "the request waits", func() bool { return b.Stats().Load.Requests == 2 })
	if s := b.Stats().Load; s.InFlight != 1 {
		t.Errorf("%d requests are at workers", s.InFlight)
	}
	first.ready("echo") // again, which changes nothing
	second.say("", "MDPW01", "\x03", token2, "", "done")
	if got := second.want()[5]; got != "3" {
		t.Errorf("the other worker got %q", got)
	}
	must(m.Dismiss(patient(t), &mitterev1.DismissRequest{Workers: []string{"e1"}}))(t)
	first.ready("echo")
	client.say("", "MDPC01", "echo", "4")
	for got := first.want(); len(got) != 6 || got[5] != "4"; got = first.want() { // behind the disconnect
	}
}

func TestDrainedWorkersAreResumed(t *testing.T) {
	for name, undo := range map[string]*mitterev1.ResumeRequest{
		"by name":    {Workers: []string{"e1", "nobody"}},
		"by service": {Service: "echo"},
	} {
		t.Run(name, func(t *testing.T) {
			b := calm(t)
			w, m, client := b.register(t, "echo", "e1")[0], b.manage(t), b.dial(t)
			defer client.Close()
			must(m.Drain(patient(t), &mitterev1.DrainRequest{Service: "echo"}))(t)
			client.say("", "MDPC01", "echo", "x")
			eventually(t, "the request waits", func() bool { return b.Stats().Load.Calls == 1 })
			resp := must(m.Resume(patient(t), undo))(t)
			if got := w.want(); len(got) != 6 || got[5] != "x" {
				t.Errorf("the worker got %q", got)
			}
			if !slices.Equal(resp.GetResumed(), []string{"e1"}) || len(resp.GetUnknown()) != max(len(undo.GetWorkers())-1, 0) {
				t.Errorf("got %v", resp)
			}
		})
	}
}

// namesOfNobody returns names that no worker has.
func namesOfNobody(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("nobody", i))
	}
	return names
}

// TestNamesOfNobodyAreBounded asks for as many as may be, and for more.
func TestNamesOfNobodyAreBounded(t *testing.T) {
	b := calm(t)
	b.register(t, "echo", "e1")
	m := b.manage(t)
	most := append(namesOfNobody(9_999), "e1")
	if got := must(m.ListWorkers(patient(t), &mitterev1.ListWorkersRequest{Names: most}))(t); len(got.GetUnknown()) != 9_999 || len(got.GetWorkers()) != 1 {
		t.Errorf("%d are unknown, of %d workers", len(got.GetUnknown()), len(got.GetWorkers()))
	}
	if got := must(m.Drain(patient(t), &mitterev1.DrainRequest{Workers: most}))(t); len(got.GetUnknown()) != 9_999 || !slices.Equal(got.GetDrained(), []string{"e1"}) {
		t.Errorf("%d are unknown, drained %v", len(got.GetUnknown()), got.GetDrained())
	}
	more := namesOfNobody(100_000)
	for name, ask := range map[string]func() error{
		"list": func() error {
			_, err := m.ListWorkers(patient(t), &mitterev1.ListWorkersRequest{Names: more})
			return err
		},
		"drain":   func() error { _, err := m.Drain(patient(t), &mitterev1.DrainRequest{Workers: more}); return err },
		"resume":  func() error { _, err := m.Resume(patient(t), &mitterev1.ResumeRequest{Workers: more}); return err },
		"dismiss": func() error { _, err := m.Dismiss(patient(t), &mitterev1.DismissRequest{Workers: more}); return err },
	} {
		if code := messaging.CodeOf(ask()); code != messaging.InvalidArgument {
			t.Errorf("%s: got %v", name, code)
		}
	}
	other := call.BindStream[*mitterev1.StatsRequest, *mitterev1.StatsResponse](b.call(t), call.Method{})
	for answer := range call.AllStream(patient(t), other, &mitterev1.StatsRequest{}, call.ToWorkers(more...)) {
		if messaging.CodeOf(answer.Err) != messaging.InvalidArgument {
			t.Errorf("a target: got %v", answer.Err)
		}
	}
}

func TestDismissedWorkerIsDisconnectedAndItsRequestGoesToAnother(t *testing.T) {
	b := calm(t)
	first := b.register(t, "echo", "e1")[0]
	client := b.dial(t)
	defer client.Close()
	client.say("", "MDPC01", "echo", "1")
	first.want()
	second := b.register(t, "echo", "e2")[0]
	b.register(t, "sum", "s1")
	m := b.manage(t)
	resp := must(m.Dismiss(patient(t), &mitterev1.DismissRequest{Workers: []string{"e1"}}))(t)
	if !slices.Equal(resp.GetDismissed(), []string{"e1"}) {
		t.Errorf("got %v", resp)
	}
	if got := first.want(); got[2] != "\x05" {
		t.Errorf("the worker got %q", got)
	}
	if got := second.want()[5]; got != "1" {
		t.Errorf("the other worker got %q", got)
	}
	resp = must(m.Dismiss(patient(t), &mitterev1.DismissRequest{Service: "echo"}))(t)
	if got := namesOf(workers(t, m, &mitterev1.ListWorkersRequest{})); !slices.Equal(resp.GetDismissed(), []string{"e2"}) || got != "s1" {
		t.Errorf("got %v, and %q are left", resp, got)
	}
}

func TestNobodyIsMeantWhereNobodyIsNamed(t *testing.T) {
	b := calm(t)
	b.register(t, "echo", "e1")
	m := b.manage(t)
	_, drained := m.Drain(patient(t), &mitterev1.DrainRequest{})
	_, dismissed := m.Dismiss(patient(t), &mitterev1.DismissRequest{})
	_, both := m.Drain(patient(t), &mitterev1.DrainRequest{Workers: []string{"e1"}, Service: "echo"})
	for _, err := range []error{drained, dismissed, both} {
		if messaging.CodeOf(err) != messaging.InvalidArgument {
			t.Errorf("got %v", err)
		}
	}
	_, drained = m.Drain(patient(t), &mitterev1.DrainRequest{Service: "ech"})
	_, dismissed = m.Dismiss(patient(t), &mitterev1.DismissRequest{Service: "ech"})
	for _, err := range []error{drained, dismissed} {
		if messaging.CodeOf(err) != messaging.NotFound {
			t.Errorf("got %v", err)
		}
	}
	if got := workers(t, m, &mitterev1.ListWorkersRequest{})[0].GetState(); got != mitterev1.WorkerState_WORKER_STATE_IDLE {
		t.Errorf("the worker is %v", got)
	}
}

func TestBrokersOwnWorkerIsListedWhereItIsNamedAndStays(t *testing.T) {
	b := calm(t)
	b.register(t, "echo", "e1")
	m := b.manage(t)
	own := workers(t, m, &mitterev1.ListWorkersRequest{Service: broker.ServiceName})
	if len(own) != 1 || own[0].GetState() != mitterev1.WorkerState_WORKER_STATE_BUSY || own[0].GetInFlight() != 1 {
		t.Fatalf("its own are %v", own) // busy with this question
	}
	name := own[0].GetName()
	if got := namesOf(workers(t, m, &mitterev1.ListWorkersRequest{Names: []string{name, "e1"}})); got != "e1 "+name {
		t.Errorf("by name it lists %q", got)
	}
	for asked, want := range map[*mitterev1.ListServicesRequest]int{{}: 1, {Prefix: "mittere."}: 1, {Name: broker.ServiceName}: 1} {
		if got := must(m.ListServices(patient(t), asked))(t).GetServices(); len(got) != want {
			t.Errorf("%v lists %v", asked, got)
		}
	}
	_, byName := m.Drain(patient(t), &mitterev1.DrainRequest{Workers: []string{"e1", name}})
	_, byService := m.Dismiss(patient(t), &mitterev1.DismissRequest{Service: broker.ServiceName})
	for _, err := range []error{byName, byService} {
		if messaging.CodeOf(err) != messaging.PermissionDenied {
			t.Errorf("got %v", err)
		}
	}
	if got := workers(t, m, &mitterev1.ListWorkersRequest{Status: mitterev1.WorkerStatus_WORKER_STATUS_ALIVE}); namesOf(got) != "e1" {
		t.Errorf("alive are %v", got)
	}
}

func TestBrokerAnswersWhatEveryServiceDoes(t *testing.T) {
	b := calm(t, broker.WithName("b1"), broker.WithVersion("v7"))
	m := mitterev1mittere.NewManagementServiceClient(b.call(t))
	info := must(m.Info(patient(t), &mitterev1.InfoRequest{}))(t)
	if info.GetName() != broker.ServiceName || info.GetId() != "b1" || info.GetVersion() != "v7" || !slices.Equal(info.GetEndpoints(), b.Endpoints()) || len(info.GetMethods()) != 7 {
		t.Errorf("it is %v", info)
	}
	files := must(m.Descriptors(patient(t), &mitterev1.DescriptorsRequest{}))(t).GetFiles().GetFile()
	if !slices.ContainsFunc(files, func(f *descriptorpb.FileDescriptorProto) bool { return f.GetName() == "mittere/v1/broker.proto" }) {
		t.Error("its schemas lack its own")
	}
	s := must(b.manage(t).Status(patient(t), &mitterev1.BrokerServiceStatusRequest{}))(t)
	if s.GetName() != "b1" || s.GetVersions().GetProgram() != "v7" {
		t.Errorf("its state is %v", s)
	}
}

func TestSettingsNameThePirates(t *testing.T) {
	b := calm(t, broker.WithPirate(tcp, tcp, "plunder"))
	pirates := must(b.manage(t).Settings(patient(t), &mitterev1.SettingsRequest{}))(t).GetPirates()
	want := b.Pirates()[0]
	if len(pirates) != 1 || pirates[0].GetService() != "plunder" || !slices.Equal(pirates[0].GetFront(), want.Front) || !slices.Equal(pirates[0].GetBack(), want.Back) {
		t.Errorf("got %v, want %v", pirates, want)
	}
}

// dismiss dismisses a worker.
func dismiss(t *testing.T, b *running, name string) {
	t.Helper()
	must(b.manage(t).Dismiss(patient(t), &mitterev1.DismissRequest{Workers: []string{name}}))(t)
}

// takeName registers another worker of a name.
func takeName(t *testing.T, b *running, name string) {
	t.Helper()
	w := b.dial(t)
	session := w.hello(mitterev1.Role_ROLE_WORKER).GetSession()
	w.command(&mitterev1.Ready{Session: session, Instance: name, Services: []string{"echo"}, Capacity: 1}, nil)
}

func TestBrokerThatStopsTellsOfItselfUntilItsEnd(t *testing.T) {
	b := calm(t, broker.WithDrainTimeout(patience))
	worker := b.register(t, "echo", "e1")[0]
	client := b.dial(t)
	client.say("", "MDPC01", "echo", "x")
	token := worker.want()[3]
	b.cancel()
	eventually(t, "it stops", b.Stopping)
	m := b.manage(t) // a new session
	if s := must(m.Status(patient(t), &mitterev1.BrokerServiceStatusRequest{}))(t); s.GetHealth() != mitterev1.Health_HEALTH_DRAINING {
		t.Errorf("it is %v", s.GetHealth())
	}
	if got := workers(t, m, &mitterev1.ListWorkersRequest{}); namesOf(got) != "e1" || got[0].GetInFlight() != 1 {
		t.Errorf("the workers are %v", got)
	}
	asking, stop := context.WithCancel(t.Context())
	var questions sync.WaitGroup
	questions.Go(func() { // which keep it from nothing
		for asking.Err() == nil {
			_, _ = m.Status(asking, &mitterev1.BrokerServiceStatusRequest{})
		}
	})
	worker.say("", "MDPW01", "\x03", token, "", "done")
	if got := client.want(); got[3] != "done" {
		t.Errorf("the client got %q", got)
	}
	ok(t, b.stop())
	stop()
	questions.Wait()
}

func TestBrokerThatStopsDoesNotWaitForWhatNobodyServes(t *testing.T) {
	b := calm(t, broker.WithDrainTimeout(patience))
	client := b.dial(t)
	client.say("", "MDPC01", "nobody", "x")
	eventually(t, "the request waits", func() bool { return b.Stats().Load.Calls == 1 })
	ok(t, b.stop())
	if got := client.want(); len(got) != 4 || statusIn(t, got[3]).GetCode() != mitterev1.Code_CODE_UNAVAILABLE {
		t.Errorf("the client got %q", got)
	}
}

// TestBrokerThatStopsDoesNotWaitForQuestionsAboutItself has a worker of its own that
// answers nothing.
func TestBrokerThatStopsDoesNotWaitForQuestionsAboutItself(t *testing.T) {
	b := calm(t, broker.WithDrainTimeout(2*patience), broker.WithShortestHeartbeat(time.Minute))
	endpoint, secret := b.Inner()
	own := b.dialAt(t, endpoint)
	own.command(&mitterev1.Hello{Instance: secret, Role: mitterev1.Role_ROLE_WORKER}, nil)
	session := answered[*mitterev1.Welcome](own).GetSession()
	own.command(&mitterev1.Ready{Session: session, Instance: "own", Services: []string{broker.ServiceName}, Capacity: 1}, nil)
	eventually(t, "it is registered", func() bool { return len(b.Workers()) == 2 })
	client := b.dial(t)
	r := request(client.hello(mitterev1.Role_ROLE_CLIENT).GetSession(), 1)
	r.Service, r.Target = broker.ServiceName, &mitterev1.Target{Kind: mitterev1.Target_KIND_NAMED, Names: []string{"own"}}
	client.command(r, body(t))
	answered[*mitterev1.Request](own)
	b.cancel()
	eventually(t, "it ends", func() bool {
		select {
		case <-b.ended:
			return true
		default:
			return false
		}
	})
	if got := answered[*mitterev1.Reply](client); got.GetStatus().GetCode() != mitterev1.Code_CODE_UNAVAILABLE {
		t.Errorf("got %v", got)
	}
}
