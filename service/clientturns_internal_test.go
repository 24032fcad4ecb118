package service

import (
	"testing"
	"time"
)

// TestOneCallFindsOutWhetherADoubtWasRight has the doubt be long ago.
func TestOneCallFindsOutWhetherADoubtWasRight(t *testing.T) {
	m, other := &member{vain: time.Now().Add(-vainTime)}, &member{}
	c := &Client{members: []*member{m, other}, clientConfig: clientConfig{balance: RoundRobin}}
	if m.doubted() || c.prefers(other, m) {
		t.Error("it is still in doubt")
	}
	m.count()
	if !m.doubted() || !c.prefers(other, m) || c.prefers(m, other) {
		t.Error("the next call goes there too")
	}
	if other.count(); other.doubted() {
		t.Error("one is in doubt where nobody waited")
	}
}
