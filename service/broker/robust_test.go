package broker_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker"
)

// greeting is how a peer of ZMTP 3.0 begins, without security.
func greeting() []byte {
	b := make([]byte, 64)
	b[0], b[9], b[10] = 0xff, 0x7f, 3
	copy(b[12:], "NULL")
	return b
}

// handshake is all that a peer of this socket type says before its messages.
func handshake(socketType string) []byte {
	command := append([]byte("\x05READY\x0bSocket-Type\x00\x00\x00"), byte(len(socketType)))
	command = append(command, socketType...)
	return slices.Concat(greeting(), []byte{4, byte(len(command))}, command)
}

// The flags of a frame.
const (
	last = 0
	more = 1
	long = 2
)

// frame returns a frame of ZMTP.
func frame(flags byte, body string) []byte {
	return append([]byte{flags, byte(len(body))}, body...)
}

// header returns what stands before a long frame.
func header(size uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{last | long}, size)
}

// raw writes bytes to the broker's port, on a connection of its own that ends with the
// test. What the broker does about it is the broker's affair.
func (r *running) raw(t testing.TB, chunks ...[]byte) net.Conn {
	t.Helper()
	c := must(net.Dial("tcp", strings.TrimPrefix(r.Endpoints()[0], "tcp://")))(t)
	t.Cleanup(func() { _ = c.Close() })
	ok(t, c.SetDeadline(time.Now().Add(patience)))
	for _, chunk := range chunks {
		if _, err := c.Write(chunk); err != nil {
			break // it closed the connection
		}
		if bytes.HasPrefix(chunk, dealer()) { // libzmq wants its own said before messages come
			_, _ = io.ReadFull(c, make([]byte, len(dealer())+len("\x08Identity\x00\x00\x00\x00")+len("ROUTER")-len("DEALER")))
		}
	}
	return c
}

// dealer is what a DEALER says before its messages.
func dealer() []byte { return handshake("DEALER") }

func TestWhatIsNoZeroMQHarmsNobody(t *testing.T) {
	b := serve(t, broker.WithSocket(comm.WithMaxFrameSize(1<<20)))
	ctx, cancel := context.WithCancel(patient(t))
	var working sync.WaitGroup
	worker, client := b.dial(t), b.dial(t)
	working.Go(func() { worker.work(ctx, "echo", func(body string) string { return body }) })
	served := func() {
		t.Helper()
		client.say("", "MDPC01", "echo", "good")
		if got := client.want(); !slices.Equal(got, []string{"", "MDPC01", "echo", "good"}) {
			t.Fatalf("the client got %q", got)
		}
	}
	served()
	garbage := make([]byte, 4096)
	source := rand.NewChaCha8([32]byte{})
	megabyte := make([]byte, 1<<20)
	for name, chunks := range map[string][][]byte{
		"nothing":                         {},
		"garbage":                         {garbage},
		"garbage after the greeting":      {greeting(), garbage},
		"garbage after the handshake":     {dealer(), garbage},
		"another protocol":                {[]byte("GET / HTTP/1.1\r\nHost: broker\r\n\r\n")},
		"a greeting of one byte":          {greeting()[:1]},
		"a greeting cut short":            {greeting()[:11]},
		"a greeting without its end":      {greeting()[:63]},
		"a handshake cut short":           {dealer()[:len(dealer())-3]},
		"a socket of the wrong type":      {handshake("PUB"), frame(last, "x")},
		"a socket of no type":             {handshake("NONE"), frame(last, "x")},
		"half a header":                   {dealer(), header(1000)[:4]},
		"half a frame":                    {dealer(), header(1000), garbage[:10]},
		"half a message":                  {dealer(), frame(more, ""), frame(more, "MDPC01")},
		"100 MB":                          {dealer(), header(100 << 20), megabyte, megabyte, megabyte},
		"the longest frame":               {dealer(), header(1<<63 - 1), garbage},
		"a frame of less than nothing":    {dealer(), header(1 << 63), garbage},
		"flags that are not known":        {dealer(), frame(0x80, "x")},
		"a command that is not known":     {dealer(), frame(4, "\x04WHAT")},
		"an empty message":                {dealer(), frame(last, "")},
		"empty frames":                    {dealer(), frame(more, ""), frame(more, ""), frame(last, "")},
		"thousands of empty frames":       {dealer(), bytes.Repeat(frame(more, ""), 5000), frame(last, "")},
		"thousands of empty messages":     {dealer(), bytes.Repeat(frame(last, ""), 5000)},
		"thousands of unfinished headers": {dealer(), bytes.Repeat(slices.Concat(frame(more, ""), frame(last, "MDPC01")), 5000)},
	} {
		t.Run(name, func(t *testing.T) {
			_, _ = source.Read(garbage)
			b.raw(t, chunks...) // and stays
			ok(t, b.raw(t, chunks...).Close())
			served()
		})
	}
	served()
	cancel()
	working.Wait()
}

func TestMessageOfTooManyFramesIsDropped(t *testing.T) {
	b := serve(t)
	p := b.dial(t)
	ok(t, p.Send(patient(t), comm.Message{Frames: make([][]byte, 2000)}))
	p.say("", "MDPC01", "mmi.service", "echo")
	if got := p.want(); !slices.Equal(got, []string{"", "MDPC01", "mmi.service", "404"}) {
		t.Errorf("got %q", got)
	}
}

func TestHalfOpenPeersAreForgotten(t *testing.T) {
	b := serve(t, broker.WithShortestHeartbeat(20*time.Millisecond), broker.WithForgetAfter(20*time.Millisecond))
	hello := messaging.Command{Kind: &mitterev1.Hello{Instance: []byte("x"), HeartbeatNano: 1}}
	one := must(hello.Frames())(t)[0]
	worker := slices.Concat(frame(more, ""), frame(more, "MDPW01"), frame(more, "\x01"), frame(last, "echo"))
	for range 50 {
		b.raw(t, dealer(), frame(last, string(one))) // and then not a word
		b.raw(t, dealer(), worker)
		b.raw(t, greeting())
	}
	came := func() int { return int(b.Stats().Counters.Registered) - 1 } // but for the broker's own worker
	eventually(t, "all have come", func() bool { return came() == 50 })
	eventually(t, "all are dead", func() bool { return len(b.workers()) == 0 && b.sessions() == 0 && b.peers() == 0 })
}
