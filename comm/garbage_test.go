package comm_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm"
)

// greeting is what both ends of a ZMTP 3.0 connection send first (RFC 23).
func greeting(mechanism string) []byte {
	b := append([]byte{0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0}, mechanism...)
	return append(b, make([]byte, 64-len(b))...)
}

// command returns a short command of ZMTP.
func command(name, data string) []byte {
	body := string(rune(len(name))) + name + data
	return append([]byte{0x04, byte(len(body))}, body...)
}

// property returns a name and a value as a READY command has them.
func property(name, value string) string {
	length := binary.BigEndian.AppendUint32(nil, uint32(len(value)))
	return string(rune(len(name))) + name + string(length) + value
}

// handshake returns all that a peer of this type of socket says before its first
// message; properties are what it says of itself beside its type.
func handshake(socketType string, properties ...string) []byte {
	data := property("Socket-Type", socketType) + strings.Join(properties, "")
	return append(greeting("NULL"), command("READY", data)...)
}

// garbage is a kind of bytes that no handshake begins with, or that end it.
var garbage = map[string][]byte{
	"nothing":                   {},
	"one byte":                  {0xff},
	"text":                      []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
	"TLS":                       []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("z", 500)),
	"zeros":                     make([]byte, 1000),
	"ones":                      bytes.Repeat([]byte{0xff}, 1000),
	"half a greeting":           greeting("NULL")[:20],
	"greeting alone":            greeting("NULL"),
	"unknown mechanism":         greeting("NOSUCH"),
	"mechanism not offered":     greeting("CURVE"),
	"greeting, then text":       append(greeting("NULL"), "GET / HTTP/1.1\r\n\r\n"...),
	"greeting, then a message":  append(greeting("NULL"), "\x00\x05hello"...),
	"command of huge length":    append(greeting("NULL"), "\x06\x7f\xff\xff\xff\xff\xff\xff\xff\x05READY"...),
	"unknown command":           append(greeting("NULL"), command("NOSUCH", "data")...),
	"empty command":             append(greeting("NULL"), 0x04, 0x00),
	"READY with half of one":    append(greeting("NULL"), command("READY", property("Socket-Type", "DEALER")[:14])...),
	"READY of no socket":        append(greeting("NULL"), command("READY", property("Socket-Type", "NOSUCH"))...),
	"READY of the wrong socket": handshake("PAIR"),
	"huge legacy length":        {0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00},
}

// afterwards is a kind of bytes that end a connection whose handshake is done.
var afterwards = map[string][]byte{
	"nothing":                []byte(""),
	"half a frame":           []byte("\x00\x20half"),
	"frame of huge length":   []byte("\x02\x7f\xff\xff\xff\xff\xff\xff\xff"),
	"frame that is too long": []byte("\x02\x00\x00\x00\x00\x10\x00\x00\x00"),
	"unknown flags":          []byte("\xf8\x03abc"),
	"unknown command":        command("NOSUCH", "data"),
	"PING without its time":  command("PING", ""),
	"half a SUBSCRIBE":       []byte("\x04\x0a\x09SUBSC"),
}

// dial opens a connection to where a socket is bound.
func (r *rig) dial(s socket) *net.TCPConn {
	r.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(at(s), "tcp://"))
	return must(r, c, err).(*net.TCPConn)
}

// dialReady opens a connection and does its part of the handshake, as a socket
// of this type.
func (r *rig) dialReady(s socket, socketType string, properties ...string) *net.TCPConn {
	r.Helper()
	c := r.dial(s)
	_, err := c.Write(handshake(socketType, properties...))
	r.ok(err)
	theirs := make([]byte, 64+2) // their greeting, and the head of a command
	_, err = io.ReadFull(c, theirs)
	r.ok(err)
	_, err = io.CopyN(io.Discard, c, int64(theirs[65]))
	r.ok(err)
	return c
}

// hangUp writes to a connection and ends it: in order, or by a reset.
func (r *rig) hangUp(c *net.TCPConn, data []byte, reset bool) {
	r.Helper()
	defer c.Close()
	_, _ = c.Write(data) // the peer may have ended it already
	if reset {
		r.ok(c.SetLinger(0))
		return
	}
	_ = c.CloseWrite()
	_, _ = io.Copy(io.Discard, c) // all of it shall be read before the end
}

// suffering is a socket that is sent garbage.
type suffering struct {
	*rig
	socket
	socketType string // of its peers
	serves     func() // checks that it still does what it should
}

// throw sends data by new connections, after a handshake or instead of one, and
// checks that they are counted and that the next message is served.
func (s suffering) throw(name string, data []byte, ready bool) {
	s.Helper()
	for _, reset := range []bool{false, true} {
		before := s.Stats()
		if ready {
			s.hangUp(s.dialReady(s.socket, s.socketType), data, reset)
			s.eventually(name+" is counted", func() bool { return s.Stats().Disconnects == before.Disconnects+1 })
		} else {
			s.hangUp(s.dial(s.socket), data, reset)
			s.eventually(name+" is counted", func() bool { return s.Stats().BadHandshakes == before.BadHandshakes+1 })
		}
		s.serves()
	}
}

// throwAll sends garbage of every kind. One good peer is connected.
func (s suffering) throwAll() {
	s.Helper()
	s.serves()
	s.eventually("the good peer is counted", func() bool { return s.Stats().Connections == 1 })
	for name, data := range garbage {
		s.throw(name, data, false)
	}
	for name, data := range afterwards {
		s.throw(name, data, true)
	}
	random := rand.NewChaCha8([32]byte{1})
	for size := 1; size < 10_000; size = size*2 + 1 {
		data := make([]byte, size)
		_, _ = random.Read(data)
		s.throw("random bytes", data, false)
		s.throw("random bytes after a greeting", append(greeting("NULL"), data...), false)
		s.throw("random bytes after a handshake", data, true)
	}
	if open := s.Stats().Connections; open != 1 {
		s.Errorf("%d connections are counted, want that of the good peer", open)
	}
}

func TestResponseServesOnAfterGarbageOfAnyKind(t *testing.T) {
	r := newRig(t)
	rep := r.response("tcp://127.0.0.1:*")
	req := r.request(at(rep))
	r.answer(rep)
	suffering{r, rep, "DEALER", func() { r.wantAnswer(req, "good") }}.throwAll()
}

func TestRouterServesOnAfterGarbageOfAnyKind(t *testing.T) {
	r := newRig(t)
	router := r.router("tcp://127.0.0.1:*")
	d := r.dealer(at(router), comm.WithRoutingID("good"))
	suffering{r, router, "DEALER", func() {
		r.send(d, "message")
		for got := r.recv(router); got[0] != "good"; { // garbage can be a message
			got = r.recv(router)
		}
	}}.throwAll()
}

func TestPublisherServesOnAfterGarbageOfAnyKind(t *testing.T) {
	r := newRig(t)
	p := r.publisher("tcp://127.0.0.1:*")
	s := r.subscriber(at(p))
	r.subscribe(p, s, "good")
	suffering{r, p, "SUB", func() {
		r.send(p, "good", "news")
		r.want(s, "good", "news")
	}}.throwAll()
}

func TestConnectingSocketCountsAPeerThatDoesNotSpeakZeroMQ(t *testing.T) {
	r := newRig(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	listener := must(t, l, err)
	d := r.dealer("tcp://" + listener.Addr().String())
	for range 3 { // it tries again
		c, err := listener.Accept()
		connection := must(t, c, err)
		_, _ = connection.Write([]byte("SSH-2.0-OpenSSH\r\n"))
		_ = connection.Close()
	}
	r.eventually("they are counted", func() bool { return d.Stats().BadHandshakes >= 3 })
	r.ok(listener.Close())
	if s := d.Stats(); s.Connections != 0 || s.Disconnects != 0 {
		t.Errorf("counted as connections: %+v", s)
	}
}

func TestConnectionsAreCountedWhileTheyLast(t *testing.T) {
	for _, bind := range []string{"@tcp://127.0.0.1:*", "@ipc://*"} {
		r := newRig(t)
		router := r.router(bind)
		var dealers []*comm.Dealer
		for n := range 5 {
			dealers = append(dealers, r.dealer(at(router)))
			r.eventually("it is counted", func() bool { return router.Stats().Connections == int64(n+1) })
		}
		r.ok(dealers[0].Close())
		r.ok(dealers[1].Disconnect(at(router)))
		r.eventually("they are gone", func() bool { return router.Stats().Connections == 3 })
		r.ok(router.Unbind(at(router)))
		for _, d := range dealers[1:] { // the first is closed, and need not count any more
			r.eventually("each knows", func() bool { return d.Stats().Connections == 0 })
		}
		if s := router.Stats(); s.Connections != 0 || s.Disconnects != 5 || s.BadHandshakes != 0 {
			t.Errorf("at the end: %+v", s)
		}
	}
}
