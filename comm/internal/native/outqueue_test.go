package native

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm/internal/zmtp"
)

// frames returns frames of these texts.
func frames(texts ...string) (list [][]byte) {
	for _, text := range texts {
		list = append(list, []byte(text))
	}
	return list
}

// writeAll writes all of a queue, up to some bytes at a time.
func writeAll(q *outqueue, most int) (all []byte) {
	for b := q.take(nil); b != nil; b = q.take(nil) {
		n := min(most, len(b))
		all = append(all, b[:n]...)
		q.wrote(n)
	}
	return all
}

func TestQueueWritesWhatWasPutInOrder(t *testing.T) {
	for _, most := range []int{1, 7, 1 << 20} {
		q := newOutqueue()
		var want []byte
		for i := range 300 {
			message := frames(fmt.Sprint(i), strings.Repeat("x", 1<<(i%17)), "")
			encoded := appendMessage(nil, message)
			if i%3 == 0 {
				q.putEncoded(encoded)
			} else {
				q.put(message)
			}
			want = append(want, encoded...)
			if q.messages != i+1 || q.bytes != len(want) {
				t.Fatalf("%d messages of %d bytes, want %d and %d", q.messages, q.bytes, i+1, len(want))
			}
		}
		if got := writeAll(&q, most); !bytes.Equal(got, want) {
			t.Errorf("wrote %d bytes, want %d", len(got), len(want))
		}
		if !q.empty() || q.messages != 0 || q.bytes != 0 {
			t.Errorf("left: %d messages, %d bytes", q.messages, q.bytes)
		}
	}
}

func TestCommandsGoInFrontOfWhatWaitsAndOnlyTheLatestPingIsAnswered(t *testing.T) {
	q := newOutqueue()
	q.put(frames("begun"))
	q.take(nil)
	q.wrote(1)
	q.put(frames("waits"))
	q.answer([]byte("one"))
	q.answer([]byte("two"))
	q.commands = zmtp.AppendSubscribe(q.commands, 1, []byte("x"))
	want := append(appendMessage(nil, frames("begun"))[1:], zmtp.AppendSubscribe(nil, 1, []byte("x"))...)
	want = append(zmtp.AppendPong(want, []byte("two")), appendMessage(nil, frames("waits"))...)
	if got := writeAll(&q, 1000); !bytes.Equal(got, want) {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

// A connection ends after every number of bytes. The next gets the messages of which
// none was written, in order.
func TestMessagesThatWereNotBegunOutliveTheConnection(t *testing.T) {
	messages := [][][]byte{frames("1", ""), frames("22"), frames("333", "3", "3"), frames(strings.Repeat("4", ownChunk)), frames("55")}
	total := 0
	for _, m := range messages {
		total += encodedSize(m)
	}
	for written := 0; written <= total; written = max(written+1, min(written+5000, total-50)) {
		q := newOutqueue()
		for _, m := range messages {
			q.put(m)
		}
		q.answer(nil)
		pong := len(zmtp.AppendPong(nil, nil))
		for left := written + pong; left > 0; {
			b := q.take(nil)
			n := min(len(b), left)
			q.wrote(n)
			left -= n
		}
		q.answer(nil)
		q.disconnect()
		var want []byte
		kept, at := 0, 0
		for _, m := range messages {
			if at >= written {
				want = appendMessage(want, m)
				kept++
			}
			at += encodedSize(m)
		}
		if q.messages != kept || q.bytes != len(want) {
			t.Fatalf("after %d bytes: %d messages of %d bytes are kept, want %d of %d", written, q.messages, q.bytes, kept, len(want))
		}
		if got := writeAll(&q, 1000); !bytes.Equal(got, want) {
			t.Fatalf("after %d bytes: wrote %d, want %d", written, len(got), len(want))
		}
	}
}

func TestSealedMessagesCanBeOpenedAndSharedOnesStayClear(t *testing.T) {
	here, there := curvePair(t)
	q := newOutqueue()
	shared := appendMessage(nil, frames(strings.Repeat("s", ownChunk)))
	before := bytes.Clone(shared)
	q.putEncoded(shared)
	q.put(frames("small", "one"))
	q.answer([]byte("x"))
	var wire []byte
	sealer := here.Sealer()
	for b := q.take(sealer); b != nil; b = q.take(sealer) {
		wire = append(wire, b...)
		q.wrote(len(b))
	}
	if !bytes.Equal(shared, before) {
		t.Error("bytes that are shared were written over")
	}
	d := there.Decoder(zmtp.Limits{Frame: 1 << 20, Message: 1 << 20, Frames: 10, Command: 100}, nil)
	var got []string
	for len(wire) > 0 {
		f, n, err := d.Next(wire)
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		got = append(got, fmt.Sprint(f.Kind, f.More, len(f.Body)))
		wire = wire[n:]
	}
	if want := fmt.Sprint([]string{"2 false 1", fmt.Sprint("0 false ", ownChunk), "0 true 5", "0 false 3"}); fmt.Sprint(got) != want {
		t.Errorf("opened %v, want %v", got, want)
	}
	if q.messages != 0 || q.bytes != 0 {
		t.Errorf("left: %d messages, %d bytes", q.messages, q.bytes)
	}
}

// curvePair returns both ends of a CURVE connection whose handshake is done.
func curvePair(t *testing.T) (client, server *zmtp.Handshake) {
	t.Helper()
	key := func() zmtp.KeyPair {
		pair, err := zmtp.NewKeyPair(rand.NewChaCha8([32]byte{byte(rand.Uint32())}))
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	ours := key()
	make := func(m zmtp.Mechanism) *zmtp.Handshake {
		h, err := zmtp.NewHandshake(zmtp.Config{Type: zmtp.Dealer, Mechanism: m})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	client, server = make(zmtp.CurveClient(key(), ours.Public)), make(zmtp.CurveServer(ours))
	toServer, toClient := client.Start(nil), server.Start(nil)
	for !client.Done() || !server.Done() {
		_, answer, err := server.Feed(toServer, nil)
		if err == nil {
			if _, due := server.Credentials(); due {
				answer, err = server.Decide(zmtp.Allow, answer)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		_, toServer, err = client.Feed(append(toClient, answer...), nil)
		toClient = nil
		if err != nil {
			t.Fatal(err)
		}
	}
	return client, server
}
