package native

import (
	"context"
	"errors"
	"fmt"
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
