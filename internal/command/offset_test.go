package command_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mittere/mittere/internal/command"
)

// sentAndCame is something that a peer sent: when by its clock, and when it came by ours.
type sentAndCame struct{ sent, came time.Duration }

// peerClock is a peer whose clock runs with a drift, and what it sends is on its
// way for a while.
type peerClock struct {
	zero     time.Duration // what it shows when ours shows 0
	drift    float64       // how many seconds it gains in one
	shortest time.Duration // the shortest way
	jitter   time.Duration // by how much others are longer
}

// sendAt returns what is sent when our clock shows t, late by so much.
func (p *peerClock) sendAt(r *rand.Rand, t, late time.Duration) sentAndCame {
	way := p.shortest + time.Duration(r.Int64N(int64(p.jitter)+1)) + late
	return sentAndCame{sent: p.zero + t + time.Duration(p.drift*float64(t)), came: t + way}
}

// randomPeer returns a peer whose clock shows anything.
func randomPeer(r *rand.Rand, drift float64) *peerClock {
	return &peerClock{
		zero: time.Duration(r.Int64N(int64(1000*time.Hour))) - 500*time.Hour, drift: drift,
		shortest: time.Duration(r.Int64N(int64(50 * time.Millisecond))), jitter: time.Duration(r.Int64N(int64(5 * time.Millisecond))),
	}
}

// forSeeds runs a check with random numbers that are the same in each run.
func forSeeds(t *testing.T, seeds uint64, check func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	for seed := range seeds {
		check(t, rand.New(rand.NewPCG(seed, 7)))
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

const testPeriod = 3 * time.Second

func TestClocksThatDriftDoNoHarm(t *testing.T) {
	for _, drift := range []float64{-1e-3, -1e-4, 0, 1e-4, 1e-3} {
		forSeeds(t, 20, func(t *testing.T, r *rand.Rand) {
			p, o := randomPeer(r, drift), command.Offset{}
			allowed := p.jitter + 3*testPeriod/1000
			for now := time.Duration(0); now < time.Hour; now += testPeriod / 3 {
				m := p.sendAt(r, now, 0)
				o.Sample(m.sent, m.came, testPeriod)
				if age := o.Age(m.sent, m.came); age > allowed {
					t.Fatalf("drift %v: after %v something is %v old, at most %v is due to drift and jitter", drift, now, age, allowed)
				}
			}
		})
	}
}

func TestLateRequestsShowTheirAge(t *testing.T) {
	forSeeds(t, 200, func(t *testing.T, r *rand.Rand) {
		p, o := randomPeer(r, (r.Float64()-0.5)*1e-4), command.Offset{}
		least := p.jitter + 3*testPeriod/10_000
		now := time.Duration(0)
		for range 200 {
			now += time.Duration(r.Int64N(int64(testPeriod))) / 3
			m := p.sendAt(r, now, 0)
			o.Sample(m.sent, m.came, testPeriod)
			if r.IntN(4) > 0 {
				continue
			}
			late := time.Duration(r.Int64N(int64(testPeriod - testPeriod/3 - p.shortest - p.jitter)))
			m = p.sendAt(r, now, late)
			now = m.came - p.shortest
			o.Sample(m.sent, m.came, testPeriod)
			if age := o.Age(m.sent, m.came); age < late-least || age > late+least {
				t.Fatalf("what is late by %v is %v old", late, age)
			}
		}
	})
}

func TestFirstMessageHasNoAge(t *testing.T) {
	for _, sent := range []time.Duration{-time.Hour, 0, 1, time.Hour} {
		var o command.Offset
		o.Sample(sent, time.Minute, testPeriod)
		if age := o.Age(sent, time.Minute); age != 0 {
			t.Errorf("sent at %v: %v old", sent, age)
		}
	}
}

func TestAgeIsNeverNegative(t *testing.T) {
	forSeeds(t, 500, func(t *testing.T, r *rand.Rand) {
		var o command.Offset
		came := time.Duration(0)
		for range 50 {
			came += time.Duration(r.Int64N(int64(3 * testPeriod)))
			sent := time.Duration(r.Uint64()) >> r.IntN(62)
			o.Sample(sent, came, testPeriod)
			if age := o.Age(sent, came); age < 0 {
				t.Fatalf("%v old", age)
			}
		}
	})
}

func TestSamplesCountForAPeriodAndAreForgottenAfterThree(t *testing.T) {
	forSeeds(t, 500, func(t *testing.T, r *rand.Rand) {
		var o command.Offset
		var all []sentAndCame
		came := time.Duration(0)
		least := func(within time.Duration) time.Duration {
			least := all[len(all)-1].came - all[len(all)-1].sent
			for _, m := range all {
				if came-m.came <= within {
					least = min(least, m.came-m.sent)
				}
			}
			return least
		}
		for range 100 {
			came += time.Duration(r.Int64N(int64(testPeriod)))
			m := sentAndCame{came - time.Duration(r.Int64N(int64(time.Minute))), came}
			all = append(all, m)
			o.Sample(m.sent, m.came, testPeriod)
			age := o.Age(m.sent, m.came)
			if low, high := came-m.sent-least(testPeriod), came-m.sent-least(3*testPeriod); age < low || age > high {
				t.Fatalf("%v old, want between %v and %v", age, low, high)
			}
		}
	})
}

func TestClocksThatJumpAreKnownAgainAfterThreePeriods(t *testing.T) {
	for _, jump := range []time.Duration{-time.Hour, time.Hour} {
		r := rand.New(rand.NewPCG(1, 1))
		p, o := peerClock{}, command.Offset{}
		for now := time.Duration(0); now < 10*testPeriod; now += testPeriod / 3 {
			if now == 5*testPeriod {
				p.zero += jump
			}
			m := p.sendAt(r, now, 0)
			o.Sample(m.sent, m.came, testPeriod)
			if age := o.Age(m.sent, m.came); age > 0 && (now < 5*testPeriod || now > 8*testPeriod) {
				t.Errorf("jump of %v: at %v something is %v old", jump, now, age)
			}
		}
	}
}
