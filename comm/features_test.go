package comm_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/mittere/mittere/comm"
)

// What docs/engines.md says of each engine, a row a test.

func TestConnectionsOverInprocAreCountedWhereTheEngineSaysSo(t *testing.T) {
	r := newRig(t)
	router := r.router("@inproc://here")
	dealer := r.greeted(router)
	if r.zctx.Engine().Features().InprocConnections {
		r.eventually("they are counted", func() bool {
			return router.Stats().Connections == 1 && dealer.Stats().Connections == 1
		})
		r.ok(dealer.Close())
		r.disconnects(router, 0, 1)
		return
	}
	r.ok(dealer.Close())
	if s := router.Stats(); s.Connections != 0 || s.Disconnects != 0 {
		t.Errorf("the engine counts what it says that it does not: %+v", s)
	}
}

func TestPeersThatSubscribeTwiceCountOnceWhereTheEngineSaysSo(t *testing.T) {
	r := newRig(t)
	p := r.publisher("tcp://127.0.0.1:*")
	peer := r.dialReady(p, "SUB")
	_, err := peer.Write([]byte("\x00\x02\x01t" + "\x00\x02\x01t" + "\x00\x05\x01last"))
	r.ok(err)
	r.ok(p.WaitForSubscribers(r.ctx, 1, []byte("last")))
	want := 2
	if r.zctx.Engine().Features().CountsPeers {
		want = 1
	}
	if n := p.Subscribers([]byte("t")); n != want {
		t.Errorf("it counts %d times, want %d", n, want)
	}
	r.ok(peer.Close())
	r.eventually("its end is counted once", func() bool {
		return p.Subscribers([]byte("last")) == 0 && p.Subscribers([]byte("t")) == want-1
	})
}

// The first is a raw peer, since a socket would come back and take its name again.
func TestSecondPeerOfARoutingIDIsServedWhereTheEngineSaysSo(t *testing.T) {
	r := newRig(t)
	router := r.router("tcp://127.0.0.1:*")
	first := r.dialReady(router, "DEALER", property("Identity", "same"))
	_, err := first.Write([]byte("\x00\x05first"))
	r.ok(err)
	r.want(router, "same", "first")
	second := r.dealer(at(router), comm.WithRoutingID("same"), drop)
	r.send(second, "second")
	if r.zctx.Engine().Features().ReplacesPeers {
		r.want(router, "same", "second")
		r.send(router, "same", "for the second")
		r.want(second, "for the second")
		return
	}
	r.eventually("both are connected", func() bool { return router.Stats().Connections == 2 })
	r.send(router, "same", "for the first")
	r.ok(first.CloseWrite())
	heard, err := io.ReadAll(first)
	if want := "\x00\x0dfor the first"; err != nil || string(heard[len(heard)-len(want):]) != want {
		t.Errorf("the first heard %q (%v)", heard, err)
	}
	r.ok(first.Close())
	r.eventually("the name is nobody's", func() bool {
		return errors.Is(router.Send(r.ctx, message("same", "for nobody")), comm.Unreachable)
	})
}

func TestPathsOfOthersAreKeptWhereTheEngineSaysSo(t *testing.T) {
	r := newRig(t)
	keeps := r.zctx.Engine().Features().KeepsForeignPaths
	bind := func(path string) (kept bool) {
		err := r.pull("").Bind("ipc://" + path)
		if err != nil {
			r.wantError(err, comm.AddressInUse)
		}
		return err != nil
	}
	file, live := filepath.Join(t.TempDir(), "file"), filepath.Join(t.TempDir(), "live")
	r.ok(os.WriteFile(file, []byte("mine"), 0o600))
	if kept := bind(file); kept != keeps {
		t.Errorf("a file is kept: %v, want %v", kept, keeps)
	}
	pull := r.pull("ipc://" + live)
	if kept := bind(live); kept != keeps {
		t.Errorf("the path of a socket is kept: %v, want %v", kept, keeps)
	}
	if keeps {
		text, err := os.ReadFile(file)
		if err != nil || string(text) != "mine" {
			t.Errorf("the file has %q (%v)", text, err)
		}
		r.send(r.push("ipc://"+live), "x")
		r.want(pull, "x")
	}
}

func TestNamesOfIPv6AreConnectedToWhereTheEngineSaysSo(t *testing.T) {
	names := newNameServer(t)
	names.only6.Store(true)
	names.gives(1)
	r := newRig(t, names.option())
	pull, err := comm.NewPull(r.zctx, "tcp://[::1]:*")
	if err != nil {
		t.Skip("this system has no IPv6:", err)
	}
	push := r.push(named(at(pull)))
	if r.dialing.Engine().Features().IPv6Names {
		r.send(push, "x")
		r.want(pull, "x")
		return
	}
	r.wantError(push.WaitFailure(r.ctx), comm.HostUnknown)
}
