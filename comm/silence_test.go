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
			r.eventually(fmt.Sprint("the connection is tested: ", c.tested), func() bool {
				return timerOf(t, peer.RemoteAddr()) == map[bool]string{true: "02", false: "00"}[c.tested]
			})
			r.ok(peer.Close())
		}
	}
}

// timerOf returns what the system waits for on the connection of a port: "02" is the time
// to test it, "00" nothing. While what was sent is not acknowledged it is something else.
func timerOf(t *testing.T, address net.Addr) string {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Skip("cannot see the timers of connections on this system:", err)
	}
	port := fmt.Sprintf(":%04X", address.(*net.TCPAddr).Port)
	for _, line := range strings.Split(string(table), "\n") {
		fields := strings.Fields(line)
		if len(fields) > 5 && strings.HasSuffix(fields[1], port) && fields[3] == "01" {
			timer, _, _ := strings.Cut(fields[5], ":")
			return timer
		}
	}
	return ""
}
