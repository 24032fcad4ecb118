//go:build !race

package reactor_test

// raced says that the race detector is off.
const raced = false
