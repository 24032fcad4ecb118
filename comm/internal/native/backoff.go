package native

import (
	"math/rand/v2"
	"time"
)

// backoff is the pause between two tries to connect. It doubles, and is not the same for
// all who lost one server. The zero value is that before the first try.
type backoff struct {
	last  time.Duration
	again bool // the next pause is the longer one of who was refused
}

const (
	firstPauseToConnect   = 20 * time.Millisecond
	longestPauseToConnect = time.Second
	// A refused peer is refused again, most likely, until somebody changes something.
	firstPauseRefused   = 500 * time.Millisecond
	longestPauseRefused = 30 * time.Second
)

// reset notes that a connection was made.
func (b *backoff) reset() { *b = backoff{} }

// refused notes that the peer did not want the connection, or spoke another protocol.
func (b *backoff) refused() { b.again = true }

// next returns how long to wait: between half of the pause and the whole.
func (b *backoff) next() time.Duration {
	first, longest := firstPauseToConnect, longestPauseToConnect
	if b.again {
		first, longest = firstPauseRefused, longestPauseRefused
	}
	b.last, b.again = min(max(2*b.last, first), longest), false
	return b.last/2 + rand.N(b.last/2)
}
