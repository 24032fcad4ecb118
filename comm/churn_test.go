package comm_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/mittere/mittere/comm"
)

// An unread monitor freezes every socket of its context after some hundred
// connections; each socket here has one.
func TestHundredsOfConnectionsDoNotFreezeAContext(t *testing.T) {
	const peers = 600
	onEachTransport(t, func(r *rig, bind string) {
		rep := r.response(bind)
		r.answer(rep)
		for i := range peers {
			askOnce(r, at(rep), fmt.Sprint(i))
		}
		if received := rep.Stats().Received; received != peers {
			t.Errorf("%d requests were received, want %d", received, peers)
		}
	})
}

// askOnce connects, asks and leaves.
func askOnce(r *rig, endpoint, text string) {
	r.Helper()
	req, err := comm.NewReq(r.zctx, endpoint, drop)
	req = must(r, req, err)
	reply, err := req.Do(r.ctx, []byte(text))
	if err != nil || string(reply.Frames[0]) != text {
		r.Fatalf("asked %q: %q (%v)", text, reply.Frames, err)
	}
	r.ok(req.Close())
}

// A bound socket that nobody receives on lets go of peers that have left.
func TestUnattendedSocketNoticesThatPeersLeft(t *testing.T) {
	r := newRig(t)
	router := r.router("tcp://127.0.0.1:*")
	for range 50 {
		d := r.dealer(at(router), drop)
		r.eventually("connected", func() bool { return d.Stats().Connections == 1 })
		r.ok(d.Close())
	}
	r.eventually("all are gone", func() bool {
		s := router.Stats()
		return s.Disconnects == 50 && s.Connections == 0
	})
}

func TestPublisherDropsWhatIsNoSubscriptionAndCountsIt(t *testing.T) {
	r := newRig(t)
	p := r.publisher("tcp://127.0.0.1:*")
	s := r.subscriber(at(p))
	r.subscribe(p, s, "")
	const flood = 5000
	flooder := r.dialReady(p, "XSUB")
	defer flooder.Close()
	_, err := flooder.Write(bytes.Repeat([]byte("\x00\x0fno subscription"), flood))
	r.ok(err)
	r.eventually("all is counted", func() bool { return p.Stats().Unexpected == flood })
	r.send(p, "news")
	r.want(s, "news")
}
