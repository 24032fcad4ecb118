package native

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/mittere/mittere/comm/internal/engine"
)

// The engine beside bare connections that carry the same bytes. The machines of tests are
// busy: read ratios of one run.

// body is what benchmarks send.
var body = make([]byte, 100)

// bareConns returns both ends of a tcp connection.
func bareConns(b *testing.B) (here, there net.Conn) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if here, err = net.Dial("tcp", l.Addr().String()); err != nil {
		b.Fatal(err)
	}
	if there, err = l.Accept(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = here.Close(); _ = there.Close() })
	return here, there
}

// readFrame reads a frame whose length of four bytes stands in front.
func readFrame(r io.Reader, room []byte) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	room = room[:binary.BigEndian.Uint32(head[:])]
	_, err := io.ReadFull(r, room)
	return room, err
}

func appendFrame(dst, frame []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(frame))), frame...)
}

func BenchmarkRoundTrip(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		here, there := bareConns(b)
		var echoing sync.WaitGroup
		echoing.Go(func() {
			in, room := bufio.NewReader(there), make([]byte, 1000)
			for range b.N {
				frame, err := readFrame(in, room)
				if err == nil {
					_, err = there.Write(appendFrame(nil, frame))
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
		in, room := bufio.NewReader(here), make([]byte, 1000)
		for range b.N {
			if _, err := here.Write(appendFrame(nil, body)); err != nil {
				b.Fatal(err)
			}
			if _, err := readFrame(in, room); err != nil {
				b.Fatal(err)
			}
		}
		echoing.Wait()
	})
	for _, bind := range []string{anyPort, "@ipc://*", "@inproc://bench"} {
		b.Run(bind[1:4], func(b *testing.B) {
			r := newRig(b)
			router := r.socket(config(engine.Router), bind)
			dealer := r.socket(config(engine.Dealer), at(router))
			r.send(dealer, "hello")
			r.recv(router)
			var echoing sync.WaitGroup
			echoing.Go(func() {
				for range b.N {
					m, err := router.Recv(r.ctx)
					if err == nil {
						err = router.Send(r.ctx, m)
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
			m := engine.Message{Frames: [][]byte{body}}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				err := dealer.Send(r.ctx, m)
				if err == nil {
					_, err = dealer.Recv(r.ctx)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			echoing.Wait()
		})
	}
}

func BenchmarkOneWay(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		here, there := bareConns(b)
		var reading sync.WaitGroup
		reading.Go(func() {
			in, room := bufio.NewReaderSize(there, largeSlab), make([]byte, 1000)
			for range b.N {
				if _, err := readFrame(in, room); err != nil {
					b.Error(err)
					return
				}
			}
		})
		out := bufio.NewWriterSize(here, largeSlab)
		frame := appendFrame(nil, body)
		for range b.N {
			if _, err := out.Write(frame); err != nil {
				b.Fatal(err)
			}
		}
		_ = out.Flush()
		reading.Wait()
	})
	for _, bind := range []string{anyPort, "@inproc://bench"} {
		for _, size := range []int{1, 64} {
			b.Run(fmt.Sprint(bind[1:4], size), func(b *testing.B) { oneWay(b, bind, size) })
		}
	}
}

// oneWay sends and receives that many messages at a time.
func oneWay(b *testing.B, bind string, size int) {
	r := newRig(b)
	pull := r.socket(config(engine.Pull), bind)
	push := r.socket(config(engine.Push), at(pull))
	r.send(push, "hello")
	r.recv(pull)
	b.ReportAllocs()
	b.ResetTimer()
	var receiving sync.WaitGroup
	receiving.Go(func() {
		batch := make([]engine.Message, size)
		for n := 0; n < b.N; {
			taken, err := pull.RecvBatch(r.ctx, batch)
			if err != nil {
				b.Error(err)
				return
			}
			n += taken
		}
	})
	batch := make([]engine.Message, size)
	for i := range batch {
		batch[i] = engine.Message{Frames: [][]byte{body}}
	}
	for left := b.N; left > 0; left -= size {
		if _, err := push.SendBatch(r.ctx, batch[:min(left, size)]); err != nil {
			b.Fatal(err)
		}
	}
	receiving.Wait()
}

func BenchmarkFanOutTo100(b *testing.B) {
	const n = 100
	r := newRig(b)
	c := config(engine.Pub)
	c.Overflow = engine.Block
	p := r.socket(c, anyPort)
	var receiving sync.WaitGroup
	for range n {
		s := r.socket(config(engine.Sub), at(p))
		r.ok(s.Subscribe(nil))
		receiving.Go(func() {
			batch := make([]engine.Message, 64)
			for got := 0; got < b.N; {
				taken, err := s.RecvBatch(r.ctx, batch)
				if err != nil {
					b.Error(err)
					return
				}
				got += taken
			}
		})
	}
	r.ok(p.WaitSubscribers(r.ctx, n, body))
	m := engine.Message{Frames: [][]byte{body}}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := p.Send(r.ctx, m); err != nil {
			b.Fatal(err)
		}
	}
	receiving.Wait()
}
