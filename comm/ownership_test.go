package comm_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/mittere/mittere/comm"
)

// scribble overwrites frames, and what lies behind them if there is room.
func scribble(frames [][]byte) {
	for _, frame := range frames {
		whole := frame[:cap(frame)]
		for i := range whole {
			whole[i] = '#'
		}
	}
	clear(frames[:cap(frames)])
}

func TestFramesAreTheCallersAgainAfterASend(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		a := r.dealer(bind)
		b := r.dealer(at(a))
		for _, size := range []int{1, 29, 30, 33, 64, 1000, 100_000} {
			body := strings.Repeat("x", size)
			m := message("head", body)
			r.ok(b.Send(r.ctx, m))
			scribble(m.Frames)
			batch := []comm.Message{message("1", body), message("2", body)}
			frames := slices.Concat(batch[0].Frames, batch[1].Frames)
			_, err := b.SendBatch(r.ctx, batch)
			r.ok(err)
			scribble(frames)
			r.want(a, "head", body)
			r.want(a, "1", body)
			r.want(a, "2", body)
		}
	})
}

func TestFramesAreTheCallersAgainAfterASendThatFailed(t *testing.T) {
	r := newRig(t)
	pull := r.pull("@inproc://here", few)
	push := r.push(at(pull), few)
	for range 4 {
		r.send(push, "taken")
	}
	ctx, stop := context.WithCancel(r.ctx)
	m := message("not taken")
	failed := make(chan error, 1)
	r.spawned.Go(func() { failed <- push.Send(ctx, m) })
	r.eventually("it waits", func() bool { _, n := push.Waiting(); return n == 1 })
	r.wantStopped(sending{stop, failed})
	scribble(m.Frames)
	r.spawned.Go(func() { r.send(push, "last") })
	for range 4 {
		r.want(pull, "taken")
	}
	r.want(pull, "last")
}

func TestFramesOfARequestAreTheCallersAgain(t *testing.T) {
	r := newRig(t)
	rep := r.response("@inproc://here")
	req := r.request(at(rep))
	ctx, stop := context.WithCancel(r.ctx)
	body := message("question")
	done := make(chan error, 1)
	r.spawned.Go(func() {
		_, err := req.Do(ctx, body.Frames...)
		done <- err
	})
	m, err := rep.Recv(r.ctx) // it was sent, and there will be no reply
	_, got := splitRoute(must(t, m, err).Frames)
	r.wantStopped(sending{stop, done})
	scribble(body.Frames)
	if len(got) != 1 || string(got[0]) != "question" {
		t.Errorf("received %q", got)
	}
}

func TestReceivedFramesAliasNothingElse(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		p := r.publisher(bind)
		first, second := r.subscriber(at(p)), r.subscriber(at(p))
		r.subscribe(p, first, "")
		r.subscribe(p, second, "")
		body := strings.Repeat("y", 5000)
		r.send(p, "1", body)
		r.send(p, "2", body)
		for _, s := range []*comm.Subscriber{first, second} {
			batch := make([]comm.Message, 1)
			_, err := s.RecvBatch(r.ctx, batch)
			r.ok(err)
			scribble(batch[0].Frames)
			r.want(s, "2", body)
		}
	})
}

func TestPoisonShowsWhoUsesFramesAfterReleasingThem(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		poisoned := newRig(t, comm.WithPoison())
		for _, r := range []*rig{r, poisoned} {
			a := r.dealer(bind)
			b := r.dealer(at(a))
			r.send(b, "used", "after")
			m, err := a.Recv(r.ctx)
			frames := must(t, m, err).Frames
			m.Release()
			overwritten := bytes.Count(slices.Concat(frames...), []byte{0xdb})
			if want := map[bool]int{true: len("usedafter")}[r == poisoned]; overwritten != want {
				t.Errorf("%d bytes are overwritten, want %d: %q", overwritten, want, frames)
			}
		}
	})
}

func TestPoisonReachesTheRepliesOfARequest(t *testing.T) {
	r := newRig(t, comm.WithPoison())
	rep := r.response("@inproc://here")
	req := r.request(at(rep))
	r.answer(rep)
	m, err := req.Do(r.ctx, []byte("used"))
	frame := must(t, m, err).Frames[0]
	m.Release()
	if !bytes.Equal(frame, bytes.Repeat([]byte{0xdb}, 4)) {
		t.Errorf("the reply is still %q", frame)
	}
}

func TestReleasingWhatWasNotReceivedDoesNothing(t *testing.T) {
	r := newRig(t, comm.WithPoison())
	d := r.dealer("@inproc://here")
	m := message("mine")
	m.Release()
	e := r.dealer(at(d))
	r.ok(e.Send(r.ctx, m))
	m.Release()
	comm.Message{}.Release()
	r.want(d, "mine")
	if string(m.Frames[0]) != "mine" {
		t.Errorf("it is now %q", m.Frames[0])
	}
}
