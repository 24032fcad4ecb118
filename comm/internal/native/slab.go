package native

import "sync"

// The sizes of slabs. Connections that carry little use small ones.
const (
	smallSlab = 4 << 10
	largeSlab = 64 << 10
)

// slab is memory that connections share. Its owner gives it back with free, once.
type slab struct{ data []byte }

var (
	smallSlabs = sync.Pool{New: func() any { return &slab{make([]byte, smallSlab)} }}
	largeSlabs = sync.Pool{New: func() any { return &slab{make([]byte, largeSlab)} }}
)

// newSlab returns a slab of one of the two sizes. What is in it is not defined.
func newSlab(large bool) *slab {
	if large {
		return largeSlabs.Get().(*slab)
	}
	return smallSlabs.Get().(*slab)
}

// free gives the slab back. Nothing that aliases it may be used after that.
func (s *slab) free() {
	if len(s.data) == largeSlab {
		largeSlabs.Put(s)
	} else {
		smallSlabs.Put(s)
	}
}
