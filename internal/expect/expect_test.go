package expect_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mittere/mittere/internal/expect"
	"github.com/mittere/mittere/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// ending is a test that notes how it was ended.
type ending struct {
	testing.TB
	why string
}

func (e *ending) Helper() {}

func (e *ending) Fatal(args ...any) { e.why = fmt.Sprint(args...) }

func TestErrorEndsTheTest(t *testing.T) {
	if got := expect.Must(7, nil)(t); got != 7 {
		t.Errorf("got %d", got)
	}
	e := &ending{TB: t}
	expect.Must(7, errors.New("no seven"))(e)
	if e.why != "no seven" {
		t.Errorf("the test ended with %q", e.why)
	}
}

func TestWaitsEndWithWhatIsWaitedFor(t *testing.T) {
	looks := 0
	expect.Eventually(t, "the third look", func() bool { looks++; return looks == 3 })
	c := make(chan int, 1)
	c <- 1
	if got := expect.Receive(t, "a number", c); got != 1 || looks != 3 {
		t.Errorf("got %d after %d looks", got, looks)
	}
}
