package service

import (
	"testing"
	"time"
)

// TestOneCallProbesABrokerThatIsAvoidedNoLonger has a call time out long ago.
func TestOneCallProbesABrokerThatIsAvoidedNoLonger(t *testing.T) {
	m, other := &member{avoidedSince: time.Now().Add(-avoidFor)}, &member{}
	c := &Client{members: []*member{m, other}, clientConfig: clientConfig{balance: RoundRobin}}
	if m.isAvoided() || c.prefers(other, m) {
		t.Error("it is still avoided")
	}
	m.count()
	if !m.isAvoided() || !c.prefers(other, m) || c.prefers(m, other) {
		t.Error("the next call goes there too")
	}
	if other.count(); other.isAvoided() {
		t.Error("a broker is avoided where no call timed out")
	}
}
