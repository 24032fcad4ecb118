package broker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mittere/mittere/internal/faulttest"
)

// TestStressFiveHundredWorkersAndTwoThousandClientsAtOnce has all of them connected, in
// five processes.
func TestStressFiveHundredWorkersAndTwoThousandClientsAtOnce(t *testing.T) {
	const crowds, workersEach, clientsEach = 5, 100, 400
	at := task{Endpoint: tcp, Heartbeat: 3 * time.Second} // a slow machine says nothing for long
	b := startBroker(t, &at)
	var before, joined, after held
	b.Ask(&before)
	var all []*faulttest.Process
	for i := range crowds {
		do := at
		do.ID, do.Workers, do.Clients = fmt.Sprintf("crowd%d", i), workersEach, clientsEach
		all = append(all, faulttest.Start(t, "crowd", do))
	}
	views := func() (sum crowdView) {
		for i, p := range all {
			var v crowdView
			p.Ask(&v)
			sum.Joined, sum.Answered, sum.Lost = sum.Joined+v.Joined, sum.Answered+v.Answered, append(sum.Lost, v.Lost...)
			if i == 0 || v.Beats < sum.Beats {
				sum.Beats = v.Beats
			}
		}
		return sum
	}
	for _, p := range all {
		p.Await("begins")
	}
	began := time.Now()
	eventually(t, "all have joined, and all clients are answered", func() bool {
		v := views()
		return len(v.Lost) > 0 || v.Joined == crowds*(workersEach+clientsEach) && v.Answered == crowds*clientsEach
	})
	took := time.Since(began)
	b.Ask(&joined)
	want := views().Beats + max(int(min(faulttest.Length(t), 15*time.Second)/at.Heartbeat), 1)
	eventually(t, "all get heartbeats for some time", func() bool {
		v := views()
		return len(v.Lost) > 0 || v.Beats >= want
	})
	b.Ask(&after)
	v, peers := views(), after.Stats.Peers-before.Stats.Peers
	t.Logf("%d workers and %d clients, all of whom joined within %v; %d lost; heartbeats of the broker to each: %d or more; %d workers died",
		after.Stats.Load.Workers-1, peers-(after.Stats.Load.Workers-1), took.Round(time.Millisecond), len(v.Lost), v.Beats, after.Stats.Counters.Died)
	t.Logf("a connection takes %d bytes of the broker's memory: %d KiB resident before, %d KiB after; %d descriptors",
		(int64(after.Resident)-int64(before.Resident))/int64(max(peers, 1)), before.Resident>>10, after.Resident>>10, after.Descriptors)
	if len(v.Lost) > 0 || after.Stats.Counters.Died > 0 {
		t.Errorf("%d peers were lost and %d died, such as %v", len(v.Lost), after.Stats.Counters.Died, v.Lost[:min(len(v.Lost), 3)])
	}
	if workers := after.Stats.Load.Workers - 1; workers != crowds*workersEach || peers != crowds*(workersEach+clientsEach) {
		t.Errorf("the broker knows %d workers and %d peers", workers, peers)
	}
	for _, p := range all {
		p.Terminate()
	}
	wantForgotten(t, b, before)
}

// wantForgotten waits until a broker holds no more than it did before.
func wantForgotten(t testing.TB, b *faulttest.Process, before held) (after held) {
	t.Helper()
	for ctx := patient(t); ; time.Sleep(10 * time.Millisecond) { // between two looks
		b.Ask(&after)
		if after.Stats.Load == before.Stats.Load && after.Stats.Peers <= before.Stats.Peers && after.Sessions <= before.Sessions &&
			after.Goroutines <= before.Goroutines && after.Descriptors <= before.Descriptors {
			return after
		}
		if ctx.Err() != nil {
			t.Fatalf("the broker holds %+v, want no more than %+v", after, before)
		}
	}
}
