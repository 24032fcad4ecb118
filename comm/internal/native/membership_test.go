package native

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
	"github.com/mittere/mittere/comm/internal/zmtp"
)

// named returns the config of a DEALER with a routing id.
func named(id string) engine.Config {
	c := config(engine.Dealer)
	c.RoutingID, c.Immediate = id, true
	return c
}

func TestNewcomerTakesOverARoutingID(t *testing.T) {
	for _, bind := range []string{anyPort, "@inproc://here"} {
		r := newRig(t)
		router := r.socket(config(engine.Router), bind)
		first := r.socket(named("id"), at(router))
		r.send(first, "first")
		r.want(router, "id", "first")
		second := r.socket(named("id"), at(router))
		r.send(second, "second")
		r.want(router, "id", "second")
		if n := router.Stats().Disconnects; n == 0 {
			t.Error("the end of the first was not told before the second's message")
		}
		r.send(router, "id", "for the second")
		r.want(second, "for the second")
		r.wantLogged("takes over")
		r.ok(first.Close())
		r.ok(second.Close())
		r.eventually("both are gone", func() bool {
			return errors.Is(router.Send(r.ctx, engine.Message{Frames: frames("id", "x")}), engine.Unreachable)
		})
		third := r.socket(named("id"), at(router))
		r.send(third, "third")
		r.want(router, "id", "third")
	}
}

// Two who want one id take it from each other only so often; then one keeps it.
func TestContestedRoutingIDStaysWithOne(t *testing.T) {
	r := newRig(t)
	router := r.socket(config(engine.Router), anyPort)
	r.socket(named("id"), at(router))
	r.socket(named("id"), at(router))
	r.wantLogged("changed hands too often")
	r.eventually("it has one peer", func() bool { return router.Stats().Connections == 1 })
}

func TestSecondPeerOfAPairIsClosed(t *testing.T) {
	r := newRig(t)
	pair := r.socket(config(engine.Pair), anyPort)
	first := r.dialReady(pair, zmtp.Pair, "")
	first.say(appendMessage(nil, frames("hello")))
	r.want(pair, "hello")
	second := r.dialReady(pair, zmtp.Pair, "")
	second.wantClosed()
	r.wantLogged("a pair has one peer")
	_ = first.Close()
	r.eventually("the first is gone", func() bool { return pair.Stats().Connections == 0 })
	third := r.dialReady(pair, zmtp.Pair, "")
	third.say(appendMessage(nil, frames("third")))
	r.want(pair, "third")
}

func TestWhatWasQueuedOutlivesAConnectionUnlessImmediate(t *testing.T) {
	for _, immediate := range []bool{false, true} {
		r := newRig(t)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		r.ok(err)
		defer l.Close()
		c := config(engine.Push)
		c.Immediate, c.Linger, c.HighWaterMark = immediate, 0, 100
		push := r.socket(c, "tcp://"+l.Addr().String())
		first := r.accept(l, zmtp.Pull)
		const n = 20
		for i := range n { // more than the system takes
			r.send(push, fmt.Sprint(i), string(make([]byte, 1<<20)))
		}
		_ = first.Close()
		second := r.accept(l, zmtp.Pull)
		r.eventually("the first has gone", func() bool { return push.Stats().Disconnects == 1 })
		r.send(push, "new")
		head := second.hear(2)
		body := string(second.hear(int(head[1])))
		if isNew := body == "new"; isNew != immediate {
			t.Errorf("immediate %v: the first message is %q", immediate, body)
		}
	}
}

// accept accepts a connection from a socket and shakes hands.
func (r *rig) accept(l net.Listener, kind zmtp.SocketType) *raw {
	r.Helper()
	c, err := l.Accept()
	r.ok(err)
	r.Cleanup(func() { _ = c.Close() })
	r.ok(c.SetDeadline(time.Now().Add(patience)))
	peer := &raw{r, c}
	peer.say(ready(kind, ""))
	peer.hear(64)
	peer.hear(int(peer.hear(2)[1]))
	return peer
}

func TestSubscribersTellEachConnectionOfAllTheirPrefixes(t *testing.T) {
	r := newRig(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	r.ok(err)
	defer l.Close()
	sub := r.socket(config(engine.Sub), "tcp://"+l.Addr().String())
	r.ok(sub.Subscribe([]byte("a")))
	r.ok(sub.Subscribe([]byte("b")))
	r.ok(sub.Subscribe([]byte("b")))
	for range 2 {
		c := r.accept(l, zmtp.Pub)
		want := zmtp.AppendSubscribe(zmtp.AppendSubscribe(nil, 1, []byte("a")), 1, []byte("b"))
		if got := c.hear(len(want)); !bytes.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		// What nobody asked for is not received.
		c.say(appendMessage(appendMessage(nil, frames("other", "x")), frames("also", "y")))
		r.want(sub, "also", "y")
		_ = c.Close()
	}
}

// A publisher that reads nothing does not make a forwarder grow whose subscribers come and
// go.
func TestPublisherThatTakesNoSubscriptionsIsDisconnected(t *testing.T) {
	r := newRig(t)
	sub := r.socket(config(engine.Sub), anyPort)
	r.dialReady(sub, zmtp.Pub, "")
	r.eventually("it is there", func() bool { return sub.Stats().Connections == 1 })
	prefix := make([]byte, maxPrefix)
	for range 2 * maxCommands / maxPrefix { // beside what the system takes
		r.ok(sub.Subscribe(prefix))
		r.ok(sub.Unsubscribe(prefix))
	}
	r.eventually("it is disconnected", func() bool { return sub.Stats().Disconnects == 1 })
}

func TestPeersOfZMTP30AreToldByMessages(t *testing.T) {
	r := newRig(t)
	p := r.socket(config(engine.Pub), anyPort)
	c := r.dialReady(p, zmtp.Sub, "")
	c.say(zmtp.AppendSubscribe(nil, 0, []byte("news")))
	r.ok(p.WaitSubscribers(r.ctx, 1, []byte("news")))
	c.say(zmtp.AppendSubscribe(nil, 1, []byte("news"))) // the set has it
	c.say(zmtp.AppendCancel(nil, 0, []byte("news")))
	r.eventually("it is cancelled", func() bool { return p.Subscribers([]byte("news")) == 0 })
}

// A forwarder that subscribes for others counts: what is no news must not be told.
func TestXPubTellsOnlyWhatIsNews(t *testing.T) {
	r := newRig(t)
	x := r.socket(config(engine.XPub), anyPort)
	c := r.dialReady(x, zmtp.Sub, "")
	for _, b := range [][]byte{
		zmtp.AppendSubscribe(nil, 1, []byte("a")), zmtp.AppendSubscribe(nil, 1, []byte("a")),
		zmtp.AppendCancel(nil, 1, []byte("never")), zmtp.AppendSubscribe(nil, 1, []byte("b")),
		appendMessage(nil, frames("\x02a message")),
	} {
		c.say(b)
	}
	for _, want := range []string{"\x01a", "\x01b", "\x02a message"} {
		r.want(x, want)
	}
	_ = c.Close()
	for _, want := range []string{"\x00a", "\x00b"} {
		r.want(x, want)
	}
}

func TestConnectionsAreEncryptedWithCURVE(t *testing.T) {
	r := newRig(t)
	pair := func() zmtp.KeyPair {
		k, err := zmtp.NewKeyPair(rand.NewChaCha8([32]byte{byte(rand.Uint32()), 1}))
		r.ok(err)
		return k
	}
	ours := pair()
	router, dealer := r.socket(config(engine.Router)), r.socket(named("ann"))
	router.handshake.Mechanism = zmtp.CurveServer(ours)
	dealer.handshake.Mechanism = zmtp.CurveClient(pair(), ours.Public)
	r.ok(router.Attach(parse(anyPort)))
	r.ok(dealer.Attach(parse(at(router))))
	for i := range 200 {
		text := strings.Repeat("x", 1<<(i%19))
		r.send(dealer, fmt.Sprint(i), text, "")
		r.want(router, "ann", fmt.Sprint(i), text, "")
		r.send(router, "ann", text)
		r.want(dealer, text)
	}
}

func TestEverySizeArrivesWhole(t *testing.T) {
	r := newRig(t)
	a := r.socket(config(engine.Dealer), anyPort)
	b := r.socket(config(engine.Dealer), at(a))
	sizes := []int{0, 1, 254, 255, 256, 257}
	for size := smallSlab / 2; size <= 4*largeSlab; size *= 2 {
		sizes = append(sizes, size-10, size-9, size-8, size-1, size, size+1)
	}
	sizes = append(sizes, 1<<20, 7<<20, 50<<20)
	content := make([]byte, 50<<20)
	_, _ = rand.NewChaCha8([32]byte{9}).Read(content)
	var sending sync.WaitGroup
	sending.Go(func() {
		for i, size := range sizes {
			r.send(b, fmt.Sprint(i), string(content[:size]), "end")
		}
	})
	for i, size := range sizes {
		m, err := a.Recv(r.ctx)
		r.ok(err)
		if len(m.Frames) != 3 || string(m.Frames[0]) != fmt.Sprint(i) || !bytes.Equal(m.Frames[1], content[:size]) || string(m.Frames[2]) != "end" {
			t.Fatalf("%d bytes did not arrive whole", size)
		}
	}
	sending.Wait()
}

func TestBindTakesNoPathAway(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	file, live, stale := filepath.Join(dir, "file"), filepath.Join(dir, "live"), filepath.Join(dir, "stale")
	r.ok(os.WriteFile(file, []byte("precious"), 0o600))
	pull := r.socket(config(engine.Pull), "@ipc://"+live)
	leaveStale(t, stale)
	for path, want := range map[string]error{file: engine.AddressInUse, live: engine.AddressInUse, stale: nil} {
		s, err := r.engine.NewSocket(config(engine.Pull), []engine.Endpoint{parse("@ipc://" + path)})
		if want == nil {
			r.ok(err)
			r.ok(s.Close())
		} else if !errors.Is(err, want) {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
	if b, err := os.ReadFile(file); string(b) != "precious" {
		t.Errorf("the file is %q (%v)", b, err)
	}
	r.send(r.socket(config(engine.Push), "ipc://"+live), "x")
	r.want(pull, "x")
	r.ok(pull.Close())
	left, err := os.ReadDir(dir)
	if r.ok(err); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// leaveStale leaves a socket behind as a process does that is killed.
func leaveStale(t *testing.T, path string) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
}

func TestAbstractNamesAreNoFiles(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has them")
	}
	r := newRig(t)
	name := fmt.Sprintf("ipc://@mittere-test-%d", os.Getpid())
	pull := r.socket(config(engine.Pull), "@"+name)
	r.send(r.socket(config(engine.Push), name), "x")
	r.want(pull, "x")
	if _, err := os.Lstat(strings.TrimPrefix(name, "ipc://")); err == nil {
		t.Error("there is a file")
	}
}

func TestNameWithAnAddressOfIPv6OnlyIsConnectedTo(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("there is no IPv6 here:", err)
	}
	_ = l.Close()
	r := newRig(t)
	name := hostWithIPv6Only(t)
	pull := r.socket(config(engine.Pull), "@tcp://[::1]:*")
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(at(pull), "tcp://"))
	r.send(r.socket(config(engine.Push), "tcp://"+name+":"+port), "x")
	r.want(pull, "x")
}

// hostWithIPv6Only returns a name that this machine knows an address of IPv6 for, and none
// of IPv4.
func hostWithIPv6Only(t *testing.T) string {
	for _, name := range []string{"ip6-localhost", "ip6-loopback", "localhost6"} {
		addresses, err := net.LookupIP(name)
		if err == nil && len(addresses) == 1 && addresses[0].Equal(net.IPv6loopback) {
			return name
		}
	}
	t.Skip("no name of this machine has an address of IPv6 only")
	return ""
}

func TestRefusedHandshakesAreTriedAgainAndTold(t *testing.T) {
	r := newRig(t)
	pub := r.socket(config(engine.Pub), anyPort)
	dealer := r.socket(config(engine.Dealer), at(pub))
	for range 2 {
		if err := dealer.WaitFailure(r.ctx); !errors.Is(err, engine.Foreign) || !strings.Contains(err.Error(), "PUB") {
			t.Errorf("the reason is %v", err)
		}
	}
}

func TestPausesBetweenTriesGrowAndDiffer(t *testing.T) {
	var b backoff
	seen := map[time.Duration]bool{}
	for whole := firstPauseToConnect; whole < longestPauseToConnect; whole *= 2 {
		pause := b.next()
		if pause < whole/2 || pause > whole {
			t.Errorf("the pause is %v, want up to %v", pause, whole)
		}
		seen[pause] = true
	}
	if len(seen) < 3 {
		t.Error("the pauses do not differ")
	}
	if b.next() > longestPauseToConnect {
		t.Error("the pause grows without end")
	}
	b.reset()
	b.refused()
	if pause := b.next(); pause < firstPauseRefused/2 {
		t.Errorf("who was refused tries again after %v", pause)
	}
}

func TestXPubReceivesSubscriptionsInTheOrderOfWhatCameBefore(t *testing.T) {
	r := newRig(t)
	pub := r.socket(config(engine.XPub), anyPort)
	peer := r.dialReady(pub, zmtp.XSub, "")
	said := appendMessage(nil, frames("first"))
	said = zmtp.AppendSubscribe(said, 1, []byte("second"))
	peer.say(appendMessage(said, frames("third")))
	r.want(pub, "first")
	r.want(pub, "\x01second")
	r.want(pub, "third")
}

// A peer that takes its time still gets what the system has of a closed socket, although it
// sends meanwhile.
func TestPeerThatSendsAndReadsLateGetsAllWithinTheLingerTime(t *testing.T) {
	r := newRig(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	r.ok(err)
	defer l.Close()
	c := config(engine.Dealer)
	c.Linger = patience
	dealer := r.socket(c, "tcp://"+l.Addr().String())
	peer := r.accept(l, zmtp.Dealer)
	const n, size = 200, 8 << 10
	for range n {
		r.send(dealer, string(make([]byte, size)))
	}
	r.ok(dealer.Close())
	for start := time.Now(); time.Since(start) < 1500*time.Millisecond; time.Sleep(50 * time.Millisecond) {
		if _, err := peer.Write(appendMessage(nil, frames("more"))); err != nil {
			break
		}
	}
	peer.hear(n * zmtp.PartSize(size))
	_ = peer.Close()
}
