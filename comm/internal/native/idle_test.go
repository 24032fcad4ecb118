package native

import (
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm/internal/engine"
	"github.com/mittere/mittere/comm/internal/zmtp"
)

// resident returns the memory of this process that is in use.
func resident(t *testing.T) int {
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("cannot see the memory of a process on this system:", err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(status))[1])
	return pages * os.Getpagesize()
}

func TestIdleConnectionsTakeLittle(t *testing.T) {
	const peers, most = 400, 16 << 10
	r := newRig(t)
	router := r.socket(config(engine.Router), anyPort)
	warmUp := r.dialReady(router, zmtp.Dealer, "")
	warmUp.say(appendMessage(nil, frames("hello")))
	r.recv(router)
	before := resident(t)
	for range peers {
		c := r.dialReady(router, zmtp.Dealer, "")
		c.say(appendMessage(nil, frames(string(make([]byte, 10_000)))))
		r.recv(router)
	}
	each := (resident(t) - before) / peers
	t.Logf("%d bytes for each connection, the test's own end included", each)
	if each > most {
		t.Errorf("an idle connection takes %d bytes, want %d at most", each, most)
	}
	if n := runtime.NumGoroutine(); n > 2*peers {
		t.Errorf("there are %d goroutines for %d connections", n, peers)
	}
}

func TestConnectionsThatComeAndGoLeaveNothing(t *testing.T) {
	r := newRig(t)
	router := r.socket(config(engine.Router), anyPort)
	round := func(n int) {
		for range n {
			c, err := net.Dial("tcp", strings.TrimPrefix(at(router), "tcp://"))
			r.ok(err)
			_, err = c.Write(append(ready(zmtp.Dealer, ""), appendMessage(nil, frames("x"))...))
			r.ok(err)
			r.recv(router)
			r.ok(c.Close())
		}
		r.eventually("all are gone", func() bool { return router.Stats().Connections == 0 })
	}
	round(100)
	before, goroutines := heap(), runtime.NumGoroutine()
	round(1000)
	r.eventually("their goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
	if grown := heap() - before; grown > 256<<10 {
		t.Errorf("%d bytes are left of 1000 connections", grown)
	}
	if routes := router.pattern.(*routed).routes; len(routes.byID) != 0 || len(router.peers) != 0 {
		t.Errorf("%d routes and %d peers are left", len(routes.byID), len(router.peers))
	}
}
