package desk_test

import (
	"math/rand/v2"
	"testing"
)

// tape is a source that reads choices from bytes.
type tape struct{ bytes []byte }

func (s *tape) below(n int) int {
	if len(s.bytes) == 0 {
		return 0
	}
	choice := int(s.bytes[0])
	s.bytes = s.bytes[1:]
	if n > 256 && len(s.bytes) > 0 {
		choice = choice<<8 | int(s.bytes[0])
		s.bytes = s.bytes[1:]
	}
	return choice % n
}

func (s *tape) more() bool { return len(s.bytes) > 0 }

// FuzzDesk lets bytes decide what happens to a desk, which must keep its promises.
func FuzzDesk(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{10, 100, 1000, 5000} {
		seed := make([]byte, n)
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		w, err := newWorld(&tape{choices}, worldLimits())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.run(); err != nil {
			t.Fatal(err)
		}
	})
}
