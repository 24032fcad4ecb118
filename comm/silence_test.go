package comm_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
)

// With libzmq's own heartbeats these two fail once one of them is due: it takes
// a receiver for dead that is busy for long, since it reads no answer meanwhile;
// and it ends the process if the peer has left by then.

func TestFaultsOfPeersThatLeaveWhileTheReceiverIsFull(t *testing.T) {
	t.Parallel() // it only waits
	r := newRig(t)
	pull := r.pull("tcp://127.0.0.1:*", few)
	for range 20 {
		r.hangUp(r.dialReady(pull, "PUSH"), []byte(strings.Repeat("\x00\x04lost", 10_000)), true)
	}
	<-time.After(faulttest.Length(t)) // nobody receives: this is the fault
	push := r.push(at(pull))
	r.send(push, "good")
	for r.recv(pull)[0] != "good" {
	}
}

func TestFaultOfReceiverThatIsBusyForLongLosesNothing(t *testing.T) {
	t.Parallel() // it only waits
	r := newRig(t)
	pull := r.pull("tcp://127.0.0.1:*", few)
	push := r.push(at(pull), few)
	filling := r.fill(push)
	<-time.After(faulttest.Length(t)) // nobody receives: this is the fault
	r.wantStopped(filling)
	for range push.Stats().Sent {
		r.want(pull, bulk)
	}
	if s := pull.Stats(); s.Disconnects != 0 {
		t.Errorf("the connection was closed %d times", s.Disconnects)
	}
}

func TestSystemTestsSilentConnections(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		options []comm.Option
		tested  bool
	}{
		{nil, true},
		{[]comm.Option{comm.WithKeepAlive(time.Second, 3*time.Second)}, true},
		{[]comm.Option{comm.WithKeepAlive(0, 0)}, false},
	} {
		bound, byPort := r.router("tcp://127.0.0.1:*", c.options...), r.router("", c.options...)
		r.ok(byPort.BindPort(r.acquire()))
		for _, s := range []*comm.Router{bound, byPort} {
			peer := r.dialReady(s, "DEALER")
			if got := keepAliveRuns(t, peer.RemoteAddr()); got != c.tested {
				t.Errorf("the connection is tested: %t, want %t", got, c.tested)
			}
			r.ok(peer.Close())
		}
	}
}

// keepAliveRuns reports whether the system tests the connections of a port.
func keepAliveRuns(t *testing.T, address net.Addr) bool {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Skip("cannot see the timers of connections on this system:", err)
	}
	port := fmt.Sprintf(":%04X", address.(*net.TCPAddr).Port)
	for _, line := range strings.Split(string(table), "\n") {
		fields := strings.Fields(line)
		if len(fields) > 5 && strings.HasSuffix(fields[1], port) && fields[3] == "01" {
			return strings.HasPrefix(fields[5], "02:")
		}
	}
	return false
}
