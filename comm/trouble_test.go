package comm_test

import (
	"errors"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mittere/mittere/comm"
)

// listener returns the endpoint of a tcp port that does this with each connection.
func listener(t *testing.T, with func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			with(c)
		}
	})
	t.Cleanup(func() { _ = l.Close(); accepting.Wait() })
	return "tcp://" + l.Addr().String()
}

func TestFailedConnectionsSayWhy(t *testing.T) {
	r := newRig(t)
	refused, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "tcp://" + refused.Addr().String()
	_ = refused.Close()
	publisher := r.publisher("tcp://127.0.0.1:*")
	for name, test := range map[string]struct {
		endpoint string
		want     comm.Reason
	}{
		"nobody listens": {nobody, comm.ConnectionRefused},
		"no file":        {"ipc://" + filepath.Join(t.TempDir(), "x"), comm.ConnectionRefused},
		"no host":        {"tcp://no-such-host.invalid:5555", comm.HostUnknown},
		"another kind":   {at(publisher), comm.Foreign},
		"another wire":   {listener(t, func(c net.Conn) { _, _ = c.Write(make([]byte, 100)); _ = c.Close() }), comm.Foreign},
		"closed at once": {listener(t, func(c net.Conn) { _ = c.Close() }), comm.Foreign},
	} {
		t.Run(name, func(t *testing.T) {
			if err := r.dealer(test.endpoint).WaitFailure(r.ctx); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// TestFailureBeforeAnybodyWaitsIsTold is about a peer of another kind, which libzmq does not
// try again.
func TestFailureBeforeAnybodyWaitsIsTold(t *testing.T) {
	r := newRig(t)
	dealer := r.dealer(at(r.publisher("tcp://127.0.0.1:*")))
	r.eventually("the handshake has failed", func() bool { return dealer.Stats().BadHandshakes > 0 })
	if err := dealer.WaitFailure(r.ctx); !errors.Is(err, comm.Foreign) {
		t.Errorf("got %v", err)
	}
}

func TestWaitFailureEndsWithTheSocket(t *testing.T) {
	r := newRig(t)
	dealer := r.dealer(listener(t, func(net.Conn) {}))
	failed := make(chan error, 1)
	go func() { failed <- dealer.WaitFailure(r.ctx) }()
	r.ok(dealer.Close())
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
