package zmtp_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/comm/internal/zmtp"
)

// stream is what libzmq sent on one connection, from the greeting on.
type stream struct {
	What      string
	Minor     byte // of the version that its peer spoke
	Mechanism string
	Bytes     string
}

func streams(t testing.TB) map[string]stream {
	t.Helper()
	file, err := os.ReadFile("testdata/libzmq.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct{ Streams []stream }
	if err := json.Unmarshal(file, &recorded); err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]stream)
	for _, s := range recorded.Streams {
		byName[s.What] = s
	}
	return byName
}

func (s stream) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(s.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// afterHandshake gives the stream to an end of this type, and returns what that
// reads behind the handshake.
func (s stream) afterHandshake(t *testing.T, c zmtp.Config) (peer zmtp.Peer, frames []zmtp.Frame) {
	t.Helper()
	e := newEnd(t, c)
	e.in = s.bytes(t)
	e.feed()
	if e.err != nil || !e.h.Done() {
		t.Fatalf("%s: %v", s.What, e.err)
	}
	return e.h.Peer(), readAll(t, e.h.Decoder(generous, nil), e.in)
}

// generous limits nothing that a test sends.
var generous = zmtp.Limits{Frame: 1 << 20, Message: 1 << 20, Frames: 1 << 10, Command: 1 << 10}

func readAll(t *testing.T, d *zmtp.Decoder, b []byte) (frames []zmtp.Frame) {
	t.Helper()
	for len(b) > 0 {
		f, n, err := d.Next(b)
		if err != nil || n == 0 {
			t.Fatalf("%d bytes left: %v", len(b), err)
		}
		frames, b = append(frames, f), b[n:]
	}
	return frames
}

func TestHandshakesOfLibzmqAreReadAndWrittenByteForByte(t *testing.T) {
	counterpart := map[zmtp.SocketType]zmtp.SocketType{
		zmtp.Req: zmtp.Rep, zmtp.Rep: zmtp.Req, zmtp.Dealer: zmtp.Router, zmtp.Router: zmtp.Dealer, zmtp.Pub: zmtp.Sub, zmtp.XPub: zmtp.Sub,
		zmtp.Sub: zmtp.Pub, zmtp.XSub: zmtp.Pub, zmtp.Push: zmtp.Pull, zmtp.Pull: zmtp.Push, zmtp.Pair: zmtp.Pair,
	}
	all := streams(t)
	for own, other := range counterpart {
		s := all["handshake of "+string(own)]
		peer, rest := s.afterHandshake(t, zmtp.Config{Type: other})
		if peer.Type != own || peer.Minor != 1 || len(peer.Identity) != 0 || len(rest) != 0 {
			t.Errorf("%s: %+v, then %v", own, peer, rest)
		}
		// What an end of the same type sends is the same.
		e := newEnd(t, zmtp.Config{Type: own})
		sent := append([]byte(nil), e.out...)
		e.in, e.out = newEnd(t, zmtp.Config{Type: other}).out, nil
		e.feed()
		if sent = append(sent, e.out...); !bytes.Equal(sent, s.bytes(t)) {
			t.Errorf("%s sends %x, libzmq %s", own, sent, s.Bytes)
		}
	}
}

func TestMessagesAndCommandsOfLibzmqAreRead(t *testing.T) {
	b300 := strings.Repeat("b", 300)
	all := streams(t)
	for _, c := range []struct {
		what string
		own  zmtp.SocketType
		want []zmtp.Frame
	}{
		{`DEALER "me" sends [a, 300 x b] and [empty, c]`, zmtp.Router, []zmtp.Frame{
			{More: true, Body: []byte("a")}, {Body: []byte(b300)}, {More: true}, {Body: []byte("c")}}},
		{"REQ sends hello", zmtp.Rep, []zmtp.Frame{{More: true}, {Body: []byte("hello")}}},
		{"SUB subscribes to abc, to everything, cancels abc", zmtp.Pub, []zmtp.Frame{
			{Kind: zmtp.Subscribe, Body: []byte("abc")}, {Kind: zmtp.Subscribe}, {Kind: zmtp.Cancel, Body: []byte("abc")}}},
		{"SUB subscribes to abc, to everything, cancels abc at 3.0", zmtp.Pub, []zmtp.Frame{
			{Body: []byte("\x01abc")}, {Body: []byte("\x01")}, {Body: []byte("\x00abc")}}},
		{"XSUB sends 01 abc by hand", zmtp.Pub, []zmtp.Frame{{Body: []byte("\x01abc")}}},
	} {
		_, got := all[c.what].afterHandshake(t, zmtp.Config{Type: c.own})
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: got %v, want %v", c.what, got, c.want)
		}
	}
}

func TestHeartbeatsOfLibzmqAreRead(t *testing.T) {
	_, frames := streams(t)["DEALER with heartbeats, a PING of ours answered"].afterHandshake(t, zmtp.Config{Type: zmtp.Router})
	pings, pongs := 0, 0
	for _, f := range frames {
		switch {
		case f.Kind == zmtp.Ping && f.TTL == 700*time.Millisecond && len(f.Body) == 0:
			pings++
		case f.Kind == zmtp.Pong && string(f.Body) == "ctx":
			pongs++
		default:
			t.Errorf("%v", f)
		}
	}
	if pings == 0 || pongs != 1 {
		t.Errorf("%d PINGs, %d PONGs", pings, pongs)
	}
}

func TestPlainOfLibzmqIsReadAndWrittenByteForByte(t *testing.T) {
	all := streams(t)

	client := all["PLAIN client"]
	server := newEnd(t, zmtp.Config{Type: zmtp.Router, Mechanism: zmtp.PlainServer()})
	server.in = client.bytes(t)
	server.feed()
	if got := server.h.Peer().Credentials; server.err != nil || got.User != "admin" || got.Password != "secret" || !server.h.Done() {
		t.Fatalf("%v, %v", got, server.err)
	}
	want := all["PLAIN server"].bytes(t)
	if got := server.out; !bytes.Equal(withoutRole(got), want) {
		t.Errorf("a server sends %x, libzmq %x", got, want)
	}

	own := newEnd(t, zmtp.Config{Type: zmtp.Dealer, Mechanism: zmtp.PlainClient("admin", "secret")})
	own.in = want
	own.feed()
	sent := zmtp.AppendPart(own.out, []byte("hi"), false)
	if !own.h.Done() || !bytes.Equal(sent, client.bytes(t)) {
		t.Errorf("a client sends %x, libzmq %s (%v)", sent, client.Bytes, own.err)
	}

	denied := newEnd(t, zmtp.Config{Type: zmtp.Dealer, Mechanism: zmtp.PlainClient("admin", "wrong")})
	denied.in = all["PLAIN server denies"].bytes(t)
	denied.feed()
	wantReason(t, denied.err, zmtp.Refused)
}

// withoutRole takes as-server out of a greeting: libzmq never sets it, the RFCs
// want it of a server.
func withoutRole(b []byte) []byte {
	b = append([]byte(nil), b...)
	b[32] = 0
	return b
}
