package reactor_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// bad is one message that no good peer sends.
type bad struct {
	name   string
	frames [][]byte
	// unknown says that it counts as unknown and not as malformed.
	unknown bool
	// plain is with what a Dealer is answered, waiting with what it is answered if
	// it puts an empty frame in front, as a REQ does; OK is nothing at all.
	plain, waiting messaging.Code
}

// frame returns the envelope of a message.
func frame(t testing.TB, m proto.Message) []byte {
	t.Helper()
	e := must(messaging.Pack(m))(t)
	return e.Append(nil)
}

// envelope writes an envelope as it is told, right or wrong.
func envelope(name, url string, body []byte, more ...[]byte) []byte {
	message := field(1, []byte(url))
	if body != nil {
		message = append(message, field(2, body)...)
	}
	return append(append(field(1, []byte(name)), field(2, message)...), bytes.Join(more, nil)...)
}

// field returns a field of bytes.
func field(number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

const (
	echoName = "mittere.test.v1.EchoRequest"
	echoURL  = "type.googleapis.com/" + echoName
)

// badMessages returns the table.
func badMessages(t testing.TB) []bad {
	good := frame(t, ask("good"))
	none, invalid, unimplemented := messaging.OK, messaging.InvalidArgument, messaging.Unimplemented
	malformed := func(name string, frames ...[]byte) bad { return bad{name, frames, false, none, invalid} }
	table := []bad{
		malformed("an empty frame", nil),
		malformed("a byte", []byte{0xff}),
		malformed("zeros", make([]byte, 1000)),
		malformed("text", []byte("GET / HTTP/1.1\r\n\r\n")),
		malformed("a varint without end", bytes.Repeat([]byte{0x80}, 100)),
		malformed("a length beyond the frame", []byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}),
		malformed("a name alone", field(1, []byte(echoName))),
		malformed("a message without name", field(2, field(1, []byte(echoURL)))),
		malformed("a name that is empty", envelope("", echoURL, nil)),
		malformed("a type URL that is empty", envelope(echoName, "", nil)),
		malformed("a type URL that ends in no name", envelope(echoName, "type.googleapis.com/", nil)),
		malformed("a name and a type that disagree", envelope("mittere.test.v1.Note", echoURL, nil)),
		malformed("a name that is the end of a segment", envelope("Request", echoURL, nil)),
		malformed("a name twice", append(field(1, []byte(echoName)), good...)),
		malformed("a message twice", envelope(echoName, echoURL, nil, field(2, field(1, []byte(echoURL))))),
		malformed("a name that is no text", envelope("\xff\xfe", "type.googleapis.com/\xff\xfe", nil)),
		malformed("a subject that is no text", envelope(echoName, echoURL, nil, field(4, []byte("\xff")))),
		malformed("meta that is none", envelope(echoName, echoURL, nil, field(3, []byte("\xff")))),
		malformed("a field number out of range", append(bytes.Clone(good), 0x82, 0x80, 0x80, 0x80, 0x10, 0x00)),
		malformed("two envelopes in one frame", append(bytes.Clone(good), good...)),
		{"a body that is cut", [][]byte{envelope(echoName, echoURL, []byte{0x0a, 0x05, 'a'})}, false, invalid, invalid},
		{"a body whose text is none", [][]byte{envelope(echoName, echoURL, field(1, []byte("\xff")))}, false, invalid, invalid},
		{"a body of groups without end", [][]byte{envelope(echoName, echoURL, []byte{0x0b})}, false, invalid, invalid},
		{"a type that nobody has", [][]byte{envelope("no.such.Type", "x/no.such.Type", nil)}, true, unimplemented, unimplemented},
		{"a type without handler", [][]byte{frame(t, &testv1.Tree{})}, true, unimplemented, unimplemented},
		{"an error", [][]byte{frame(t, messaging.Errorf(messaging.Internal, "you").Status())}, true, none, none},
		{"an error that is none", [][]byte{envelope("mittere.v1.Status", "x/mittere.v1.Status", []byte{0xff})}, true, none, none},
		{"frames behind a delimiter", [][]byte{[]byte("a"), nil, []byte("b"), good}, false, invalid, invalid},
		{"two delimiters", [][]byte{nil, nil, good}, false, invalid, invalid},
		{"a hundred frames", append(many(100), good), false, invalid, invalid},
		{"more frames than are allowed", many(comm.DefaultMaxFrames), false, none, none},
	}
	for end := 1; end < len(good); end++ {
		table = append(table, malformed(fmt.Sprintf("the first %d of %d bytes", end, len(good)), good[:end]))
	}
	return table
}

// many returns frames that are not empty, and one that is, in the middle.
func many(n int) [][]byte {
	frames := make([][]byte, n)
	for i := range frames {
		frames[i] = []byte{byte(i)}
	}
	frames[n/2] = nil
	return frames
}

// badPeer sends raw frames to a reactor that echoes.
type badPeer struct {
	t testing.TB
	*running
	raw  *comm.Dealer
	sent int
}

// newBadPeer runs a reactor on a Response and returns a peer of it.
func newBadPeer(t testing.TB, at string, options ...reactor.Option) *badPeer {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, at))(t)
	r := serve(t, echoing(), sockets(rep), options...)
	return &badPeer{t: t, running: r, raw: must(comm.NewDealer(zmq, of(rep)))(t)}
}

// send sends frames, and behind them a good message, and returns what the reactor
// answered before it answered that.
func (p *badPeer) send(frames [][]byte) (answers []proto.Message) {
	p.t.Helper()
	p.sent++
	ok(p.t, p.raw.Send(patient(p.t), comm.NewMessage(frames...)))
	fence := fmt.Sprint("good message ", p.sent)
	ok(p.t, p.raw.Send(patient(p.t), comm.NewMessage(frame(p.t, ask(fence)))))
	for {
		m := p.next()
		if proto.Equal(m, &testv1.EchoResponse{Text: fence}) {
			return answers
		}
		answers = append(answers, m)
	}
}

// next returns the next answer, whatever stands in front of it.
func (p *badPeer) next() proto.Message {
	p.t.Helper()
	answer := must(p.raw.Recv(patient(p.t)))(p.t)
	e := must(messaging.Decode(answer.Frames[len(answer.Frames)-1]))(p.t)
	return must(e.Open(protoregistry.GlobalTypes))(p.t)
}

// wantAnswers checks with what a bad message was answered.
func wantAnswers(t *testing.T, got []proto.Message, want messaging.Code) {
	t.Helper()
	switch {
	case want == messaging.OK && len(got) == 0:
	case len(got) == 1 && messaging.CodeOf(statusError(got[0])) == want:
	default:
		t.Errorf("answered by %v, want %v", got, want)
	}
}

func TestBadMessagesAreCountedAndAnsweredAndTheNextOneIsServed(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		p := newBadPeer(t, at())
		for _, b := range badMessages(t) {
			t.Run(b.name, func(t *testing.T) {
				p.t = t
				before := p.Stats()
				wantAnswers(t, p.send(b.frames), b.plain)
				wantAnswers(t, p.send(append([][]byte{nil}, b.frames...)), b.waiting)
				counted := p.Stats()
				malformed, unknown := counted.Malformed-before.Malformed, counted.Unknown-before.Unknown
				if want := (map[bool]uint64{true: 2}); malformed != want[!b.unknown] || unknown != want[b.unknown] {
					t.Errorf("counted as malformed: %d, as unknown: %d; want 2 of one kind", malformed, unknown)
				}
			})
		}
		for _, message := range []string{"message dropped", "no handler"} {
			if len(p.log.all(message)) == 0 {
				t.Errorf("the log says nothing of %q", message)
			}
		}
	})
}

func TestDamagedMessagesAreAllAccountedFor(t *testing.T) {
	for name, options := range map[string][]reactor.Option{"sequential": nil, "pool": poolOf(3)} {
		t.Run(name, func(t *testing.T) {
			p := newBadPeer(t, inprocEndpoint(t), options...)
			good := frame(t, ask("a message to be damaged"))
			sent := 0
			for i := range good {
				for _, mask := range []byte{0x01, 0x80, 0xff} {
					damaged := bytes.Clone(good)
					damaged[i] ^= mask
					ok(t, p.raw.Send(patient(t), comm.NewMessage(damaged)))
					sent++
				}
			}
			p.accountsFor(sent)
		})
	}
}

func TestGarbageOfAnyKindIsAllAccountedFor(t *testing.T) {
	p := newBadPeer(t, inprocEndpoint(t))
	random := rand.New(rand.NewPCG(1, 2))
	const messages = 1000
	for range messages {
		frames := make([][]byte, 1+random.IntN(4))
		for i := range frames {
			frames[i] = make([]byte, random.IntN(60))
			for j := range frames[i] {
				frames[i][j] = byte(random.Uint32())
			}
		}
		ok(t, p.raw.Send(patient(t), comm.NewMessage(frames...)))
	}
	p.accountsFor(messages)
}

// accountsFor waits until so many messages were handled, unknown or malformed;
// then a good one must be served.
func (p *badPeer) accountsFor(sent int) {
	p.t.Helper()
	eventually(p.t, "all are counted", func() bool {
		s := p.Stats()
		return s.Handled+s.Unknown+s.Malformed == uint64(sent)
	})
	p.send([][]byte{frame(p.t, ask("one more"))})
}

func TestOversizedMessageIsRefusedAndTheNextOneIsServed(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		small := messaging.WithSocket(comm.WithMaxFrameSize(maxFrame))
		rep := must(messaging.NewRep(zmq, at(), small))(t)
		r := serve(t, echoing(), sockets(rep))
		large := must(comm.NewDealer(zmq, of(rep)))(t)
		ok(t, large.Send(patient(t), comm.NewMessage(make([]byte, maxFrame+1))))
		eventually(t, "it is counted", func() bool {
			// libzmq disconnects a tcp or ipc peer; an inproc one is held to it by comm.
			return rep.Stats().Disconnects == 1 || r.Stats().Malformed == 1
		})
		wantEcho(t, newRequest(t, zmq, rep), "good")
	})
}

// greeting begins a connection of ZMTP 3.0 without security (RFC 23), as a
// DEALER.
func greeting() []byte {
	b := append([]byte{0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0}, "NULL"...)
	b = append(b, make([]byte, 64-len(b))...)
	ready := "\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
	return append(append(b, 4, byte(len(ready))), ready...)
}

// garbage is what arrives at the port, and whether it comes after a handshake of
// ZeroMQ. libzmq takes whatever does not begin like one for a peer of its first
// version, so that some of that gets through as frames.
var garbage = []struct {
	name      string
	bytes     []byte
	handshake bool
	malformed uint64 // frames that get through after the handshake
}{
	{"nothing", nil, false, 0},
	{"a byte", []byte{0}, false, 0},
	{"HTTP", []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), false, 0},
	{"TLS", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("x", 500)), false, 0},
	{"zeros", make([]byte, 1<<16), false, 0},
	{"ones", bytes.Repeat([]byte{0xff}, 1<<16), false, 0},
	{"half a greeting", greeting()[:30], false, 0},
	{"a greeting without end", append(greeting()[:64], bytes.Repeat([]byte{4, 0xff}, 1000)...), false, 0},
	{"an unknown mechanism", append(greeting()[:12], []byte("GSSAPI"+strings.Repeat("\x00", 100))...), false, 0},
	{"an envelope without ZMTP", envelope(echoName, echoURL, nil), false, 0},
	{"a frame that is no envelope", []byte{0, 3, 1, 2, 3}, true, 1},
	{"half a message", []byte{1, 3, 1, 2, 3}, true, 0},
	{"half a frame", []byte{0, 200, 1, 2, 3}, true, 0},
	{"a frame of 2^63 bytes", []byte{2, 0x80, 0, 0, 0, 0, 0, 0, 0}, true, 0},
	{"frames, then garbage", []byte{0, 1, 7, 0, 1, 7, 0xff, 0xff, 0xff, 0xff}, true, 2},
	{"a command that is none", []byte{4, 3, 1, 'x', 'y'}, true, 0},
}

func TestRawGarbageOnThePortIsSurvivedAndTheNextMessageServed(t *testing.T) {
	for _, g := range garbage {
		t.Run(g.name, func(t *testing.T) {
			zmq := newContext(t)
			rep := must(messaging.NewRep(zmq, tcp))(t)
			r := serve(t, echoing(), sockets(rep))
			conn := must(pour(rep, g.bytes, g.handshake))(t)
			if g.handshake {
				eventually(t, "the handshake", func() bool { return rep.Stats().Connections+int64(rep.Stats().Disconnects) == 1 })
				eventually(t, "frames are counted", func() bool { return r.Stats().Malformed == g.malformed })
			}
			ok(t, conn.Close())
			eventually(t, "the connection is counted", func() bool {
				s := rep.Stats()
				return g.handshake && s.Disconnects == 1 || !g.handshake && s.BadHandshakes+s.Disconnects >= 1
			})
			wantEcho(t, newRequest(t, zmq, rep), "good")
			ok(t, r.stop())
			if s := r.Stats(); s.Handled != 1 || s.Panicked != 0 || g.handshake && s.Malformed != g.malformed {
				t.Errorf("stats are %+v, want one handled and %d malformed", s, g.malformed)
			}
		})
	}
}

// pour writes bytes to a socket's port, if wanted after a handshake. That the
// other side ends the connection meanwhile is fine.
func pour(to interface{ Endpoints() []string }, b []byte, handshake bool) (net.Conn, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(of(to), "tcp://"))
	if err == nil && handshake {
		err = shakeHands(conn)
	}
	if err == nil {
		_, _ = conn.Write(b)
	}
	return conn, err
}

// shakeHands does the handshake. A peer that sends messages before the other side's READY
// breaks the protocol.
func shakeHands(conn net.Conn) error {
	if _, err := conn.Write(greeting()); err != nil {
		return err
	}
	head := make([]byte, 64+2) // the greeting, and the head of the READY
	if _, err := io.ReadFull(conn, head); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, head[65]))
	return err
}

func TestGarbageBetweenGoodMessagesDisturbsNobody(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, tcp))(t)
	serve(t, echoing(), sockets(rep), reactor.WithPool(2, nil))
	req := newRequest(t, zmq, rep)
	ctx, done := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ctx.Err() == nil; i++ {
			g := garbage[i%len(garbage)]
			conn, err := pour(rep, g.bytes, g.handshake)
			check(t, err)
			check(t, conn.Close())
		}
	}()
	for i := range 300 {
		wantEcho(t, req, fmt.Sprint(i))
	}
	done()
	<-ended
}
