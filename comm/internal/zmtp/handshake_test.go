package zmtp_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm/internal/zmtp"
)

// end is one end of a connection in memory.
type end struct {
	t       *testing.T
	h       *zmtp.Handshake
	verdict zmtp.Verdict
	in, out []byte // not yet fed, not yet sent
	err     error
}

func newEnd(t *testing.T, c zmtp.Config) *end {
	t.Helper()
	h, err := zmtp.NewHandshake(c)
	if err != nil {
		t.Fatal(err)
	}
	return &end{t: t, h: h, verdict: zmtp.Allow, out: h.Start(nil)}
}

// feed gives the end what has arrived, and its verdict if one is due.
func (e *end) feed() {
	if e.err != nil {
		return
	}
	n, out, err := e.h.Feed(e.in, e.out)
	e.in, e.out, e.err = e.in[n:], out, err
	if _, due := e.h.Credentials(); due {
		e.out, e.err = e.h.Decide(e.verdict, e.out)
		if e.err == nil {
			e.feed()
		}
	}
}

// converse carries bytes between two ends, chunk at a time, until neither has
// anything to say.
func converse(a, b *end, chunk int) {
	for len(a.out) > 0 || len(b.out) > 0 {
		carry(a, b, chunk)
		carry(b, a, chunk)
	}
}

func carry(from, to *end, chunk int) {
	n := min(chunk, len(from.out))
	to.in = append(to.in, from.out[:n]...)
	from.out = from.out[n:]
	to.feed()
}

// curveKeys returns new key pairs.
func curveKeys(t *testing.T, n int) []zmtp.KeyPair {
	t.Helper()
	pairs := make([]zmtp.KeyPair, n)
	for i := range pairs {
		pair, err := zmtp.NewKeyPair(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		pairs[i] = pair
	}
	return pairs
}

// mechanisms returns both ends of each mechanism, the connecting one first.
func mechanisms(t *testing.T) map[string][2]zmtp.Mechanism {
	keys := curveKeys(t, 3)
	return map[string][2]zmtp.Mechanism{
		"NULL":  {zmtp.Null(), zmtp.Null()},
		"PLAIN": {zmtp.PlainClient("admin", "secret"), zmtp.PlainServer()},
		"CURVE": {zmtp.CurveClient(keys[0], keys[1].Public), zmtp.CurveServer(keys[2], keys[1])},
	}
}

func TestBothEndsLearnWhoTheOtherIsHoweverTheBytesAreCut(t *testing.T) {
	for name, mechanism := range mechanisms(t) {
		for _, chunk := range []int{1, 2, 7, 63, 64, 65, 1 << 20} {
			t.Run(fmt.Sprintf("%s/%d", name, chunk), func(t *testing.T) {
				client := newEnd(t, zmtp.Config{Type: zmtp.Dealer, Identity: []byte("me"), Mechanism: mechanism[0],
					Properties: []zmtp.Property{{Name: "X-Zone", Value: []byte("north")}}})
				server := newEnd(t, zmtp.Config{Type: zmtp.Router, Mechanism: mechanism[1]})
				converse(client, server, chunk)
				if client.err != nil || server.err != nil || !client.h.Done() || !server.h.Done() {
					t.Fatalf("client %v, server %v", client.err, server.err)
				}
				peer := server.h.Peer()
				if peer.Type != zmtp.Dealer || string(peer.Identity) != "me" || peer.Minor != 1 || peer.Credentials.Mechanism != name ||
					len(peer.Properties) != 1 || string(peer.Properties[0].Value) != "north" {
					t.Errorf("the server knows %+v", peer)
				}
				if peer := client.h.Peer(); peer.Type != zmtp.Router || len(peer.Identity) != 0 {
					t.Errorf("the client knows %+v", peer)
				}
			})
		}
	}
}

func TestServerJudgesByWhatTheClientShows(t *testing.T) {
	keys := curveKeys(t, 2)
	for _, c := range []struct {
		client, server zmtp.Mechanism
		want           zmtp.Credentials
	}{
		{zmtp.PlainClient("admin", "secret"), zmtp.PlainServer(), zmtp.Credentials{Mechanism: "PLAIN", User: "admin", Password: "secret"}},
		{zmtp.CurveClient(keys[0], keys[1].Public), zmtp.CurveServer(keys[1]), zmtp.Credentials{Mechanism: "CURVE", Key: keys[0].Public}},
	} {
		for _, verdict := range []zmtp.Verdict{zmtp.Allow, zmtp.Deny, zmtp.DenyForNow, 0} {
			client := newEnd(t, zmtp.Config{Type: zmtp.Req, Mechanism: c.client})
			server := newEnd(t, zmtp.Config{Type: zmtp.Rep, Mechanism: c.server})
			server.verdict = verdict
			converse(client, server, 1<<20)
			if got := server.h.Peer().Credentials; got != c.want {
				t.Errorf("credentials %+v, want %+v", got, c.want)
			}
			if allowed := verdict == zmtp.Allow; server.h.Done() != allowed || client.h.Done() != allowed {
				t.Errorf("%v, verdict %d: client done %v, server done %v", c.want, verdict, client.h.Done(), server.h.Done())
			}
			wantReasons(t, verdict, client.err, server.err)
			if _, err := server.h.Decide(zmtp.Allow, nil); err == nil || server.h.Done() != (verdict == zmtp.Allow) {
				t.Errorf("a second verdict: %v", err)
			}
		}
	}
}

func wantReasons(t *testing.T, verdict zmtp.Verdict, client, server error) {
	t.Helper()
	switch verdict {
	case zmtp.Allow:
		if client != nil || server != nil {
			t.Errorf("client %v, server %v", client, server)
		}
	case zmtp.Deny:
		wantReason(t, client, zmtp.Refused)
		wantReason(t, server, zmtp.Denied)
		if !strings.Contains(client.Error(), `"400"`) {
			t.Errorf("%v names no status", client)
		}
	default:
		wantReason(t, server, zmtp.Denied)
		if client != nil {
			t.Errorf("the client was told %v", client)
		}
	}
	if server != nil && strings.Contains(server.Error(), "secret") {
		t.Errorf("%v tells the password", server)
	}
}

func wantReason(t *testing.T, err error, want zmtp.Reason) {
	t.Helper()
	var wire *zmtp.Error
	if !errors.As(err, &wire) || wire.Reason != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestSocketTypesTalkAsTheRFCsSay(t *testing.T) {
	pairs := []string{"REQ-REP", "REQ-ROUTER", "REP-DEALER", "DEALER-DEALER", "DEALER-ROUTER", "ROUTER-ROUTER",
		"PUB-SUB", "PUB-XSUB", "XPUB-SUB", "XPUB-XSUB", "PUSH-PULL", "PAIR-PAIR"}
	all := []zmtp.SocketType{zmtp.Req, zmtp.Rep, zmtp.Dealer, zmtp.Router, zmtp.Pub, zmtp.XPub, zmtp.Sub, zmtp.XSub, zmtp.Push, zmtp.Pull, zmtp.Pair}
	for _, a := range all {
		for _, b := range all {
			want := slices.Contains(pairs, string(a+"-"+b)) || slices.Contains(pairs, string(b+"-"+a))
			one, other := newEnd(t, zmtp.Config{Type: a}), newEnd(t, zmtp.Config{Type: b})
			converse(one, other, 1<<20)
			if one.h.Done() != want || other.h.Done() != want || a.Speaks(b) != want {
				t.Errorf("%s and %s: %v, %v", a, b, one.err, other.err)
			}
			if !want {
				wantReason(t, one.err, zmtp.TypeMismatch)
			}
		}
	}
}

func TestServerOfTwoKeysServesClientsOfEach(t *testing.T) {
	keys := curveKeys(t, 4)
	server := zmtp.CurveServer(keys[0], keys[1])
	for _, c := range []struct {
		key  zmtp.Key
		want bool
	}{{keys[0].Public, true}, {keys[1].Public, true}, {keys[2].Public, false}} {
		a := newEnd(t, zmtp.Config{Type: zmtp.Push, Mechanism: zmtp.CurveClient(keys[3], c.key)})
		b := newEnd(t, zmtp.Config{Type: zmtp.Pull, Mechanism: server})
		converse(a, b, 1<<20)
		if a.h.Done() != c.want || b.h.Done() != c.want {
			t.Errorf("client %v, server %v", a.err, b.err)
		}
		if !c.want {
			wantReason(t, b.err, zmtp.Denied)
		}
	}
}

// TestHandshakeLeavesTheTrafficBehindItAlone is about a peer whose first message
// comes in the same read as its READY.
func TestHandshakeLeavesTheTrafficBehindItAlone(t *testing.T) {
	a, b := newEnd(t, zmtp.Config{Type: zmtp.Push}), newEnd(t, zmtp.Config{Type: zmtp.Pull})
	a.in = append(b.out, readyOf("PULL")...)
	a.in = zmtp.AppendPart(a.in, []byte("early"), false)
	a.feed()
	if a.err != nil || !a.h.Done() {
		t.Fatal(a.err)
	}
	if want := zmtp.AppendPart(nil, []byte("early"), false); !bytes.Equal(a.in, want) {
		t.Errorf("left are %x, want %x", a.in, want)
	}
	if n, out, err := a.h.Feed(a.in, nil); n != 0 || out != nil || err != nil {
		t.Errorf("fed after the end: %d, %x, %v", n, out, err)
	}
}

// readyOf is a READY of NULL that tells the type alone.
func readyOf(socketType string) []byte {
	body := "\x05READY\x0bSocket-Type\x00\x00\x00" + string(rune(len(socketType))) + socketType
	return append([]byte{4, byte(len(body))}, body...)
}

func TestPeersThatCannotBeServedAreToldApart(t *testing.T) {
	good := string(newEnd(t, zmtp.Config{Type: zmtp.Dealer}).out)
	at := func(i int, b byte) string { return good[:i] + string([]byte{b}) + good[i+1:] }
	cmd := func(body string) string { return good + "\x04" + string([]byte{byte(len(body))}) + body }
	for name, c := range map[string]struct {
		bytes string
		want  zmtp.Reason
	}{
		"HTTP":                               {"GET / HTTP/1.1\r\n", zmtp.UnsupportedVersion},
		"TLS":                                {"\x16\x03\x01", zmtp.UnsupportedVersion},
		"ZMTP 1.0, an identity of 3 bytes":   {"\x04\x00abc", zmtp.UnsupportedVersion},
		"ZMTP 1.0, a long frame":             {"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x00", zmtp.UnsupportedVersion},
		"ZMTP 2.0":                           {at(10, 1)[:11], zmtp.UnsupportedVersion},
		"another mechanism":                  {good[:12] + "PLAIN\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + good[32:], zmtp.MechanismMismatch},
		"no mechanism":                       {at(12, 0), zmtp.Malformed},
		"a mechanism with letters behind it": {at(30, 'x'), zmtp.Malformed},
		"a message in place of READY":        {good + "\x00\x05hello", zmtp.Malformed},
		"an empty command":                   {good + "\x04\x00", zmtp.Malformed},
		"a name that ends behind its frame":  {good + "\x04\x02\x05R", zmtp.Malformed},
		"a command of another mechanism":     {cmd("\x05HELLO"), zmtp.Malformed},
		"an ERROR":                           {cmd("\x05ERROR\x03400"), zmtp.Refused},
		"an ERROR without its reason":        {cmd("\x05ERROR\x09400"), zmtp.Malformed},
		"a property without a name":          {cmd("\x05READY\x00\x00\x00\x00\x00"), zmtp.Malformed},
		"a property that is cut":             {cmd("\x05READY\x0bSocket"), zmtp.Malformed},
		"a value that is cut":                {cmd("\x05READY\x01a\x00\x00\x00\x09b"), zmtp.Malformed},
		"a value of 4 GiB":                   {cmd("\x05READY\x01a\xff\xff\xff\xff"), zmtp.Malformed},
		"an octet behind the properties":     {cmd("\x05READY\x0bSocket-Type\x00\x00\x00\x06ROUTERx"), zmtp.Malformed},
		"an identity that begins with zero":  {cmd("\x05READY\x0bSocket-Type\x00\x00\x00\x06ROUTER\x08Identity\x00\x00\x00\x02\x00a"), zmtp.Malformed},

		"a READY of 1 TiB": {good + "\x06\x00\x00\x01\x00\x00\x00\x00\x00", zmtp.TooLarge},
		"a READY of 2^63":  {good + "\x06\x80\x00\x00\x00\x00\x00\x00\x00", zmtp.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnd(t, zmtp.Config{Type: zmtp.Dealer})
			e.in = []byte(c.bytes)
			e.feed()
			wantReason(t, e.err, c.want)
			if n, _, err := e.h.Feed([]byte(good), nil); n != 0 || err != nil || e.h.Done() {
				t.Errorf("it goes on after its end: %d, %v", n, err)
			}
		})
	}
}

func TestPropertiesAreBounded(t *testing.T) {
	e := newEnd(t, zmtp.Config{Type: zmtp.Dealer})
	body := "\x05READY" + strings.Repeat("\x01a\x00\x00\x00\x00", 65)
	e.in = append(newEnd(t, zmtp.Config{Type: zmtp.Dealer}).out, "\x06\x00\x00\x00\x00\x00\x00"+string([]byte{byte(len(body) >> 8), byte(len(body))})+body...)
	e.feed()
	wantReason(t, e.err, zmtp.TooLarge)
}

func TestPropertyNamesAreTakenInAnyCase(t *testing.T) {
	e := newEnd(t, zmtp.Config{Type: zmtp.Router})
	body := "\x05READY\x0bSOCKET-TYPE\x00\x00\x00\x06DEALER\x08identity\x00\x00\x00\x02me"
	e.in = append(newEnd(t, zmtp.Config{Type: zmtp.Dealer}).out, append([]byte{4, byte(len(body))}, body...)...)
	e.feed()
	if p := e.h.Peer(); e.err != nil || p.Type != zmtp.Dealer || string(p.Identity) != "me" {
		t.Errorf("%+v, %v", p, e.err)
	}
}

func TestVersionIsTheLowerOfBoth(t *testing.T) {
	for _, c := range []struct{ major, minor, want byte }{{3, 0, 0}, {3, 1, 1}, {3, 9, 1}, {4, 0, 1}, {200, 0, 1}} {
		e := newEnd(t, zmtp.Config{Type: zmtp.Sub})
		greeting := newEnd(t, zmtp.Config{Type: zmtp.Pub}).out
		greeting[10], greeting[11] = c.major, c.minor
		e.in = append(greeting, readyOf("PUB")...)
		e.feed()
		if got := e.h.Peer().Minor; e.err != nil || got != c.want {
			t.Errorf("%d.%d is served as 3.%d, want 3.%d (%v)", c.major, c.minor, got, c.want, e.err)
		}
	}
}

func TestWrongConfigsAreReportedAllAtOnce(t *testing.T) {
	_, err := zmtp.NewHandshake(zmtp.Config{
		Type:       "STREAM",
		Identity:   []byte{0},
		Properties: []zmtp.Property{{}, {Name: "identity"}},
		Mechanism:  zmtp.CurveServer(),
	})
	for _, want := range []string{`"STREAM"`, "routing id", "1 to 255 bytes", "set by the socket", "key pair"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v says nothing of %q", err, want)
		}
	}
	keys := curveKeys(t, 2)
	for _, m := range []zmtp.Mechanism{
		zmtp.PlainClient(strings.Repeat("u", 256), ""),
		zmtp.CurveClient(keys[0], zmtp.Key{}),
		zmtp.CurveClient(zmtp.KeyPair{Public: keys[0].Public, Secret: keys[1].Secret}, keys[1].Public),
		zmtp.CurveServer(zmtp.KeyPair{Public: keys[0].Public, Secret: keys[1].Secret}),
	} {
		if _, err := zmtp.NewHandshake(zmtp.Config{Type: zmtp.Req, Mechanism: m}); err == nil {
			t.Errorf("%T was taken", m)
		}
	}
}
