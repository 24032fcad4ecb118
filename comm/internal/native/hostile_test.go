package native

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
	"github.com/mittere/mittere/comm/internal/zmtp"
)

// What peers do to a bound socket, while a good peer is served.

// attacked is a socket that echoes, with a good peer.
type attacked struct {
	*rig
	victim *socket
	good   *socket
}

func newAttacked(t *testing.T, changes ...func(*engine.Config)) attacked {
	r := newRig(t)
	c := config(engine.Router)
	for _, change := range changes {
		change(&c)
	}
	a := attacked{r, r.socket(c, anyPort), nil}
	a.good = r.socket(config(engine.Dealer), at(a.victim))
	var serving sync.WaitGroup
	serving.Go(a.echo)
	t.Cleanup(func() { r.ok(a.victim.Close()); serving.Wait() })
	a.wantServed()
	return a
}

// echo sends what it receives back.
func (a attacked) echo() {
	for {
		m, err := a.victim.Recv(a.ctx)
		if e, ok := err.(*engine.Error); ok && e.Reason == engine.TooLarge {
			continue
		}
		if err != nil {
			return
		}
		_ = a.victim.Send(a.ctx, m) // who is full or gone gets nothing
	}
}

// wantServed checks that the good peer is served.
func (a attacked) wantServed() {
	a.Helper()
	a.send(a.good, "question")
	a.want(a.good, "question")
}

func TestPeersThatFallSilentAtAnyByteHoldUpNobody(t *testing.T) {
	a := newAttacked(t)
	said := append(ready(zmtp.Dealer, ""), appendMessage(nil, frames("first", "second"))...)
	var peers []*raw
	for n := range said {
		c := a.dial(a.victim)
		c.say(said[:n])
		peers = append(peers, c)
	}
	a.wantServed()
	a.eventually("all are counted", func() bool {
		s := a.victim.Stats()
		return s.Handshakes+s.Connections == int64(len(peers))+1
	})
	for _, c := range peers {
		_ = c.Close()
	}
	a.eventually("all are gone", func() bool { s := a.victim.Stats(); return s.Handshakes == 0 && s.Connections == 1 })
	a.wantServed()
}

func TestPeerThatSendsOneByteAtATimeIsServed(t *testing.T) {
	a := newAttacked(t)
	c := a.dial(a.victim)
	_ = c.Conn.(*net.TCPConn).SetNoDelay(true)
	message := appendMessage(nil, frames("", "slow", string(make([]byte, 300))))
	for _, b := range append(ready(zmtp.Dealer, ""), message...) {
		c.say([]byte{b})
	}
	c.hear(64)
	c.hear(int(c.hear(2)[1]))
	if got := c.hear(len(message)); !bytes.Equal(got, message) {
		t.Errorf("the answer is %q", got)
	}
	a.wantServed()
}

// header returns a frame's header of eight bytes.
func header(flags byte, size uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{flags | 2}, size)
}

func TestPeersThatBreakTheRulesAreClosed(t *testing.T) {
	for name, said := range map[string][]byte{
		"a frame of 2^63-1 bytes":       header(0, math.MaxInt64),
		"a frame of 2^64-1 bytes":       header(0, math.MaxUint64),
		"a command of 2^63-1 bytes":     header(4, math.MaxInt64),
		"a frame above the limit":       header(0, 1<<20+1),
		"an empty command":              {4, 0},
		"a command whose name has gone": {4, 3, 9, 'x', 'y'},
		"a PING of one byte":            {4, 6, 4, 'P', 'I', 'N', 'G', 0},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttacked(t, func(c *engine.Config) { c.MaxFrameSize = 1 << 20 })
			c := a.dialReady(a.victim, zmtp.Dealer, "")
			c.say(said)
			c.wantClosed()
			a.eventually("its end is counted", func() bool { return a.victim.Stats().Disconnects == 1 })
			a.wantServed()
		})
	}
}

func TestFrameThatWasAnnouncedHasNoMemoryUntilItComes(t *testing.T) {
	a := newAttacked(t)
	const peers, announced = 200, 60 << 20
	before := heap()
	for range peers {
		c := a.dialReady(a.victim, zmtp.Dealer, "")
		c.say(append(header(0, announced), "the first bytes"...))
	}
	a.wantServed()
	if grown := heap() - before; grown > 64<<20 {
		t.Errorf("%d announcements of %d MB took %d MB", peers, announced>>20, grown>>20)
	}
}

// heap returns the bytes of live objects.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestMessageOfEndlessFramesIsDroppedAndTakesNoMemory(t *testing.T) {
	a := newAttacked(t)
	c := a.dialReady(a.victim, zmtp.Dealer, "")
	before := heap()
	frame := zmtp.AppendPart(nil, []byte("endless"), true)
	many := bytes.Repeat(frame, 10_000)
	for range 20 {
		c.say(many)
	}
	a.wantServed()
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("it took %d KB", grown>>10)
	}
	c.say(zmtp.AppendPart(nil, []byte("the end"), false))
	message := appendMessage(nil, frames("next"))
	c.say(message)
	c.hear(len(message))
	if refused := a.victim.Stats().Refused; refused != 1 {
		t.Errorf("%d messages were refused", refused)
	}
}

func TestMessageThatIsTooLongInAllIsRefused(t *testing.T) {
	a := newAttacked(t, func(c *engine.Config) { c.MaxFrameSize = 1 << 20 })
	c := a.dialReady(a.victim, zmtp.Dealer, "")
	part := zmtp.AppendPart(nil, make([]byte, 1<<20), true)
	for range 3 {
		if _, err := c.Write(part); err != nil {
			break
		}
	}
	c.wantClosed()
	a.wantLogged("above the limit")
	a.wantServed()
}

func TestPingsAreAnsweredAndAFloodOfThemTakesNoMemory(t *testing.T) {
	a := newAttacked(t)
	polite := a.dialReady(a.victim, zmtp.Dealer, "")
	for _, context := range []string{"", "sixteen bytes...", "x"} {
		polite.say(zmtp.AppendPing(nil, 0, []byte(context)))
		want := zmtp.AppendPong(nil, []byte(context))
		if got := polite.hear(len(want)); !bytes.Equal(got, want) {
			t.Errorf("answered %q, want %q", got, want)
		}
	}
	before := heap()
	flood := bytes.Repeat(zmtp.AppendPing(nil, 0, []byte("flood")), 5_000)
	rude := a.dialReady(a.victim, zmtp.Dealer, "") // it never reads
	for range 100 {
		rude.say(flood)
	}
	a.wantServed()
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("it took %d KB", grown>>10)
	}
}

func TestPeerIsClosedThatIsSilentForLongerThanItPromised(t *testing.T) {
	a := newAttacked(t)
	c := a.dialReady(a.victim, zmtp.Dealer, "")
	const promised = time.Second
	ping := zmtp.AppendPing(nil, promised, nil)
	for range 5 {
		c.say(ping)
		c.hear(len(zmtp.AppendPong(nil, nil)))
	}
	c.wantClosed()
	a.wantLogged("silent for longer than it promised")
	a.wantServed()
	again := a.dialReady(a.victim, zmtp.Dealer, "")
	again.say(zmtp.AppendPing(ping, 0, nil)) // it takes the promise back
	began := time.Now()
	a.eventually("more time has gone than it promised", func() bool { return time.Since(began) > 2*promised })
	message := appendMessage(nil, frames("here"))
	again.say(message)
	for heard := []byte(nil); !bytes.HasSuffix(heard, message); {
		heard = append(heard, again.hear(1)...)
	}
}

func TestHandshakesHaveTheirTime(t *testing.T) {
	r := newRig(t)
	router := r.socket(config(engine.Router))
	router.bounds.handshake = 50 * time.Millisecond
	r.ok(router.Attach(parse(anyPort)))
	silent, slow := r.dial(router), r.dial(router)
	slow.say(ready(zmtp.Dealer, "")[:70])
	silent.wantClosed()
	slow.wantClosed()
	r.eventually("they are counted", func() bool { return router.Stats().BadHandshakes == 2 })
}

func TestListenerHasOnlySoManyConnections(t *testing.T) {
	r := newRig(t)
	router := r.socket(config(engine.Router))
	router.bounds.connections = 2
	r.ok(router.Attach(parse(anyPort)))
	first, second := r.dialReady(router, zmtp.Dealer, ""), r.dialReady(router, zmtp.Dealer, "")
	r.dial(router).wantClosed()
	r.wantLogged("too many connections")
	r.ok(first.Close())
	r.eventually("it is gone", func() bool { return router.binds[0].listener.open.Load() == 1 })
	third := r.dialReady(router, zmtp.Dealer, "")
	for _, c := range []*raw{second, third} {
		c.say(appendMessage(nil, frames("x")))
		r.recv(router)
	}
}

func TestPingsBetweenThePartsOfAMessageAreAnswered(t *testing.T) {
	a := newAttacked(t)
	c := a.dialReady(a.victim, zmtp.Dealer, "")
	c.say(zmtp.AppendPart(nil, []byte("first"), true))
	c.say(zmtp.AppendPing(nil, 0, nil))
	c.hear(len(zmtp.AppendPong(nil, nil)))
	c.say(zmtp.AppendPart(nil, []byte("second"), false))
	want := appendMessage(nil, frames("first", "second"))
	if got := c.hear(len(want)); !bytes.Equal(got, want) {
		t.Errorf("answered %q", got)
	}
}

// A peer that never reads is full after a while; its messages are dropped by the echoing
// end, and nobody else waits.
func TestPeerThatNeverReadsHoldsUpNobody(t *testing.T) {
	a := newAttacked(t, func(c *engine.Config) { c.HighWaterMark = 10 })
	c := a.dialReady(a.victim, zmtp.Dealer, "")
	message := appendMessage(nil, frames(string(make([]byte, 1<<20))))
	for range 30 {
		c.say(message)
	}
	a.wantServed()
}

func TestPeersThatResetOrHalfCloseAreGone(t *testing.T) {
	a := newAttacked(t)
	for i, leave := range []func(*net.TCPConn) error{
		func(c *net.TCPConn) error { _ = c.SetLinger(0); return c.Close() },
		func(c *net.TCPConn) error { return c.CloseWrite() },
		func(c *net.TCPConn) error { return c.Close() },
	} {
		c := a.dialReady(a.victim, zmtp.Dealer, "")
		c.say([]byte{0, 100, 'x'})
		a.ok(leave(c.Conn.(*net.TCPConn)))
		a.eventually("it is gone", func() bool { return a.victim.Stats().Disconnects == uint64(i+1) })
		a.wantServed()
	}
}

func TestPeerThatAsksForTooMuchIsClosed(t *testing.T) {
	r := newRig(t)
	p := r.socket(config(engine.Pub), anyPort)
	good := r.socket(config(engine.Sub), at(p))
	r.ok(good.Subscribe([]byte("news")))
	before := heap()
	greedy := r.dialReady(p, zmtp.Sub, "")
	for i := range 1_000_000 {
		if _, err := greedy.Write(zmtp.AppendSubscribe(nil, 1, fmt.Appendf(nil, "topic %d", i))); err != nil {
			break
		}
	}
	greedy.wantClosed()
	r.wantLogged("too many subscriptions")
	r.ok(p.WaitSubscribers(r.ctx, 1, []byte("news")))
	r.send(p, "news", "x")
	r.want(good, "news", "x")
	r.eventually("its subscriptions are gone", func() bool { return p.Subscribers([]byte("topic 1")) == 0 })
	if grown := heap() - before; grown > 16<<20 {
		t.Errorf("%d KB are left of it", grown>>10)
	}
}
