package native

import "github.com/mittere/mittere/service/broker/internal/dialect"

// The bounds of what is kept of items.
const (
	MostKept      = mostKept
	MostCallKept  = mostCallKept
	MostKeptBytes = mostKeptBytes
)

// Kept returns how many streams a peer has, and about how many bytes of their items are
// kept.
func Kept(p dialect.Speaker) (streams, bytes int) {
	b := p.(*speaker).session
	if b == nil {
		return 0, 0
	}
	sum := 0
	for _, st := range b.streams {
		sum += st.bytes
	}
	if sum != b.kept {
		panic("what is kept of streams is not what is kept of the session")
	}
	return len(b.streams), b.kept
}
