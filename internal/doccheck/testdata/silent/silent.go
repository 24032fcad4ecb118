// Package silent has a comment wherever one is wanted.
package silent

import "sync"

// One is documented.
const One = 1

const (
	// Two is documented in front.
	Two   = 2
	Three = 3 // Three is documented behind.
)

// Both names share a comment.
var Left, Right int

// Function is documented.
func Function() {}

// Type is documented.
type Type struct {
	sync.Mutex // Embedded: its own package documents it.

	// Field is documented in front.
	Field  int
	Behind int // Behind is documented behind.
	hidden struct{ inner int }
}

// Method is documented.
func (t *Type) Method() { t.hidden.inner++ }

type unexported struct{ Field int }

func (unexported) Method() {}

func function() unexported { return unexported{} }

var _ = function
