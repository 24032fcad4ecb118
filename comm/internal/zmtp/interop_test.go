//go:build interop

package zmtp_test

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm/internal/zmtp"
)

// TestPyzmqIsAPeerByEveryMechanism runs libzmq by way of pyzmq, as the client and
// as the server, with the right credentials and with wrong ones.
func TestPyzmqIsAPeerByEveryMechanism(t *testing.T) {
	keys := curveKeys(t, 3)
	client, server, stranger := keys[0], keys[1], keys[2]
	for _, c := range []struct {
		name         string
		arguments    string // of the script: the mechanism and pyzmq's credentials
		asClient     zmtp.Mechanism
		asServer     zmtp.Mechanism
		verdict      zmtp.Verdict
		wrong        zmtp.Mechanism // a client that pyzmq's server refuses
		wantRejected zmtp.Reason    // what that client is told; 0: nothing
	}{
		{"NULL", "null", zmtp.Null(), zmtp.Null(), zmtp.Allow, nil, 0},
		{"PLAIN", "plain admin secret", zmtp.PlainClient("admin", "secret"), zmtp.PlainServer(), zmtp.Allow,
			zmtp.PlainClient("admin", "wrong"), zmtp.Refused},
		{"CURVE", fmt.Sprintf("curve %x %x %x %x", client.Public, client.Secret, server.Public, server.Secret),
			zmtp.CurveClient(client, server.Public), zmtp.CurveServer(server), zmtp.Allow,
			zmtp.CurveClient(stranger, server.Public), zmtp.Refused},
	} {
		t.Run(c.name+"/their server", func(t *testing.T) {
			endpoint := startPyzmq(t, "server", c.arguments)
			w, err := shake(t, dialEndpoint(t, endpoint), zmtp.Config{Type: zmtp.Dealer, Identity: []byte("me"), Mechanism: c.asClient}, 0)
			if err != nil {
				t.Fatal(err)
			}
			echoed(t, w)
			if c.wrong != nil {
				_, err := shake(t, dialEndpoint(t, endpoint), zmtp.Config{Type: zmtp.Dealer, Mechanism: c.wrong}, 0)
				wantReason(t, err, c.wantRejected)
			}
		})
		t.Run(c.name+"/their client", func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = listener.Close() }()
			startPyzmq(t, "client", listener.Addr().String()+" "+c.arguments)
			conn, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			w, err := shake(t, conn, zmtp.Config{Type: zmtp.Router, Mechanism: c.asServer}, c.verdict)
			if err != nil {
				t.Fatal(err)
			}
			if string(w.peer.Identity) != "python" || w.peer.Type != zmtp.Dealer {
				t.Errorf("the peer is %+v", w.peer)
			}
			echoed(t, w)
		})
	}
}

// echoed sends messages of all sizes and wants each back.
func echoed(t *testing.T, w *wire) {
	t.Helper()
	for _, size := range []int{0, 1, 255, 256, 70_000} {
		body := make([]byte, size)
		_, _ = rand.Read(body)
		w.send(zmtp.AppendPart(zmtp.AppendPart(nil, []byte("head"), true), body, false))
		w.want(zmtp.Part, "head", true)
		w.want(zmtp.Part, string(body), false)
	}
}

func dialEndpoint(t *testing.T, endpoint string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// startPyzmq runs testdata/peer.py, and returns the line that it prints first.
func startPyzmq(t *testing.T, role, arguments string) string {
	t.Helper()
	python := os.Getenv("MITTERE_PYTHON")
	if python == "" {
		t.Fatal("MITTERE_PYTHON is not set: run make interop")
	}
	cmd := exec.Command(python, append([]string{"testdata/peer.py", role}, strings.Fields(arguments)...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}
