package native

import (
	"net"
	"testing"

	"github.com/mittere/mittere/comm/internal/engine"
	"github.com/mittere/mittere/comm/internal/zmtp"
)

// Peers that send, leave and come back each leave a queue. All of them together are bounded,
// and the rest comes when the user receives.
func TestQueuesOfPeersThatHaveGoneAreBoundedTogether(t *testing.T) {
	const visits, size, most = 40, 100 << 10, 1 << 20
	r := newRig(t)
	pull := r.socket(config(engine.Pull), anyPort)
	pull.in.mu.Lock()
	pull.in.most = most
	pull.in.mu.Unlock()
	bytes := func() int {
		pull.in.mu.Lock()
		defer pull.in.mu.Unlock()
		return pull.in.bytes
	}
	for range visits {
		before := bytes()
		peer := r.dialReady(pull, zmtp.Push, "")
		_, err := peer.Write(appendMessage(nil, frames(string(make([]byte, size)))))
		r.ok(err)
		r.ok(peer.Conn.(*net.TCPConn).CloseWrite())
		r.eventually("it is received, if there is room", func() bool { return bytes() > before || before >= most })
	}
	if kept := bytes(); kept < most || kept > most+2*size {
		t.Errorf("%d bytes are kept, want about %d", kept, most)
	}
	for range visits {
		if got := r.recv(pull); len(got) != 1 || len(got[0]) != size {
			t.Fatalf("got %d frames", len(got))
		}
	}
	r.eventually("nothing is kept", func() bool { return bytes() == 0 })
}
