package planted

const Bare = 1

const (
	InGroup = iota // The comment of a neighbour is not one's own.
	BareSecond
)

// A group's comment does not stand for its members'.
var (
	BareVariable int
	BareA, BareB string
)

//go:noinline
func BareFunction() {}

type BareType struct {
	BareField int
	Nested    struct{ BareInner int }
}

type BareInterface interface {
	BareMethod()
}

// Documented has methods without a comment.
type Documented[T any] struct{}

func (Documented[T]) BareValue()    {}
func (*Documented[T]) BarePointer() {}

type (
	BareAlias = int
)
