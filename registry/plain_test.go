package registry_test

import (
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry"
)

// nearly is shorter than the longest lease, and longer than that of a service that
// answers.
const nearly = registry.DefaultMaxLease - 1

func TestPlainServiceHasTheLongestLeaseAtFirst(t *testing.T) {
	b := newBench(t, registry.Limits{})
	change := b.plain("calc", 5100)
	b.wantChanges(one(change), "1 PUT calc/dividere")
	if e := change.GetChange().GetEntry(); e.GetLeaseNano() != int64(registry.DefaultMaxLease) || e.GetInstance().GetDialect() != mitterev1.Dialect_DIALECT_PLAIN {
		t.Errorf("entered as %v", e)
	}
	b.Rediscover()
	b.pass(nearly)
	b.wantChanges(b.Expire(b.now))
	b.want("calc", registry.PlainID)
	b.wantChanges(one(b.WithdrawPlain(b.now, "calc")), "2 WITHDRAWN calc/dividere")
	b.wantChanges(one(b.WithdrawPlain(b.now, "calc")))
	b.plain("calc", 5100)
	b.pass(registry.DefaultMaxLease)
	b.wantChanges(b.Expire(b.now), "4 EXPIRED calc/dividere")
}

// TestPlainServicesHaveRoomOfTheirOwn registers as many as anyone can with a small
// message each, and as a store has kept them.
func TestPlainServicesHaveRoomOfTheirOwn(t *testing.T) {
	b := newBench(t, registry.Limits{MaxInstances: 3, MaxPlain: 2})
	changes := []*mitterev1.WatchResponse{b.plain("a", 1), b.plain("b", 1)}
	_, err := b.RegisterPlain(b.now, "c", "h", 1)
	b.wantCode(err, messaging.ResourceExhausted)
	b.plain("a", 2) // replaces what is there
	b.register(instance("native", "1"), 0)
	b.WithdrawPlain(b.now, "b")
	b.plain("c", 1)

	again := newBench(t, registry.Limits{MaxPlain: 1})
	for _, change := range changes {
		change.GetChange().GetEntry().LeaseNano = 0 // as older versions kept them
	}
	if err := again.Restore(again.now, changes[0].GetChange().GetEntry(), changes[1].GetChange().GetEntry()); err != nil || again.Len() != 1 {
		t.Errorf("%d are restored (%v), want 1", again.Len(), err)
	}
	if _, leased := again.Next(); !leased {
		t.Error("what is restored has no lease")
	}
}

func TestSecondPlainServiceReplacesTheFirst(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.plain("calc", 5100)
	b.wantChanges(one(b.plain("calc", 5100)))
	b.wantChanges(one(b.plain("calc", 5101)), "2 PUT calc/dividere")
	if host, port, err := b.LookupPlain(b.now, "calc"); host != "127.0.0.1" || port != 5101 || err != nil {
		t.Errorf("the address is %s %d (%v)", host, port, err)
	}
}

func TestPlainServiceThatAnswersGetsALease(t *testing.T) {
	b := newBench(t, registry.Limits{PlainLease: 10 * time.Second})
	b.plain("calc", 5100)
	b.Rediscover()
	b.pass(time.Second)
	change := b.plain("calc", 5100)
	b.wantChanges(one(change), "2 PUT calc/dividere")
	if lease := change.GetChange().GetEntry().GetLeaseNano(); lease != 10e9 {
		t.Errorf("the lease is %v", time.Duration(lease))
	}
	for range 5 { // an answer is a renewal
		b.pass(10*time.Second - 1)
		b.wantChanges(one(b.plain("calc", 5100)))
	}
	b.pass(10 * time.Second)
	b.want("calc")
	b.wantChanges(b.Expire(b.now), "3 EXPIRED calc/dividere")
	b.plain("calc", 5100) // as new
	b.pass(nearly)
	b.want("calc", registry.PlainID)
}

func TestPlainServiceThatAnswersElsewhereIsAnotherOne(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.plain("calc", 5100)
	b.Rediscover()
	b.plain("calc", 5101)
	b.pass(nearly)
	b.want("calc", registry.PlainID)
}

func TestSameMessageTwiceIsNoAnswer(t *testing.T) {
	b := newBench(t, registry.Limits{})
	b.Rediscover()
	b.plain("calc", 5100)
	b.plain("calc", 5100)
	b.pass(nearly)
	b.want("calc", registry.PlainID)
}

func TestPlainClientThatStartsAgainLaterIsNotTakenForAnswering(t *testing.T) {
	b := newBench(t, registry.Limits{})
	for range 3 {
		b.Rediscover()
		b.plain("calc", 5100)
		b.pass(nearly)
		b.want("calc", registry.PlainID)
	}
}

func TestWrongPlainAddressIsRefused(t *testing.T) {
	b := newBench(t, registry.Limits{})
	for _, c := range []struct {
		name, host string
		port       uint32
	}{{"", "h", 1}, {"n", "", 1}, {"n", "h", 0}, {"n", "h", 65536}, {"n", "*", 1}, {"n", "h\n", 1}, {"n", "h,", 1}, {"n\xff", "h", 1}} {
		_, err := b.RegisterPlain(b.now, c.name, c.host, c.port)
		b.wantCode(err, messaging.InvalidArgument)
	}
}

func TestPlainClientFindsWhatSpeaksPlainEnvelopes(t *testing.T) {
	b := newBench(t, registry.Limits{})
	wantPort := func(want uint32) {
		t.Helper()
		_, port, err := b.LookupPlain(b.now, "calc")
		if port != want || (err == nil) != (want > 0) {
			t.Errorf("port %d (%v), want %d", port, err, want)
		}
	}
	enter := func(id, endpoint string, change func(*mitterev1.Instance)) {
		i := instance("calc", id)
		i.Endpoints = []string{"ipc:///tmp/x", endpoint}
		change(i)
		b.register(i, time.Hour)
	}
	wantPort(0)
	enter("a", "tcp://h:1", func(i *mitterev1.Instance) { i.Kind = mitterev1.Kind_KIND_PUBLISHER })
	enter("b", "inproc://x", func(*mitterev1.Instance) {})
	wantPort(0)
	enter("c", "tcp://h:3", func(i *mitterev1.Instance) { i.Health = mitterev1.Health_HEALTH_DRAINING })
	wantPort(3)
	enter("d", "tcp://h:4", func(*mitterev1.Instance) {})
	enter("z", "tcp://h:26", func(*mitterev1.Instance) {})
	wantPort(4)
	b.plain("calc", 5)
	wantPort(5)
	b.WithdrawPlain(b.now, "calc")
	b.pass(time.Hour)
	wantPort(0)
}

func TestHostOfIPv6ComesBackAsItWasGiven(t *testing.T) {
	b := newBench(t, registry.Limits{})
	if _, err := b.RegisterPlain(b.now, "calc", "::1", 5100); err != nil {
		t.Fatal(err)
	}
	if host, port, err := b.LookupPlain(b.now, "calc"); host != "::1" || port != 5100 || err != nil {
		t.Errorf("the address is %s %d (%v)", host, port, err)
	}
}
