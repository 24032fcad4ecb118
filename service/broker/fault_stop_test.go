package broker_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mittere/mittere/internal/faulttest"
)

// stops is how often something is stopped in good order: once for each second that
// FAULT_SECONDS says. A hundred times take some minutes:
//
//	FAULT_SECONDS=100 go test ./service/broker -run InGoodOrder -v -timeout 30m
func stops(t testing.TB) int {
	t.Helper()
	return max(int(faulttest.Length(t).Seconds()), 1)
}

// storeOnly makes a call that may not be repeated. It is short, so that most calls are on
// their way to or from the broker, which soon has nothing left to do when it stops; and it
// has time for the other broker to come, so that every error of it is one too many.
func storeOnly(tr *traffic, _ *rand.Rand, a asker) {
	_ = tr.One("Store", patience, func(ctx context.Context) error { return tr.storeFor(ctx, a, 0) })
}

// wantNothingLost stops something again and again under load, and fails the test for
// each call that was not answered.
func wantNothingLost(f *fleet, what string, stop func(turn int)) {
	f.t.Helper()
	tr, times := newTraffic(), stops(f.t)
	tr.drive(f, storeOnly, func() {
		for turn := range times {
			before := tr.Replies("Store")
			eventually(f.t, "calls are answered", func() bool { return tr.Replies("Store") > before+20*callers })
			stop(turn)
		}
	})
	tr.Report(f.t, what, f.sums().String())
	f.t.Logf("%d stops", times)
	tr.WantNoErrors(f.t, "Store")
}

// seldom is a heartbeat by which nobody is taken for dead on a machine that is busy: what is
// asked here is what becomes of calls when all are well.
const seldom = 3 * time.Second

func TestFaultBrokerThatStopsInGoodOrderLosesNoCall(t *testing.T) {
	f := newFleet(t, t.TempDir(), seldom).staff()
	f.connect(f.at.Endpoint)
	wantNothingLost(f, "the broker was stopped, and another one started at its endpoint", func(int) { f.stopBroker() })
}

func TestFaultOneOfTwoBrokersThatStopsInGoodOrderLosesNoCall(t *testing.T) {
	folder := t.TempDir()
	fleets := []*fleet{newFleet(t, folder, seldom).staff(), newFleet(t, folder, seldom).staff()}
	f := fleets[0].connect(fleets[0].at.Endpoint, fleets[1].at.Endpoint)
	wantNothingLost(f, "one of two brokers was stopped, and another one started at its endpoint", func(turn int) { fleets[turn%2].stopBroker() })
}

func TestFaultWorkersThatStopInGoodOrderLoseNoCall(t *testing.T) {
	f := newFleet(t, t.TempDir(), seldom).staff()
	f.connect(f.at.Endpoint)
	wantNothingLost(f, "a worker was stopped, and another one started", func(int) { f.stopWorker() })
}
