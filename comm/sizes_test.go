package comm_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/mittere/mittere/comm"
)

func TestMessagesOfEverySizeArriveUnchanged(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		p := r.publisher(bind, comm.WithOverflow(comm.Block))
		s := r.subscriber(at(p))
		r.subscribe(p, s, "")
		random := rand.New(rand.NewPCG(1, 2))
		sizes := sizesUpTo(81920, random)
		r.spawned.Go(func() {
			for _, size := range sizes {
				if err := p.Send(r.ctx, comm.NewMessage(bytesOf(size))); err != nil {
					t.Error(err)
				}
			}
		})
		for _, size := range sizes {
			m, err := s.Recv(r.ctx)
			r.ok(err)
			if len(m.Frames) != 1 || !bytes.Equal(m.Frames[0], bytesOf(size)) {
				t.Fatalf("a message of %d bytes arrived changed, with %d", size, m.Size())
			}
		}
	})
}

// sizesUpTo returns every size to 300, those around each power of two, and 300
// random ones.
func sizesUpTo(largest int, random *rand.Rand) (sizes []int) {
	for size := 1; size <= 300; size++ {
		sizes = append(sizes, size, 1+random.IntN(largest))
	}
	for power := 512; power < largest; power *= 2 {
		sizes = append(sizes, power-1, power, power+1)
	}
	return append(sizes, largest-1, largest)
}

// bytesOf returns bytes that tell their place and their number.
func bytesOf(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + size)
	}
	return b
}

func TestMessageOfFiftyMegabytesArrives(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a := r.dealer(bind)
		b := r.dealer(at(a))
		body := bytesOf(50_000_000)
		r.spawned.Go(func() {
			if err := b.Send(r.ctx, comm.NewMessage([]byte("head"), body)); err != nil {
				t.Error(err)
			}
		})
		m, err := a.Recv(r.ctx)
		r.ok(err)
		if len(m.Frames) != 2 || !bytes.Equal(m.Frames[1], body) {
			t.Fatalf("it arrived changed, as %d frames and %d bytes", len(m.Frames), m.Size())
		}
	})
}

func TestMessageOfEmptyFramesArrives(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a := r.dealer(bind)
		b := r.dealer(at(a))
		r.send(b, "")
		r.want(a, "")
		r.send(b, "", "", "")
		r.want(a, "", "", "")
	})
}
