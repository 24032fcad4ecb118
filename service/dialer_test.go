package service_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/registry"
	"github.com/mittere/mittere/service"
)

// crowd enters that many instances that are dead.
func crowd(t *testing.T, n *names, name string, many int) {
	t.Helper()
	var all []*registry.Registration
	for i := range many {
		all = append(all, n.client.Register(&mitterev1.Instance{
			Name: name, Id: fmt.Sprintf("dead-%d", i), Endpoints: []string{fmt.Sprintf("tcp://127.0.0.1:%d", 1+i%7)},
		}, time.Hour))
	}
	for _, r := range all {
		ok(t, r.Wait(patient(t)))
	}
}

// descriptors returns how many descriptors the process has.
func descriptors(t *testing.T) int {
	t.Helper()
	return len(must(os.ReadDir("/proc/self/fd"))(t))
}

func TestDeadInstancesCostNoCallItsTimeAndFewDescriptors(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	crowd(t, n, echoService, 1000)
	before := descriptors(t)
	c := must(service.NewClient(zmq, echoService, service.FromRegistry(n.endpoint)))(t)
	eventually(t, "the instances are known", func() bool { return len(c.Members()) == 1000 })
	began := time.Now()
	_, err := askEcho(within(t, 2*time.Second), c, "x")
	if wantCode(t, err, messaging.Unavailable); time.Since(began) > 4*time.Second {
		t.Errorf("a call of two seconds took %v", time.Since(began))
	}
	// libzmq closes what a socket had some time after the socket itself.
	eventually(t, "there are few descriptors more", func() bool { return descriptors(t)-before <= 64*8 })
	began = time.Now()
	ok(t, c.Close())
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("Close took %v", took)
	}
}

func TestLiveInstanceIsFoundAmongManyThatAreDead(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	crowd(t, n, echoService, 300)
	serve(t, zmq, handlers(), service.WithRegistry(n.endpoint), service.WithID("alive"))
	c := newClient(t, zmq, service.FromRegistry(n.endpoint), service.WithPatience(patience))
	if id := wantEcho(t, c); id != "alive" {
		t.Errorf("%q answered", id)
	}
	must(askEcho(patient(t), c, "x", call.ToWorker("alive")))(t)
}

// staleSocket returns an ipc endpoint whose socket file is there and whose process is gone.
func staleSocket(t *testing.T) string {
	t.Helper()
	endpoint := ipcEndpoint(t)
	l := must(net.ListenUnix("unix", &net.UnixAddr{Name: strings.TrimPrefix(endpoint, "ipc://")}))(t)
	l.SetUnlinkOnClose(false)
	ok(t, l.Close())
	return endpoint
}

func TestInstanceWhoseIPCFailsIsReachedByTCP(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	s := serve(t, zmq, handlers(), service.WithBind(tcp), service.WithID("both"))
	ok(t, n.client.Register(&mitterev1.Instance{
		Name: echoService, Id: "both", Host: registry.Host(), Endpoints: []string{staleSocket(t), s.Endpoints()[0]},
	}, time.Hour).Wait(patient(t)))
	for what, options := range map[string][]call.Option{
		"any": nil, "named": {call.ToWorker("both")}, "fails fast": {call.WithFailFast()},
	} {
		t.Run(what, func(t *testing.T) {
			c := newClient(t, zmq, service.FromRegistry(n.endpoint), service.WithPatience(patience))
			eventually(t, "the instance is known", func() bool { return len(c.Members()) == 1 })
			must(askEcho(patient(t), c, "x", options...))(t)
		})
	}
	c := newClient(t, zmq, service.FromRegistry(n.endpoint), service.WithPatience(patience))
	eventually(t, "the instance is known", func() bool { return len(c.Members()) == 1 })
	must(askEcho(patient(t), c.Members()[0].Caller, "x"))(t)
}

func TestInstanceIsReachedAgainByTheFirstEndpointWhenAllHadFailed(t *testing.T) {
	zmq := newContext(t)
	n := serveNames(t, zmq, tcp)
	stale := staleSocket(t)
	ok(t, n.client.Register(&mitterev1.Instance{
		Name: echoService, Id: "late", Host: registry.Host(), Endpoints: []string{stale, "tcp://127.0.0.1:1"},
	}, time.Hour).Wait(patient(t)))
	c := newClient(t, zmq, service.FromRegistry(n.endpoint), service.WithPatience(patience))
	eventually(t, "tcp was tried", func() bool {
		_, err := askEcho(patient(t), c, "x", call.WithFailFast())
		return err != nil && strings.Contains(err.Error(), "tcp://127.0.0.1:1")
	})
	serve(t, zmq, handlers(), service.WithBind(stale), service.WithID("late"))
	must(askEcho(patient(t), c, "x"))(t)
}
