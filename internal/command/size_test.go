package command_test

import (
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/internal/messagetest"
)

// TestCommandTakesUpWhatItHas has envelopes of sizes around the largest one that
// travels inside: the frame is made once, with no room for what travels beside it.
func TestCommandTakesUpWhatItHas(t *testing.T) {
	const overhead = 16
	for _, size := range []int{0, 1, 127, 128, 4095, 4096, 4097, 8191, 8192, 100_000} {
		c := command.Command{Kind: &mitterev1.Item{Call: 1 << 60, Index: 1 << 60}, Body: make([]byte, size)}
		frame := messagetest.Must(c.Frames())(t)[0]
		if room := cap(frame) - len(frame); room > overhead {
			t.Errorf("with an envelope of %d bytes a frame of %d has room for %d", size, len(frame), room)
		}
	}
}
