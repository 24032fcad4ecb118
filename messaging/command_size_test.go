package messaging_test

import (
	"testing"

	"github.com/mittere/mittere/messaging"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// TestCommandTakesUpWhatItHas has envelopes of sizes around the largest one that
// travels inside: the frame is made once, with no room for what travels beside it.
func TestCommandTakesUpWhatItHas(t *testing.T) {
	const overhead = 16
	for _, size := range []int{0, 1, 127, 128, 4095, 4096, 4097, 8191, 8192, 100_000} {
		c := messaging.Command{Kind: &mitterev1.Item{Call: 1 << 60, Index: 1 << 60}, Body: make([]byte, size)}
		frame := must(c.Frames())(t)[0]
		if room := cap(frame) - len(frame); room > overhead {
			t.Errorf("with an envelope of %d bytes a frame of %d has room for %d", size, len(frame), room)
		}
	}
}
