package native

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mittere/mittere/comm/internal/engine"
)

func TestCallsThatWaitAreServedInOrderOfTheirComing(t *testing.T) {
	r := newRig(t)
	pull := r.socket(config(engine.Pull), "@inproc://here")
	push := r.socket(config(engine.Push), at(pull))
	var waiting sync.WaitGroup
	served := make(chan string, 1)
	for i := range 10 {
		waiting.Go(func() { served <- fmt.Sprintf("%dm%s", i, r.recv(pull)[0][1:]) })
		r.eventually("it waits", func() bool { n, _ := pull.Waiting(); return n == i+1 })
	}
	for i := range 10 {
		r.send(push, fmt.Sprint("m", i))
		if got, want := <-served, fmt.Sprintf("%dm%d", i, i); got != want {
			t.Errorf("served %s, want %s", got, want)
		}
	}
	waiting.Wait()
}

// A message that comes as the context of the call ends that it woke goes to the next.
func TestWakeUpOfACallThatGivesUpIsNotLost(t *testing.T) {
	r := newRig(t)
	pull := r.socket(config(engine.Pull), "@inproc://here")
	push := r.socket(config(engine.Push), at(pull))
	for range 500 {
		ctx, cancel := context.WithCancel(r.ctx)
		var first, second, ending sync.WaitGroup
		var err error
		first.Go(func() { _, err = pull.Recv(ctx) })
		r.eventually("the first waits", func() bool { n, _ := pull.Waiting(); return n == 1 })
		got := make(chan []string, 1)
		second.Go(func() { got <- r.recv(pull) })
		r.eventually("both wait", func() bool { n, _ := pull.Waiting(); return n == 2 })
		ending.Go(cancel)
		r.send(push, "one")
		ending.Wait()
		first.Wait()
		if err == nil { // it took the message
			r.send(push, "two")
		} else if !errors.Is(err, engine.Ended) {
			t.Fatal(err)
		}
		<-got
		second.Wait()
	}
}

func TestWaitRoomReturnsWhenThereIsRoom(t *testing.T) {
	r := newRig(t)
	c := config(engine.Router)
	c.HighWaterMark = 1
	router := r.socket(c, "@inproc://here")
	c = named("slow")
	c.HighWaterMark = 1
	dealer := r.socket(c, at(router))
	message := engine.Message{Frames: frames("slow", "x")}
	for range 2 {
		r.ok(router.Send(r.ctx, message))
	}
	for range 20 {
		if err := router.Send(r.ctx, message); !errors.Is(err, engine.Full) {
			t.Fatalf("the queue takes too much: %v", err)
		}
		r.recv(dealer)
		for errors.Is(router.Send(r.ctx, message), engine.Full) {
			r.ok(router.WaitRoom(r.ctx))
		}
	}
}

// Large messages fill a queue long before there are as many as the high-water mark says.
func TestQueuesAreBoundedInBytes(t *testing.T) {
	for endpoint, want := range map[string]uint64{
		"ipc://" + filepath.Join(t.TempDir(), "nobody"): 64, // one queue, of who sends
		"inproc://here": 64, // one queue, of who receives
	} {
		r := newRig(t)
		r.socket(config(engine.Pull), "@inproc://here")
		c := config(engine.Push)
		c.Linger = 0
		push := r.socket(c, endpoint)
		ctx, cancel := context.WithCancel(r.ctx)
		var sending sync.WaitGroup
		sending.Go(func() {
			large := engine.Message{Frames: [][]byte{make([]byte, 1<<20)}}
			for push.Send(ctx, large) == nil {
			}
		})
		r.eventually("it waits", func() bool { _, n := push.Waiting(); return n == 1 })
		cancel()
		sending.Wait()
		if got := push.Stats().Sent; got != want {
			t.Errorf("%.10s: there was room for %d messages of 1 MiB, want %d", endpoint, got, want)
		}
	}
}

func TestMessageThatIsTooLongInAllIsNotSent(t *testing.T) {
	r := newRig(t)
	c := config(engine.Dealer)
	c.MaxFrameSize = 1 << 20
	a := r.socket(c, anyPort)
	b := r.socket(c, at(a))
	part := make([]byte, 1<<20)
	err := b.Send(r.ctx, engine.Message{Frames: [][]byte{part, part, part[:1]}})
	if !errors.Is(err, engine.TooLarge) || b.Stats().Refused != 1 {
		t.Errorf("the error is %v", err)
	}
	r.ok(b.Send(r.ctx, engine.Message{Frames: [][]byte{part, part[:1<<20-1], part[:1]}}))
	if m, err := a.Recv(r.ctx); err != nil || m.Size() != 2<<20 {
		t.Errorf("received %d bytes (%v)", m.Size(), err)
	}
}

func TestLimitsHoldForTheLargestFrameSize(t *testing.T) {
	if l := limitsFor(math.MaxInt); l.Message != math.MaxInt {
		t.Errorf("a message may have %d bytes", l.Message)
	}
}

// Many empty frames take memory too.
func TestListsOfFramesCountAsBytes(t *testing.T) {
	i := item{message: engine.Message{Frames: make([][]byte, 1000)}}
	if i.size() < 24000 {
		t.Errorf("1000 empty frames count as %d bytes", i.size())
	}
}
