package broker_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/service/broker"
)

func TestThousandConnectsAndDisconnectsLeaveNothingBehind(t *testing.T) {
	b := serve(t, broker.WithForgetAfter(20*time.Millisecond))
	var all sync.WaitGroup
	for share := range 8 {
		all.Go(func() {
			for i := range 125 {
				p := b.dial(t)
				switch (share + i) % 4 {
				case 0:
					p.say("", "MDPC01", "mmi.service", "echo")
					p.want()
				case 1:
					p.ready(fmt.Sprint("service", i))
				case 2:
					p.command(request(p.hello(mitterev1.Role_ROLE_CLIENT).GetSession(), 1), body(t))
				case 3:
					p.say("garbage")
				}
				_ = p.Close()
			}
		})
	}
	all.Wait()
	eventually(t, "nothing is left", func() bool {
		s := b.Stats()
		_, slow, outbox := b.Held()
		return b.peers()+b.sessions()+slow+outbox+s.Waiting+s.WaitingBytes+s.Load.Calls+len(b.workers())+len(b.Services())-1 == 0
	})
}

func TestPeersThatWaitForNothingMakeRoomForOthers(t *testing.T) {
	b := serve(t, broker.WithMaxPeers(11), broker.WithDrainTimeout(0))
	worker := b.dial(t)
	worker.ready("echo")
	waits := b.dial(t)
	waits.say("", "MDPC01", "nobody", "x")
	eventually(t, "both are known", func() bool { return b.peers() == 2 })
	for range 8 {
		idle := b.dial(t)
		idle.say("", "MDPC01", "mmi.service", "echo")
		idle.want()
	}
	late := b.dial(t)
	late.say("", "MDPC01", "mmi.service", "echo")
	if got := late.want(); !slices.Equal(got, []string{"", "MDPC01", "mmi.service", "200"}) {
		t.Errorf("the worker is forgotten: %q", got)
	}
	if s := b.Stats(); b.peers() != 3 || s.Load.Calls != 1 {
		t.Errorf("stats are %+v", s)
	}
}

func TestMoreSessionsThanPeersMayBeAreTurnedAway(t *testing.T) {
	b := serve(t, broker.WithMaxPeers(3))
	first, second := b.dial(t), b.dial(t)
	first.hello(mitterev1.Role_ROLE_CLIENT)
	second.hello(mitterev1.Role_ROLE_CLIENT)
	third := b.dial(t)
	third.command(&mitterev1.Hello{Instance: []byte("third")}, nil)
	eventually(t, "it is turned away", func() bool { return b.Stats().Violations == 1 })
	ok(t, first.Close())
	eventually(t, "there is room", func() bool { return b.peers() == 1 })
	third.hello(mitterev1.Role_ROLE_CLIENT)
}
