package comm_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A message goes out whole or not at all, also when its peer goes away while
// libzmq has taken some of its frames.

func TestMessageThatDealerBeganToSendToAPeerThatWentReachesTheNext(t *testing.T) {
	outlive(t, func(r *rig, bind string) receiver { return r.dealer(bind, drop) },
		func(r *rig, at string) waitingSender { return r.dealer(at, drop) })
}

func TestMessageThatPushBeganToSendToAPeerThatWentReachesTheNext(t *testing.T) {
	outlive(t, func(r *rig, bind string) receiver { return r.pull(bind, drop) },
		func(r *rig, at string) waitingSender { return r.push(at, drop) })
}

// outlive closes peers while they are sent to, at any moment of it.
func outlive(t *testing.T, newPeer func(*rig, string) receiver, newSender func(*rig, string) waitingSender) {
	outlived := 0
	for range 40 {
		r := newRig(t)
		gone, next := newPeer(r, "@inproc://gone"), newPeer(r, "@inproc://next")
		if sendWhileClosing(r, newSender(r, at(gone)), gone, next) {
			outlived++
		}
		r.ok(r.zctx.Close())
	}
	t.Logf("%d messages outlived the peer that they began to go to", outlived)
}

// sendWhileClosing sends a message that takes some milliseconds to its only peer
// and closes that. It reports whether the message was kept; then the next peer
// must receive it. Else it went to the first, and with it.
func sendWhileClosing(r *rig, from waitingSender, gone, next receiver) (kept bool) {
	r.Helper()
	large := strings.Repeat("large", 1<<20)
	frames := []string{"1", large, "2", large, "3", large, "4"}
	result := make(chan error, 1)
	r.spawned.Go(func() { result <- from.Send(r.ctx, message(frames...)) })
	time.AfterFunc(rand.N(8*time.Millisecond), func() { gone.Close() })
	r.eventually("the message is sent or refused", func() bool {
		_, waiting := from.Waiting()
		return len(result) > 0 || waiting > 0
	})
	if len(result) > 0 {
		r.ok(<-result)
		return false
	}
	r.ok(from.Connect(at(next)))
	r.ok(<-result)
	if got := r.recv(next); !slices.Equal(got, frames) {
		r.Fatalf("received %d frames, want %d", len(got), len(frames))
	}
	return true
}

func TestMessagesStayWholeWhilePeersComeAndGo(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		from := r.dealer(bind, few, drop)
		stopped := make(chan struct{})
		r.spawned.Go(func() {
			defer close(stopped)
			for i := 0; from.Send(r.ctx, message(slices.Repeat([]string{strconv.Itoa(i)}, 50)...)) == nil; i++ {
			}
		})
		for range 100 {
			to := r.dealer(">"+at(from), drop)
			for range 1 + rand.IntN(3) {
				got := r.recv(to)
				if !slices.Equal(got, slices.Repeat(got[:1], 50)) {
					t.Errorf("received a message in parts: %q", got)
				}
			}
			r.ok(to.Close())
		}
		r.ok(from.Close())
		<-stopped
	})
}
