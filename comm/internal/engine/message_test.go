package engine_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/mittere/mittere/comm/internal/engine"
	"github.com/mittere/mittere/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// owner notes what is given back.
type owner []string

func (o *owner) Release(lease uint64, frames [][]byte) {
	*o = append(*o, fmt.Sprintf("%d %s", lease, frames))
}

func TestMemoryGoesBackToItsOwnerUnderItsLease(t *testing.T) {
	var o owner
	m := engine.Received([][]byte{[]byte("route"), []byte("body")}, &o, 7)
	m.With(m.Frames[1:]).Release()
	m.Release()
	engine.Received(m.Frames, nil, 8).Release()
	engine.Message{Frames: m.Frames}.Release()
	if want := []string{"7 [body]", "7 [route body]"}; !slices.Equal(o, want) {
		t.Errorf("released %q, want %q", o, want)
	}
	if m.Size() != 9 {
		t.Errorf("size %d, want 9", m.Size())
	}
}

func TestPoisonOverwritesEveryByte(t *testing.T) {
	frames := [][]byte{[]byte("route"), {}, []byte("body")}
	engine.Poison(frames)
	for i, size := range []int{5, 0, 4} {
		if string(frames[i]) != string(slices.Repeat([]byte{0xdb}, size)) {
			t.Errorf("frame %d is % x", i, frames[i])
		}
	}
}

func TestSubscriptionsAreTold(t *testing.T) {
	for _, c := range []struct {
		frames     []string
		subscribes bool
		prefix     string
		ok         bool
	}{
		{[]string{"\x01topic"}, true, "topic", true},
		{[]string{"\x00topic"}, false, "topic", true},
		{[]string{"\x01"}, true, "", true},
		{[]string{"\x02topic"}, false, "", false},
		{[]string{""}, false, "", false},
		{[]string{"\x01topic", "more"}, false, "", false},
		{nil, false, "", false},
	} {
		var frames [][]byte
		for _, f := range c.frames {
			frames = append(frames, []byte(f))
		}
		subscribes, prefix, ok := engine.ReadSubscription(frames)
		if subscribes != c.subscribes || string(prefix) != c.prefix || ok != c.ok {
			t.Errorf("%q: %v %q %v", c.frames, subscribes, prefix, ok)
		}
	}
}

func TestCountersAreTold(t *testing.T) {
	var c engine.Counters
	c.Sent.Add(1)
	c.Received.Add(2)
	c.Refused.Add(3)
	c.Unexpected.Add(4)
	c.Connections.Add(5)
	c.Handshakes.Add(6)
	c.Disconnects.Add(7)
	c.BadHandshakes.Add(8)
	c.FailedAccepts.Add(9)
	if got, want := c.Stats(), (engine.Stats{1, 2, 3, 4, 5, 6, 7, 8, 9}); got != want {
		t.Errorf("told %+v, want %+v", got, want)
	}
}

func TestErrorsOfBoundsSayTheBound(t *testing.T) {
	for err, want := range map[*engine.Error]string{
		engine.FrameTooLarge("send", 11, 10):  "comm: send a frame of 11 bytes, maximum 10: message too large",
		engine.TooManyFrames("receive", 1024): "comm: receive a message of more than 1024 frames: message too large",
	} {
		if err.Error() != want || !errors.Is(err, engine.TooLarge) || errors.Is(err, net.ErrClosed) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
