package comm_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm"
)

// A kind that binds and one that connects, unless an endpoint says otherwise.
const (
	binding    = comm.KindRouter
	connecting = comm.KindDealer
)

// readings are lists of endpoints and what they are read as.
var readings = []struct {
	kind comm.Kind
	list string
	want []string
}{
	{binding, "", nil},
	{binding, " ", nil},
	{binding, "tcp://127.0.0.1:5555", []string{"bind tcp://127.0.0.1:5555"}},
	{connecting, "tcp://127.0.0.1:5555", []string{"connect tcp://127.0.0.1:5555"}},
	{connecting, "@tcp://127.0.0.1:5555", []string{"bind tcp://127.0.0.1:5555"}},
	{binding, ">tcp://127.0.0.1:5555", []string{"connect tcp://127.0.0.1:5555"}},
	{connecting, "tcp://*:5555", []string{"bind tcp://*:5555"}},
	{connecting, "tcp://127.0.0.1:*", []string{"bind tcp://127.0.0.1:*"}},
	{connecting, "ipc://*", []string{"bind ipc://*"}},
	{binding, "tcp://:5555", []string{"bind tcp://127.0.0.1:5555"}},
	{binding, "tcp://localhost:5555", []string{"bind tcp://127.0.0.1:5555"}},
	{connecting, "tcp://:*", []string{"bind tcp://127.0.0.1:*"}},
	{binding, "tcp://[::1]:5555", []string{"bind tcp://[::1]:5555"}},
	{binding, "tcp://lo:5555", []string{"bind tcp://lo:5555"}},
	{connecting, "tcp://example.org:5555", []string{"connect tcp://example.org:5555"}},
	{connecting, "ipc:///tmp/a, @inproc://b ,>inproc://c*",
		[]string{"connect ipc:///tmp/a", "bind inproc://b", "connect inproc://c*"}},
}

// misreadings are endpoints that are wrong.
var misreadings = []struct {
	kind comm.Kind
	text string
}{
	{connecting, "tcp://:5555"},
	{binding, ">tcp://*:5555"},
	{binding, ">tcp://host:*"},
	{binding, ">ipc://*"},
	{binding, "@>tcp://127.0.0.1:5555"},
	{binding, "tcp://127.0.0.1"},
	{binding, "tcp://127.0.0.1:"},
	{binding, "tcp://::1:5555"},
	{binding, "udp://127.0.0.1:5555"},
	{binding, "pgm://x"},
	{binding, "TCP://127.0.0.1:5555"},
	{binding, "127.0.0.1:5555"},
	{binding, "tcp://"},
	{binding, "inproc://"},
	{binding, "inproc://a\x00b"},
	{binding, "tcp://127.0.0.1:1,,tcp://127.0.0.1:2"},
	{binding, ","},
}

func TestEndpointsAreBoundOrConnectedTo(t *testing.T) {
	for _, e := range readings {
		if got, err := comm.ParseEndpoints(e.kind, e.list); err != nil || !slices.Equal(got, e.want) {
			t.Errorf("%v at %q: read as %q, %v, want %q", e.kind, e.list, got, err, e.want)
		}
	}
}

func TestWrongEndpointsAreRefused(t *testing.T) {
	for _, e := range misreadings {
		if got, err := comm.ParseEndpoints(e.kind, e.text); !errors.Is(err, comm.Invalid) {
			t.Errorf("%v at %q: read as %q, %v", e.kind, e.text, got, err)
		}
	}
}

func TestEveryWrongEndpointIsReportedAtOnce(t *testing.T) {
	r := newRig(t)
	_, err := comm.NewRouter(r.zctx, "nonsense, tcp://127.0.0.1:*, udp://x:1")
	r.wantError(err, comm.Invalid)
	for _, part := range []string{"nonsense", "udp://x:1"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q says nothing of %q", err, part)
		}
	}
}

func TestKindsBindAndConnectAsDividereDoes(t *testing.T) {
	binds := map[string]bool{}
	for kind := comm.KindPublisher; kind <= comm.KindPair; kind++ {
		binds[kind.String()] = kind.Binds()
	}
	want := map[string]bool{
		"publisher": true, "subscriber": false, "xpub": true, "xsub": false, "req": false, "rep": true,
		"dealer": false, "router": true, "push": false, "pull": true, "pair": false,
	}
	for name := range want {
		if got, known := binds[name]; !known || got != want[name] {
			t.Errorf("%s: binds %t, want %t", name, got, want[name])
		}
	}
	if comm.Kind(0).String() != "" || comm.Kind(200).String() != "" {
		t.Error("no kinds have names")
	}
}

func TestBindAndConnectDoWhatTheySay(t *testing.T) {
	r := newRig(t)
	s := r.subscriber("")
	r.ok(s.Bind("tcp://:*, inproc://here"))
	if n := len(s.Endpoints()); n != 2 || !strings.HasPrefix(at(s), "tcp://127.0.0.1:") {
		t.Errorf("bound to %q", s.Endpoints())
	}
	p := r.publisher("")
	r.ok(p.Connect(at(s) + ",>inproc://here"))
	r.ok(s.Subscribe(nil))
	r.ok(p.WaitForSubscribers(r.ctx, 2, nil))
	for _, err := range []error{
		s.Bind(">tcp://127.0.0.1:1"), s.Connect("@tcp://127.0.0.1:1"), s.Connect("tcp://*:1"), s.Connect("tcp://:1"), s.Bind("x"),
	} {
		r.wantError(err, comm.Invalid)
	}
	if n := len(s.Endpoints()); n != 2 {
		t.Errorf("then bound to %q", s.Endpoints())
	}
}

func TestUnboundEndpointsAreFreeAgain(t *testing.T) {
	onTCPAndInproc(t, func(r *rig, bind string) {
		first := r.pull(bind)
		endpoint := at(first)
		r.ok(first.Unbind(endpoint))
		if n := len(first.Endpoints()); n != 0 {
			t.Errorf("still bound to %q", first.Endpoints())
		}
		second := r.pull("")
		r.eventually("it can be bound", func() bool { return second.Bind(endpoint) == nil })
		r.send(r.push(endpoint), "for the second")
		r.want(second, "for the second")
		r.wantError(first.Unbind(endpoint), comm.AddressUnavailable)
		r.wantError(first.Disconnect(endpoint), comm.AddressUnavailable)
	})
}

func TestIPv6IsSpoken(t *testing.T) {
	r := newRig(t)
	pull, err := comm.NewPull(r.zctx, "tcp://[::1]:*")
	if err != nil {
		t.Skip("this system has no IPv6:", err)
	}
	r.send(r.push(at(pull)), "over IPv6")
	r.want(pull, "over IPv6")
	port, err := comm.AcquirePort("::1")
	other := r.pull("")
	r.ok(other.BindPort(must(t, port, err)))
	r.send(r.push(at(other)), "over a port of IPv6")
	r.want(other, "over a port of IPv6")
}

func TestBindingOnAllInterfacesWarnsOnce(t *testing.T) {
	for name, open := range map[string]func(r *rig){
		"*":       func(r *rig) { r.router("tcp://*:*"); r.pull("tcp://*:*") },
		"0.0.0.0": func(r *rig) { r.router("tcp://0.0.0.0:*") },
		"later":   func(r *rig) { r.ok(r.dealer("").Bind("tcp://*:*")) },
		"a port": func(r *rig) {
			p, err := comm.AcquirePort("0.0.0.0")
			r.ok(r.dealer("").BindPort(must(r, p, err)))
		},
	} {
		var log bytes.Buffer
		r := newRig(t, comm.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		r.router("tcp://127.0.0.1:*, ipc://*, inproc://*")
		if log.Len() > 0 {
			t.Errorf("warned of nothing: %s", log.String())
		}
		open(r)
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("%s: %d warnings, want 1: %s", name, n, log.String())
		}
	}
}

// A handler of logs may itself use the socket that is bound.
func TestWarningMayBeSentThroughTheSocketItself(t *testing.T) {
	var p *comm.Publisher
	handler := handle(func() { _ = p.Endpoints() })
	r := newRig(t, comm.WithLogger(slog.New(handler)))
	p = r.publisher("")
	r.ok(p.Bind("tcp://*:*"))
}
