package native

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestRingIsAQueueWithTwoEnds(t *testing.T) {
	var r ring[int]
	var want []int
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 100_000 {
		switch k := random.IntN(5); {
		case k < 2 || len(want) == 0:
			r.push(i)
			want = append(want, i)
			if *r.last() != i {
				t.Fatal("the last item is another")
			}
		case k == 2:
			r.pushFront(i)
			want = slices.Insert(want, 0, i)
		default:
			if got := r.pop(); got != want[0] {
				t.Fatalf("popped %d, want %d", got, want[0])
			}
			want = want[1:]
		}
		if r.len() != len(want) {
			t.Fatalf("%d items, want %d", r.len(), len(want))
		}
	}
}

func TestRingThatWasLargeGivesItsMemoryBack(t *testing.T) {
	var r ring[int]
	for i := range 1000 {
		r.push(i)
	}
	for range 1000 {
		r.pop()
	}
	r.push(0)
	r.pop()
	if cap(r.items) > keptItems {
		t.Errorf("it keeps room for %d items", cap(r.items))
	}
}

// line is a queue of texts.
type line struct{ ring[string] }

func (l *line) queue() *ring[string] { return &l.ring }

func TestEachQueueHasItsTurn(t *testing.T) {
	var f fair[string, *line]
	var a, b, c line
	for _, item := range []string{"a1", "a2", "a3", "a4"} {
		f.put(&a, item)
	}
	f.put(&b, "b1")
	f.put(&c, "c1")
	f.put(&c, "c2")
	var got []string
	for !f.empty() {
		item, from, ok := f.take()
		if !ok || from == nil {
			t.Fatal("there is nothing")
		}
		if item == "a2" {
			f.put(&b, "b2")
		}
		got = append(got, item)
	}
	if want := []string{"a1", "b1", "c1", "a2", "c2", "a3", "b2", "a4"}; !slices.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
	if _, _, ok := f.take(); ok {
		t.Error("took something from empty queues")
	}
}
