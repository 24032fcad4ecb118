package broadcast_test

import (
	"testing"

	"github.com/mittere/mittere/internal/broadcast"
	"github.com/mittere/mittere/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestNotifyWakesThoseThatWaitedBefore(t *testing.T) {
	var s broadcast.Signal
	s.Notify() // nobody waits
	first, second := s.Changed(), s.Changed()
	select {
	case <-first:
		t.Fatal("woken before a change")
	default:
	}
	s.Notify()
	<-first
	<-second
	select {
	case <-s.Changed():
		t.Fatal("woken by a change of before")
	default:
	}
}

func TestSignalThatNobodyWaitsOnAllocatesNothing(t *testing.T) {
	var s broadcast.Signal
	if n := testing.AllocsPerRun(100, s.Notify); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
