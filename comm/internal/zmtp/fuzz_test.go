package zmtp_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/mittere/mittere/comm/internal/zmtp"
)

// FuzzHandshake gives each end of each mechanism anything, cut anywhere. It must
// not panic, not take more than there is, and say the same however it is cut.
func FuzzHandshake(f *testing.F) {
	for _, s := range streams(f) {
		f.Add(s.bytes(f), uint8(3))
	}
	keys := zmtp.KeyPairOf(zmtp.Key{1})
	server := zmtp.KeyPairOf(zmtp.Key{2})
	hello, err := zmtp.NewHandshake(zmtp.Config{Type: zmtp.Dealer, Mechanism: zmtp.CurveClient(keys, server.Public)})
	if err != nil {
		f.Fatal(err)
	}
	_, out, _ := hello.Feed(hello.Start(nil), nil)
	f.Add(append(hello.Start(nil), out...), uint8(60))
	ends := []zmtp.Mechanism{zmtp.Null(), zmtp.PlainClient("u", "p"), zmtp.PlainServer(), zmtp.CurveClient(keys, server.Public), zmtp.CurveServer(server)}
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		for _, m := range ends {
			whole, chunked := outcome(t, m, b, len(b)), outcome(t, m, b, int(cut)+1)
			if whole != chunked {
				t.Errorf("%T: at once %s, in chunks of %d %s", m, whole, int(cut)+1, chunked)
			}
		}
	})
}

// outcome feeds b, chunk bytes at a time, and tells what became of it.
func outcome(t *testing.T, m zmtp.Mechanism, b []byte, chunk int) string {
	h, err := zmtp.NewHandshake(zmtp.Config{Type: zmtp.Router, Mechanism: m})
	if err != nil {
		t.Fatal(err)
	}
	var in []byte
	taken := 0
	for {
		n := min(chunk, len(b))
		in, b = append(in, b[:n]...), b[n:]
		for {
			n, _, err = h.Feed(in, nil)
			if n < 0 || n > len(in) {
				t.Fatalf("took %d of %d bytes", n, len(in))
			}
			taken, in = taken+n, in[n:]
			if _, due := h.Credentials(); !due || err != nil {
				break
			}
			if _, err = h.Decide(zmtp.Allow, nil); err != nil {
				break
			}
		}
		if err != nil || h.Done() || len(b) == 0 {
			return result(t, h, taken, err)
		}
	}
}

func result(t *testing.T, h *zmtp.Handshake, taken int, err error) string {
	if err == nil {
		p := h.Peer()
		return fmt.Sprint(h.Done(), taken, p.Type, p.Identity, p.Properties, p.Credentials)
	}
	var wire *zmtp.Error
	if !errors.As(err, &wire) || h.Done() {
		t.Fatalf("done %v, %v", h.Done(), err)
	}
	return wire.Reason.String()
}

// limits are small, so that a fuzzer meets them.
var limits = zmtp.Limits{Frame: 1 << 12, Message: 1 << 13, Frames: 8, Command: 1 << 11}

// FuzzDecoder reads anything as traffic in the clear. What is read is written
// again, and read as the same.
func FuzzDecoder(f *testing.F) {
	addTraffic(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		end, _ := connect(t, zmtp.Null(), zmtp.Null())
		once, valid := reencode(t, end.Decoder(limits, nil), b)
		twice, again := reencode(t, end.Decoder(limits, nil), once)
		if !again || !bytes.Equal(once, twice) {
			t.Errorf("%x (valid: %v) is %x, which is %x", b, valid, once, twice)
		}
	})
}

// FuzzEncryptedTraffic sends traffic by CURVE, which comes out unchanged, and
// reads anything else as encrypted, of which nothing comes out.
func FuzzEncryptedTraffic(f *testing.F) {
	addTraffic(f)
	keys, server := zmtp.KeyPairOf(zmtp.Key{1}), zmtp.KeyPairOf(zmtp.Key{2})
	f.Fuzz(func(t *testing.T, b []byte) {
		plain, _ := connect(t, zmtp.Null(), zmtp.Null())
		want, _ := reencode(t, plain.Decoder(limits, nil), b)

		a, z := connect(t, zmtp.CurveClient(keys, server.Public), zmtp.CurveServer(server))
		got, _ := reencode(t, z.Decoder(limits, nil), a.Sealer().Seal(nil, bytes.Clone(want)))
		if !bytes.Equal(got, want) {
			t.Errorf("%x came through as %x", want, got)
		}
		if forged, _ := reencode(t, a.Decoder(limits, nil), b); len(forged) > 0 {
			t.Errorf("%x was opened as %x", b, forged)
		}
	})
}

func addTraffic(f *testing.F) {
	clear, _ := traffic()
	f.Add(clear)
	f.Add([]byte("\x02\x7f\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte("\x00\x22\x07MESSAGE\x00\x00\x00\x00\x00\x00\x00\x03box"))
	for _, s := range streams(f) {
		f.Add(s.bytes(f)[64:])
	}
}

// reencode reads frames until something is wrong or incomplete, and writes them
// again. valid says that nothing was wrong.
func reencode(t *testing.T, d *zmtp.Decoder, b []byte) (again []byte, valid bool) {
	size, frames := 0, 0
	for {
		f, n, err := d.Next(b)
		if err != nil || n == 0 {
			return again, err == nil
		}
		if n > len(b) {
			t.Fatalf("took %d of %d bytes", n, len(b))
		}
		b = b[n:]
		switch f.Kind {
		case zmtp.Part:
			size, frames = size+len(f.Body), frames+1
			if len(f.Body) > limits.Frame || size > limits.Message || frames > limits.Frames {
				t.Fatalf("%d bytes in %d frames were let through", size, frames)
			}
			if !f.More {
				size, frames = 0, 0
			}
			again = zmtp.AppendPart(again, f.Body, f.More)
		case zmtp.Ping:
			again = zmtp.AppendPing(again, f.TTL, f.Body)
		case zmtp.Pong:
			again = zmtp.AppendPong(again, f.Body)
		case zmtp.Subscribe:
			again = zmtp.AppendSubscribe(again, 1, f.Body)
		case zmtp.Cancel:
			again = zmtp.AppendCancel(again, 1, f.Body)
		}
	}
}
