package zmtp_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/comm/internal/zmtp"
)

// connect returns both ends of a connection whose handshake is done.
func connect(t testing.TB, a, b zmtp.Mechanism) (one, other *zmtp.Handshake) {
	t.Helper()
	one, err := zmtp.NewHandshake(zmtp.Config{Type: zmtp.Pair, Mechanism: a})
	if err != nil {
		t.Fatal(err)
	}
	other, err = zmtp.NewHandshake(zmtp.Config{Type: zmtp.Pair, Mechanism: b})
	if err != nil {
		t.Fatal(err)
	}
	toOne, toOther := other.Start(nil), one.Start(nil)
	for len(toOne)+len(toOther) > 0 {
		toOne, toOther = talk(t, other, toOther), talk(t, one, toOne)
	}
	if !one.Done() || !other.Done() {
		t.Fatal("the handshake did not end")
	}
	return one, other
}

// talk feeds bytes, lets everybody in, and returns the answer.
func talk(t testing.TB, h *zmtp.Handshake, in []byte) (out []byte) {
	t.Helper()
	_, out, err := h.Feed(in, nil)
	if _, due := h.Credentials(); err == nil && due {
		out, err = h.Decide(zmtp.Allow, out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sealed encrypts frames unless s is nil.
func sealed(s *zmtp.Sealer, clear []byte) []byte {
	if s == nil {
		return clear
	}
	return s.Seal(nil, clear)
}

// traffic is one of each frame, and what they are read as.
func traffic() (clear []byte, frames []zmtp.Frame) {
	long := bytes.Repeat([]byte("long"), 100)
	clear = zmtp.AppendPart(clear, []byte("a"), true)
	clear = zmtp.AppendPing(clear, 12345*time.Millisecond, []byte("ctx"))
	clear = zmtp.AppendPart(clear, nil, true)
	clear = zmtp.AppendPong(clear, []byte("ctx"))
	clear = zmtp.AppendPart(clear, long, false)
	clear = zmtp.AppendSubscribe(clear, 1, []byte("topic"))
	clear = zmtp.AppendCancel(clear, 1, long)
	clear = zmtp.AppendSubscribe(clear, 0, []byte("topic"))
	clear = zmtp.AppendCancel(clear, 0, nil)
	return clear, []zmtp.Frame{
		{More: true, Body: []byte("a")},
		{Kind: zmtp.Ping, TTL: 12300 * time.Millisecond, Body: []byte("ctx")},
		{More: true},
		{Kind: zmtp.Pong, Body: []byte("ctx")},
		{Body: long},
		{Kind: zmtp.Subscribe, Body: []byte("topic")},
		{Kind: zmtp.Cancel, Body: long},
		{Body: []byte("\x01topic")},
		{Body: []byte("\x00")},
	}
}

func TestFramesAreReadHoweverTheBytesAreCut(t *testing.T) {
	for name, mechanism := range mechanisms(t) {
		t.Run(name, func(t *testing.T) {
			a, b := connect(t, mechanism[0], mechanism[1])
			clear, want := traffic()
			wire := sealed(a.Sealer(), clear)
			d := b.Decoder(generous, nil)
			var got []zmtp.Frame
			start := 0
			for end := range len(wire) + 1 {
				f, n, err := d.Next(wire[start:end])
				if err != nil {
					t.Fatal(err)
				}
				if n > 0 {
					got, start = append(got, f), start+n
				}
			}
			if start != len(wire) || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("read %d of %d bytes as\n%v, want\n%v", start, len(wire), got, want)
			}
		})
	}
}

func TestSealerNeedsNoMoreRoomThanItSays(t *testing.T) {
	mechanism := mechanisms(t)["CURVE"]
	a, _ := connect(t, mechanism[0], mechanism[1])
	clear, frames := traffic()
	s := a.Sealer()
	most := s.Size(len(clear), len(frames))
	if got := len(s.Seal(nil, clear)); got > most {
		t.Errorf("%d bytes, at most %d were announced", got, most)
	}
}

// TestLimitsHoldWhenAHeaderIsSeen gives headers alone: what they announce never
// has to arrive.
func TestLimitsHoldWhenAHeaderIsSeen(t *testing.T) {
	limits := zmtp.Limits{Frame: 1000, Message: 1500, Frames: 3, Command: 100}
	part := func(size int, more bool) []byte { return zmtp.AppendPart(nil, make([]byte, size), more) }
	for name, c := range map[string]struct {
		whole  [][]byte
		header []byte
		want   bool
	}{
		"a frame at its limit":            {nil, zmtp.AppendPartHeader(nil, 1000, false), true},
		"a frame above it":                {nil, zmtp.AppendPartHeader(nil, 1001, false), false},
		"a message at its limit":          {[][]byte{part(700, true)}, zmtp.AppendPartHeader(nil, 800, false), true},
		"a message above it":              {[][]byte{part(700, true)}, zmtp.AppendPartHeader(nil, 801, false), false},
		"three frames":                    {[][]byte{part(0, true), part(0, true)}, zmtp.AppendPartHeader(nil, 0, false), true},
		"four frames":                     {[][]byte{part(0, true), part(0, true), part(0, true)}, zmtp.AppendPartHeader(nil, 0, false), false},
		"a message behind one":            {[][]byte{part(1000, true), part(500, false)}, zmtp.AppendPartHeader(nil, 1000, false), true},
		"a subscription at its limit":     {nil, []byte{4, 100}, true},
		"a subscription above it":         {nil, []byte{4, 101}, false},
		"a command amid a large message":  {[][]byte{part(1000, true)}, []byte{4, 100}, true},
		"a frame of 2^63-1 bytes":         {nil, binary.BigEndian.AppendUint64([]byte{2}, 1<<63-1), false},
		"a frame of 2^63 bytes":           {nil, binary.BigEndian.AppendUint64([]byte{2}, 1<<63), false},
		"a command of 2^63-1 bytes":       {nil, binary.BigEndian.AppendUint64([]byte{6}, 1<<63-1), false},
		"a small frame in the long form":  {nil, binary.BigEndian.AppendUint64([]byte{2}, 1), true},
		"a frame with reserved bits":      {nil, []byte{0xf8, 1}, true},
		"a command that says MORE":        {[][]byte{{5, 5, 4, 'P', 'O', 'N', 'G'}}, []byte{0, 1}, true},
		"commands of any number":          {commands(1000), []byte{0, 1}, true},
		"a last part behind as many more": {[][]byte{part(1, true), part(1, true)}, []byte{0, 1}, true},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := connect(t, zmtp.Null(), zmtp.Null())
			d := a.Decoder(limits, nil)
			for _, frame := range c.whole {
				if _, n, err := d.Next(frame); err != nil || n != len(frame) {
					t.Fatal(n, err)
				}
			}
			_, _, err := d.Next(c.header)
			if (err == nil) != c.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

func commands(n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = zmtp.AppendPing(nil, 0, nil)
	}
	return all
}

// TestLimitsHoldForWhatIsEncrypted sends the same frames by CURVE.
func TestLimitsHoldForWhatIsEncrypted(t *testing.T) {
	mechanism := mechanisms(t)["CURVE"]
	limits := zmtp.Limits{Frame: 1000, Message: 1500, Frames: 3, Command: 100}
	for name, c := range map[string]struct {
		clear []byte
		want  bool
	}{
		"a frame at its limit":   {zmtp.AppendPart(nil, make([]byte, 1000), false), true},
		"a frame above it":       {zmtp.AppendPart(nil, make([]byte, 1001), false), false},
		"a message above it":     {zmtp.AppendPart(zmtp.AppendPart(nil, make([]byte, 800), true), make([]byte, 800), false), false},
		"a command at its limit": {zmtp.AppendSubscribe(nil, 1, make([]byte, 90)), true},
		"a command above it":     {zmtp.AppendSubscribe(nil, 1, make([]byte, 91)), false},
	} {
		a, b := connect(t, mechanism[0], mechanism[1])
		wire, d := a.Sealer().Seal(nil, c.clear), b.Decoder(limits, nil)
		var err error
		for n := 0; len(wire) > 0 && err == nil; wire = wire[n:] {
			_, n, err = d.Next(wire)
		}
		if (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMalformedTrafficIsAnError(t *testing.T) {
	for name, b := range map[string]string{
		"an empty command":                        "\x04\x00",
		"a command without a name":                "\x04\x01\x00",
		"a command whose name ends behind it":     "\x04\x03\x04PI",
		"a PING without a time to live":           "\x04\x05\x04PING",
		"a PING with half of one":                 "\x04\x06\x04PING\x00",
		"a PING with a context of 17 bytes":       "\x04\x18\x04PING\x00\x00" + strings.Repeat("c", 17),
		"a subscription whose name ends too soon": "\x04\x04\x09SUB",
	} {
		a, _ := connect(t, zmtp.Null(), zmtp.Null())
		_, _, err := a.Decoder(generous, nil).Next([]byte(b))
		if err == nil {
			t.Errorf("%s was taken", name)
			continue
		}
		wantReason(t, err, zmtp.Malformed)
	}
}

func TestForeignCommandsAreIgnored(t *testing.T) {
	for _, b := range []string{"\x04\x06\x05READY", "\x04\x0a\x05ERROR\x03400", "\x04\x05\x04JOIN", "\x04\x02\x01\xff"} {
		a, _ := connect(t, zmtp.Null(), zmtp.Null())
		f, n, err := a.Decoder(generous, nil).Next([]byte(b))
		if err != nil || n != len(b) || f.Kind != zmtp.Other {
			t.Errorf("%q: %v, %d, %v", b, f, n, err)
		}
	}
}

// TestEncryptedTrafficIsWholeFreshAndSealed changes, repeats and replaces frames
// of CURVE.
func TestEncryptedTrafficIsWholeFreshAndSealed(t *testing.T) {
	mechanism := mechanisms(t)["CURVE"]
	for name, change := range map[string]func(good, next []byte) []byte{
		"a changed byte":           func(good, _ []byte) []byte { good[len(good)-1] ^= 1; return good },
		"a changed counter":        func(good, _ []byte) []byte { good[17]++; return good },
		"the same again":           func(good, _ []byte) []byte { return append(good, good...) },
		"two in the wrong order":   func(good, next []byte) []byte { return append(next, good...) },
		"a frame in the clear":     func(_, _ []byte) []byte { return zmtp.AppendPart(nil, []byte("clear"), false) },
		"a PING in the clear":      func(_, _ []byte) []byte { return zmtp.AppendPing(nil, 0, nil) },
		"a long one in the clear":  func(_, _ []byte) []byte { return zmtp.AppendPart(nil, make([]byte, 200), false) },
		"a MESSAGE without a box":  func(good, _ []byte) []byte { good[1] = 16; return good[:18] },
		"a frame of one too short": func(good, _ []byte) []byte { good[1]--; return good[:len(good)-1] },
	} {
		a, b := connect(t, mechanism[0], mechanism[1])
		s, d := a.Sealer(), b.Decoder(generous, nil)
		good := s.Seal(nil, zmtp.AppendPart(nil, []byte("one"), false))
		next := s.Seal(nil, zmtp.AppendPart(nil, []byte("two"), false))
		wire := change(good, next)
		var err error
		for n := 0; len(wire) > 0 && err == nil; wire = wire[n:] {
			if _, n, err = d.Next(wire); n == 0 && err == nil {
				t.Fatalf("%s: incomplete", name)
			}
		}
		if err == nil {
			t.Errorf("%s was taken", name)
			continue
		}
		wantReason(t, err, zmtp.Malformed)
	}
}

// TestLossOfEncryptedFramesIsNoError is about gaps in the counter, which a peer
// may leave.
func TestLossOfEncryptedFramesIsNoError(t *testing.T) {
	mechanism := mechanisms(t)["CURVE"]
	a, b := connect(t, mechanism[0], mechanism[1])
	s := a.Sealer()
	s.Seal(nil, zmtp.AppendPart(nil, []byte("lost"), false))
	f, _, err := b.Decoder(generous, nil).Next(s.Seal(nil, zmtp.AppendPart(nil, []byte("kept"), false)))
	if err != nil || string(f.Body) != "kept" {
		t.Errorf("%v, %v", f, err)
	}
}

func TestPingIsCutToWhatLibzmqBears(t *testing.T) {
	for _, c := range []struct{ ttl, want time.Duration }{
		{0, 0}, {-time.Second, 0}, {99 * time.Millisecond, 0}, {time.Second, time.Second}, {time.Hour, zmtp.MaxTTL},
	} {
		a, _ := connect(t, zmtp.Null(), zmtp.Null())
		f, _, err := a.Decoder(generous, nil).Next(zmtp.AppendPing(nil, c.ttl, make([]byte, 40)))
		if err != nil || f.TTL != c.want || len(f.Body) != zmtp.MaxPingContext {
			t.Errorf("%v: %v, %v", c.ttl, f, err)
		}
	}
}

func TestReadingAndWritingAllocateNothing(t *testing.T) {
	for name, mechanism := range mechanisms(t) {
		a, b := connect(t, mechanism[0], mechanism[1])
		room := make([]byte, 1<<10)
		s, d := a.Sealer(), b.Decoder(generous, func(size int) []byte { return room[:size] })
		clear, wire := make([]byte, 0, 1<<10), make([]byte, 0, 1<<10)
		body := make([]byte, 100)
		allocs := testing.AllocsPerRun(100, func() {
			clear = zmtp.AppendPart(zmtp.AppendPart(clear[:0], nil, true), body, false)
			out := clear
			if s != nil {
				out = s.Seal(wire[:0], clear)
			}
			for len(out) > 0 {
				_, n, err := d.Next(out)
				if err != nil || n == 0 {
					t.Fatal(n, err)
				}
				out = out[n:]
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations a message", name, allocs)
		}
	}
}

func TestPeekTellsTheSizeOfAFrameFromItsHeader(t *testing.T) {
	for _, size := range []int{0, 1, 255, 256, 100_000} {
		b := zmtp.AppendPart(nil, make([]byte, size), size%2 == 1)
		for known := range 10 {
			got, more := zmtp.PeekFrame(b[:min(known, len(b))])
			want := len(b)
			if header := len(b) - size; known < header {
				want = 0
			}
			if got != want || more != (want > 0 && size%2 == 1) {
				t.Errorf("%d bytes of a frame of %d: %d, %v", known, size, got, more)
			}
		}
	}
	if got, _ := zmtp.PeekFrame([]byte("\x02\xff\xff\xff\xff\xff\xff\xff\xff")); got != 0 {
		t.Errorf("a frame of %d bytes", got)
	}
}
