package registry_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/registry/store"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

func TestBestEndpointIsTheNearest(t *testing.T) {
	zmq := newContext(t)
	ipc := ipcEndpoint(t)
	defer must(net.Listen("unix", strings.TrimPrefix(ipc, "ipc://")))(t).Close()
	i := &mitterev1.Instance{
		Endpoints: []string{"tcp://h:1", ipc, "inproc://p"}, Host: registry.Host(), HostId: registry.HostID(), Context: zmq.ID(),
	}
	for _, want := range []string{"inproc://p", ipc, "tcp://h:1", ""} {
		if got := registry.Reach(i, zmq); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		switch want {
		case "inproc://p":
			i.Context = "another"
		case ipc:
			i.HostId = "another" // and the same name, as a container's
		case "tcp://h:1":
			i.Endpoints = i.Endpoints[1:]
		}
	}
}

func TestSocketOfAFileThatIsNotThereIsTheLastChoice(t *testing.T) {
	zmq, gone := newContext(t), "ipc://"+filepath.Join(t.TempDir(), "gone")
	for name, id := range map[string]string{"of this file system": registry.HostID(), "of an older peer": ""} {
		i := &mitterev1.Instance{Endpoints: []string{gone, "tcp://h:1"}, Host: registry.Host(), HostId: id}
		if got := registry.Reach(i, zmq); got != "tcp://h:1" {
			t.Errorf("%s: %q is nearer than tcp", name, got)
		}
		i.Endpoints = i.Endpoints[:1]
		if got := registry.Reach(i, zmq); got != gone {
			t.Errorf("%s: got %q, want the only one", name, got)
		}
	}
}

func TestMalformedEndpointsAreNotReached(t *testing.T) {
	zmq := newContext(t)
	for _, wrong := range []string{"tcp://10.1.1.1", "tcp://h:70000", "tcp://h:0", "tcp://a b:1", "tcp://h: 1", "tcp://:1", "tcp://*:1", "h:1", ""} {
		i := &mitterev1.Instance{Endpoints: []string{wrong, "tcp://h:1"}}
		if got := registry.Reach(i, zmq); got != "tcp://h:1" {
			t.Errorf("%q is reached at %q", wrong, got)
		}
		wantCode(t, store.CheckEndpoint(wrong), messaging.InvalidArgument)
	}
}

// TestPublisherOnAllInterfacesIsRegisteredWithAnAddress is bound where nobody can
// connect to.
func TestPublisherOnAllInterfacesIsRegisteredWithAnAddress(t *testing.T) {
	zmq := newContext(t)
	s := serve(t, zmq, tcp)
	c := dial(t, zmq, s.endpoint())
	pub, instance := publisher(t, zmq, "1", "tcp://*:*")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(pub.Endpoints()[0], "tcp://"))
	ok(t, err)
	register(t, c, instance, long)
	got := list(t, c)[0].GetInstance()
	if got.GetEndpoints()[0] != "tcp://127.0.0.1:"+port {
		t.Errorf("it is registered at %v", got.GetEndpoints())
	}
}
