package broker_test

import (
	"crypto/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
)

// visits returns what short-lived peers do before they disconnect without a word.
func visits() []func(p *peer) {
	return []func(p *peer){
		func(p *peer) { p.say("", "MDPC01", echoName, "and goes") },
		func(p *peer) { p.say("MDPC02", "\x01", "nobody-serves-this", "waits") },
		func(p *peer) { p.ready("passing") },
		func(p *peer) { p.hello(mitterev1.Role_ROLE_CLIENT) },
		func(p *peer) { p.store(p.hello(mitterev1.Role_ROLE_CLIENT).GetSession()) },
		func(p *peer) {
			session := p.hello(mitterev1.Role_ROLE_WORKER).GetSession()
			p.command(&mitterev1.Ready{Session: session, Instance: rand.Text(), Services: []string{"passing"}, Capacity: 1}, nil)
		},
		func(p *peer) {
			session := p.hello(mitterev1.Role_ROLE_CLIENT).GetSession()
			p.store(session)
			p.command(&mitterev1.Disconnect{}, nil)
		},
	}
}

// store asks for something that takes long, and is cancelled.
func (p *peer) store(session uint64) {
	p.t.Helper()
	e := must(messaging.Pack(&testv1.StoreRequest{Item: pending + visitors.Add(1), TakesMs: 600_000}))(p.t)
	p.command(&mitterev1.Request{
		Call: 1, Session: session, Service: echoName, Method: echoName + "/Store", SentAtNano: time.Now().UnixNano(),
	}, e.Append(nil))
}

// visitors numbers what visitors store.
var visitors atomic.Uint64

func TestFaultThousandPeersComeAndGoUnderLoad(t *testing.T) {
	f := startFleet(t, seldom, nil)
	before := f.held()
	var visited atomic.Int64
	tr := drive(f, func() {
		var visiting sync.WaitGroup
		end := time.Now().Add(faulttest.Length(t))
		for range 8 {
			visiting.Go(func() {
				for n := visited.Add(1); n <= 1000 || time.Now().Before(end); n = visited.Add(1) {
					p := &peer{t, must(comm.NewDealer(f.zmq, f.at.Endpoint, comm.WithLinger(100*time.Millisecond)))(t)}
					visits()[int(n)%len(visits())](p)
					ok(t, p.Close())
				}
			})
		}
		visiting.Wait()
	})
	tr.report(t, f, int(visited.Load()), "a peer connected and disconnected")
	tr.WantNoErrors(t, "Echo", "Store")
	after := wantForgotten(t, f.broker, before)
	t.Logf("before and after: %d and %d peers, %d and %d goroutines, %d and %d descriptors; %d and %d KiB resident", before.Stats.Peers, after.Stats.Peers,
		before.Goroutines, after.Goroutines, before.Descriptors, after.Descriptors, before.Resident>>10, after.Resident>>10)
	if f.said("begins ") != f.said("cancels ") {
		t.Errorf("workers began %d requests of peers that went, and cancelled %d", f.said("begins "), f.said("cancels "))
	}
}
