package desk_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// dice are a source that ends after so many steps.
type dice struct {
	*rand.Rand
	left int
}

func (s *dice) below(n int) int { return s.IntN(n) }

func (s *dice) more() bool {
	s.left--
	return s.left >= 0
}

// TestRandomEventsKeepThePromises holds a desk against a world that knows what was
// promised.
func TestRandomEventsKeepThePromises(t *testing.T) {
	steps := 20_000
	if testing.Short() {
		steps = 3_000
	}
	for run := range 8 {
		t.Run(fmt.Sprintf("run %d", run), func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			w, err := newWorld(&dice{rand.New(rand.NewPCG(seed, 0)), steps}, worldLimits())
			if err != nil {
				t.Fatal(err)
			}
			if err := w.run(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			t.Logf("%+v", w.d.Counters())
		})
	}
}
