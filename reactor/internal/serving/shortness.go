package serving

import (
	"sync/atomic"
	"time"
)

const (
	// shortCall is how long a handler may take that is run inline.
	shortCall = 100 * time.Microsecond
	// calm is how many executions in a row must have been short before the next one is
	// expected to be.
	calm = 16
)

// pace is how long the latest executions of a handler took.
type pace struct{ short atomic.Int32 }

// note notes an execution.
func (p *pace) note(took time.Duration) {
	switch n := p.short.Load(); {
	case took > shortCall:
		p.short.Store(0)
	case n < calm:
		p.short.Store(n + 1)
	}
}

// isShort reports whether the next execution is expected to be short.
func (p *pace) isShort() bool { return p.short.Load() == calm }
