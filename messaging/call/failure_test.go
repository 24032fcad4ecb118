package call_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// port returns the endpoint of a tcp port that does this with each connection.
func port(t *testing.T, with func(net.Conn)) string {
	t.Helper()
	l := must(net.Listen("tcp4", "127.0.0.1:0"))(t)
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
	t.Cleanup(func() { ok(t, l.Close()); accepting.Wait() })
	return "tcp://" + l.Addr().String()
}

func TestConnSaysWhyThereIsNoSession(t *testing.T) {
	zmq := newContext(t)
	mute := must(comm.NewRouter(zmq, "tcp://127.0.0.1:*"))(t)
	defer mute.Close()
	publisher := must(comm.NewPublisher(zmq, "tcp://127.0.0.1:*"))(t)
	defer publisher.Close()
	closed := must(net.Listen("tcp4", "127.0.0.1:0"))(t)
	ok(t, closed.Close())
	for name, test := range map[string]struct {
		endpoint, want string
		code           messaging.Code
	}{
		"nobody":       {"tcp://" + closed.Addr().String(), "connection refused", messaging.Unavailable},
		"no host":      {"tcp://no-such-host.invalid:5555", "no such host", messaging.Unavailable},
		"no file":      {"ipc://" + t.TempDir() + "/x", "connection refused: no such file", messaging.Unavailable},
		"mute":         {mute.Endpoints()[0], "a ZeroMQ socket is there that has not answered", messaging.Unavailable},
		"silent":       {port(t, func(net.Conn) {}), "it speaks no ZeroMQ, or it hangs", messaging.Unavailable},
		"another kind": {publisher.Endpoints()[0], "no ZeroMQ socket, or none of a kind", messaging.FailedPrecondition},
		"another wire": {port(t, func(c net.Conn) { _, _ = c.Write(make([]byte, 100)); _ = c.Close() }), "no ZeroMQ socket", messaging.FailedPrecondition},
	} {
		t.Run(name, func(t *testing.T) {
			conn := must(call.Dial(zmq, test.endpoint, call.WithHandshake(time.Second)))(t)
			defer func() { ok(t, conn.Close()) }()
			_, err := askEcho(patient(t), conn, "x", call.WithFailFast())
			for strings.Contains(err.Error(), "no connection within") { // this machine is slow
				_, err = askEcho(patient(t), conn, "x", call.WithFailFast())
			}
			if !messaging.Refused(err) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if code := messaging.CodeOf(conn.Err()); code != test.code {
				t.Errorf("code %v, want %v", code, test.code)
			}
		})
	}
}
