package native

import (
	"slices"
	"testing"
)

// turns takes n peers.
func turns(r *roundRobin[string], n int) (got []string) {
	for range n {
		if p, ok := r.take(); ok {
			got = append(got, p)
		}
	}
	return got
}

func TestPeersHaveTheirTurnInOrderOfTheirComing(t *testing.T) {
	var r roundRobin[string]
	if got := turns(&r, 3); len(got) != 0 {
		t.Fatalf("took %v of nobody", got)
	}
	for _, p := range []string{"a", "b", "c", "b"} {
		r.add(p)
	}
	if got := turns(&r, 7); !slices.Equal(got, []string{"a", "b", "c", "a", "b", "c", "a"}) {
		t.Errorf("took %v", got)
	}
}

func TestPeerWithoutRoomLeavesTheCircleAndComesBackAtItsEnd(t *testing.T) {
	var r roundRobin[string]
	for _, p := range []string{"a", "b", "c"} {
		r.add(p)
	}
	turns(&r, 1)
	r.remove("b") // whose turn it was
	r.remove("nobody")
	if got := turns(&r, 3); !slices.Equal(got, []string{"c", "a", "c"}) {
		t.Errorf("took %v", got)
	}
	r.add("b") // a is next
	if got := turns(&r, 4); !slices.Equal(got, []string{"a", "c", "b", "a"}) {
		t.Errorf("took %v", got)
	}
	for _, p := range []string{"c", "a", "b"} {
		r.remove(p)
	}
	if got := turns(&r, 1); len(got) != 0 {
		t.Errorf("took %v", got)
	}
}
