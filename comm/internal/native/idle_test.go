package native

import (
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm/internal/engine"
	"github.com/mittere/mittere/comm/internal/zmtp"
)

// inUse returns the bytes of live objects and of the stacks of goroutines.
func inUse() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

func TestIdleConnectionsTakeLittle(t *testing.T) {
	const peers, most = 400, 14 << 10
	r := newRig(t)
	router := r.socket(config(engine.Router), anyPort)
	warmUp := r.dialReady(router, zmtp.Dealer, "")
	warmUp.say(appendMessage(nil, frames("hello")))
	r.recv(router)
	before := inUse()
	for range peers {
		c := r.dialReady(router, zmtp.Dealer, "")
		c.say(appendMessage(nil, frames(string(make([]byte, 10_000)))))
		r.recv(router)
	}
	each := (inUse() - before) / peers
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
