package heap_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mittere/mittere/internal/heap"
	"github.com/mittere/mittere/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// node is one of these tests.
type node struct{ key, place int }

func (n *node) Before(other *node) bool { return n.key < other.key }
func (n *node) Place() *int             { return &n.place }

func TestNodesComeInOrderHoweverTheyMove(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var h heap.Heap[*node]
		var in []*node
		for range random.IntN(200) {
			switch {
			case len(in) == 0 || random.IntN(3) > 0:
				n := &node{key: random.IntN(50)}
				in = append(in, n)
				h.Put(n)
			case random.IntN(2) == 0:
				n := in[random.IntN(len(in))]
				n.key = random.IntN(50)
				h.Put(n)
			default:
				i := random.IntN(len(in))
				h.Remove(in[i])
				h.Remove(in[i]) // which is not there any more
				in = slices.Delete(in, i, i+1)
			}
		}
		if all := slices.Collect(h.All); len(all) != len(in) || h.Len() != len(in) {
			t.Fatalf("%d nodes, %d of them given, want %d", h.Len(), len(all), len(in))
		}
		slices.SortFunc(in, func(a, b *node) int { return a.key - b.key })
		for _, want := range in {
			if h.First().key != want.key {
				t.Fatalf("first is %d, want %d", h.First().key, want.key)
			}
			h.Remove(h.First())
		}
		if h.First() != nil {
			t.Fatal("an empty heap has a first node")
		}
	}
}

func BenchmarkPut(b *testing.B) {
	var h heap.Heap[*node]
	nodes := make([]node, 1000)
	for i := range b.N {
		n := &nodes[i%len(nodes)]
		n.key = i
		h.Put(n)
	}
}
