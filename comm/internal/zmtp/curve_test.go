package zmtp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// recorded is a handshake of CURVE and what followed it, with keys that are
// known, as libzmq sends it.
type recorded struct {
	Keys        map[string]string
	Precomputed string
	Frames      []struct{ What, From, Bytes string }
}

func readRecorded(t *testing.T) recorded {
	t.Helper()
	file, err := os.ReadFile("testdata/curve.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recorded
	if err := json.Unmarshal(file, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r recorded) key(t *testing.T, name string) Key { return Key(unhex(t, r.Keys[name])) }

func (r recorded) frame(t *testing.T, i int) []byte { return unhex(t, r.Frames[i].Bytes) }

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The frames of the recording, in order.
const (
	frameHello = iota
	frameWelcome
	frameInitiate
	frameReady
	frameTraffic
)

// nonceAt returns the long nonce of a recorded frame.
func nonceAt(frame []byte, i int) []byte { return frame[i : i+longNonce] }

// TestRecordedHandshakeIsMadeAgainByteForByte gives both ends the keys and nonces
// of the recording, and wants the bytes of the recording.
func TestRecordedHandshakeIsMadeAgainByteForByte(t *testing.T) {
	r := readRecorded(t)
	client, server := recordedEnds(t, r)
	steps := []struct {
		from, to *Handshake
		frame    int
	}{{client, server, frameHello}, {server, client, frameWelcome}, {client, server, frameInitiate}, {server, client, frameReady}}

	_, out, err := client.Feed(server.Start(nil), nil)
	for _, step := range steps {
		if err != nil || !bytes.Equal(out, r.frame(t, step.frame)) {
			t.Fatalf("%s: %v\n got %x\nwant %s", r.Frames[step.frame].What, err, out, r.Frames[step.frame].Bytes)
		}
		if step.frame == frameHello {
			if _, _, err := server.Feed(client.Start(nil), nil); err != nil {
				t.Fatal(err)
			}
		}
		_, out, err = step.to.Feed(out, nil)
		if _, due := step.to.Credentials(); due {
			out, err = step.to.Decide(Allow, nil)
		}
	}
	if !client.Done() || !server.Done() {
		t.Fatal("the handshake did not end")
	}
	if got := server.Peer(); string(got.Identity) != "me" || got.Type != Dealer || got.Credentials.Key != r.key(t, "C_public") {
		t.Errorf("the server knows %+v", got)
	}
	if got, want := client.Sealer().shared[:], unhex(t, r.Precomputed); !bytes.Equal(got, want) {
		t.Errorf("shared key %x, want %x", got, want)
	}
	checkTraffic(t, r, client, server)
}

// recordedEnds returns both ends of the recording, with its random bytes.
func recordedEnds(t *testing.T, r recorded) (client, server *Handshake) {
	t.Helper()
	c := CurveClient(KeyPairOf(r.key(t, "C_secret")), r.key(t, "S_public")).(curveClient)
	s := CurveServer(KeyPairOf(r.key(t, "S_secret"))).(curveServer)
	initiate, welcome := r.frame(t, frameInitiate), r.frame(t, frameWelcome)
	if c.keys.Public != r.key(t, "C_public") || s.keys[0].Public != r.key(t, "S_public") {
		t.Fatal("the recorded keys are no pairs")
	}
	cookie := initiate[longHeader+1+len(nameInitiate):]
	c.random.source = bytes.NewReader(append(unhex(t, r.Keys["C_short_secret"]), vouchNonce(t, r)...))
	s.random.source = bytes.NewReader(bytes.Join([][]byte{
		unhex(t, r.Keys["S_short_secret"]), unhex(t, r.Keys["cookie_key"]),
		nonceAt(welcome, shortHeader+1+len(nameWelcome)), nonceAt(cookie, 0),
	}, nil))
	client, err := NewHandshake(Config{Type: Dealer, Identity: []byte("me"), Mechanism: c})
	if err != nil {
		t.Fatal(err)
	}
	server, err = NewHandshake(Config{Type: Router, Mechanism: s})
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

// vouchNonce takes the vouch's nonce out of the recorded INITIATE.
func vouchNonce(t *testing.T, r recorded) []byte {
	t.Helper()
	data := r.frame(t, frameInitiate)[longHeader+1+len(nameInitiate):]
	s := precompute(r.key(t, "C_short_public"), r.key(t, "S_short_secret"))
	content, ok := openShared(data[cookieSize+shortNonce:], nonceOf(nonceInitiate, data[cookieSize:cookieSize+shortNonce]), s)
	if !ok {
		t.Fatal("the recorded INITIATE does not open")
	}
	return nonceAt(content, KeySize)
}

// checkTraffic seals and opens what was recorded behind the handshake.
func checkTraffic(t *testing.T, r recorded, client, server *Handshake) {
	t.Helper()
	limits := Limits{Frame: 1 << 10, Message: 1 << 10, Frames: 10, Command: 1 << 10}
	type direction struct {
		sealer  *Sealer
		decoder *Decoder
	}
	directions := map[string]direction{
		"client": {client.Sealer(), server.Decoder(limits, nil)},
		"server": {server.Sealer(), client.Decoder(limits, nil)},
	}
	for i, want := range []struct {
		clear []byte
		frame Frame
	}{
		{AppendPart(nil, []byte("a"), true), Frame{More: true, Body: []byte("a")}},
		{AppendPart(nil, []byte("b"), false), Frame{Body: []byte("b")}},
		{AppendPing(nil, 0, []byte("ctx")), Frame{Kind: Ping, Body: []byte("ctx")}},
		{AppendPong(nil, []byte("ctx")), Frame{Kind: Pong, Body: []byte("ctx")}},
		{AppendPart(nil, bytes.Repeat([]byte("y"), 300), false), Frame{Body: bytes.Repeat([]byte("y"), 300)}},
	} {
		what, from, sealed := r.Frames[frameTraffic+i].What, r.Frames[frameTraffic+i].From, r.frame(t, frameTraffic+i)
		d := directions[from]
		f, n, err := d.decoder.Next(sealed)
		if err != nil || n != len(sealed) || f.Kind != want.frame.Kind || f.More != want.frame.More || !bytes.Equal(f.Body, want.frame.Body) {
			t.Errorf("%s is read as %+v, %d of %d bytes: %v", what, f, n, len(sealed), err)
		}
		if got := d.sealer.Seal(nil, want.clear); !bytes.Equal(got, sealed) {
			t.Errorf("%s is sealed as %x, want %x", what, got, sealed)
		}
		if _, _, err := d.decoder.Next(sealed); err == nil {
			t.Errorf("%s was read twice", what)
		}
	}
}

// TestVouchIsForThisConnectionAndThisServer forges INITIATEs whose vouch names
// another short key, or another server's key.
func TestVouchIsForThisConnectionAndThisServer(t *testing.T) {
	keys := [4]KeyPair{}
	for i := range keys {
		keys[i] = systemRandom.keyPair()
	}
	long, server, other, victim := keys[0], keys[1], keys[2], keys[3]
	for name, forge := range map[string]func(s *curveClientSide){
		"another server's":     func(s *curveClientSide) { s.curveClient.server = other.Public },
		"another connection's": func(s *curveClientSide) { s.short.Public = other.Public },
		"another client's":     func(s *curveClientSide) { s.keys.Public = victim.Public },
	} {
		client := CurveClient(long, server.Public).newSide().(*curveClientSide)
		s := CurveServer(server).newSide().(*curveServerSide)
		config := &Config{Type: Dealer}
		hello := client.begin(config, nil)
		welcome, _, err := s.command(nameHello, hello[shortHeader+1+len(nameHello):], config, &Peer{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		genuine := *client
		data := welcome[shortHeader+1+len(nameWelcome):]
		opened, ok := open(data[longNonce:], nonceOf(nonceWelcome, data[:longNonce]), server.Public, client.short.Secret)
		if !ok {
			t.Fatal("WELCOME does not open")
		}
		forge(client)
		content := append([]byte(nil), client.keys.Public[:]...)
		content = appendMetadata(client.appendVouch(content, Key(opened)), config)
		initiate := append(opened[KeySize:], 0, 0, 0, 0, 0, 0, 0, 2)
		initiate = sealShared(initiate, content, counterNonce(nonceInitiate, 2), precompute(Key(opened), genuine.short.Secret))
		if _, _, err := s.command(nameInitiate, initiate, config, &Peer{}, nil); err == nil {
			t.Errorf("%s vouch was taken", name)
		}
	}
}
