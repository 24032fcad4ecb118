package broker_test

import (
	"testing"

	"github.com/mittere/mittere/internal/faulttest"
)

func TestFaultWorkersAreKilledUnderLoad(t *testing.T) {
	f := startFleet(t, seldom, nil).joinOld()
	kills := 0
	tr := drive(f, func() { kills = faulttest.Again(t, f.killWorker) })
	tr.report(t, f, kills, "a worker was killed")
	tr.WantNoErrors(t, "Echo", "MDP Echo")
	if f.sums().redelivered == 0 {
		t.Error("no request went to another worker")
	}
}

func TestFaultWorkersArePausedForLongerThanASessionLasts(t *testing.T) {
	f := startFleet(t, heartbeat, nil)
	halts := 0
	tr := drive(f, func() {
		halts = faulttest.Again(t, f.haltWorker)
		for ctx := patient(t); f.sums().late == 0 && ctx.Err() == nil; halts++ { // one that was paused between two calls has nothing to say later
			f.haltWorker()
		}
	})
	tr.report(t, f, halts, "a worker was paused until it was taken for dead, and went on")
	tr.WantNoErrors(t, "Echo")
	if s := f.sums(); s.late == 0 || s.died < uint64(halts) {
		t.Errorf("%d late replies were dropped and %d workers taken for dead, want some", s.late, s.died)
	}
}

func TestFaultBrokerIsKilledUnderLoad(t *testing.T) {
	f := startFleet(t, seldom, nil)
	kills := 0
	tr := drive(f, func() { kills = faulttest.Again(t, f.killBroker) })
	tr.report(t, f, kills, "the broker was killed, and another one started at its endpoint")
	tr.WantNoErrors(t, "Echo")
}

func TestFaultBrokerIsPausedForLongerThanASessionLasts(t *testing.T) {
	f := startFleet(t, heartbeat, nil)
	halts := 0
	tr := drive(f, func() { halts = faulttest.Again(t, f.haltBroker) })
	tr.report(t, f, halts, "the broker was paused until it was taken for dead, and went on")
	tr.WantNoErrors(t, "Echo")
}

func TestFaultClientsAreKilledWithRepliesPending(t *testing.T) {
	f := startFleet(t, seldom, nil)
	kills, item := 0, uint64(pending)
	tr := drive(f, func() {
		kills = faulttest.Again(t, func() {
			f.killClient(item)
			item += begun
		})
	})
	tr.report(t, f, kills, "a client was killed with replies pending")
	tr.WantNoErrors(t, "Echo", "Store")
	t.Logf("%d requests of clients that were killed were executed, all of them cancelled", f.said("begins "))
	h := f.held()
	if l := h.Stats.Load; l.Calls != 0 || l.InFlight != 0 || l.Bytes != 0 {
		t.Errorf("the broker still holds %+v", l)
	}
	if h.Stats.Counters.Cancelled < uint64(kills*begun/3) {
		t.Errorf("the broker cancelled %d requests", h.Stats.Counters.Cancelled)
	}
}
