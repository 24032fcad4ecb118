package reactor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/reactor"
)

func TestWhatPeersCauseIsLoggedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pull := newFeed(0)
		r := serve(t, reactor.NewHandlers(), sockets(pull))
		for range 1000 {
			pull.give(t, note(1))
		}
		synctest.Wait()
		if line := r.log.one(t, "no handler"); line["type"] != "mittere.test.v1.Note" || line["skipped"] != "" {
			t.Errorf("the log says %v", line)
		}
		time.Sleep(time.Second)
		pull.give(t, note(1))
		synctest.Wait()
		lines := r.log.all("no handler")
		if len(lines) != 2 || lines[1]["skipped"] != "999" {
			t.Errorf("the log says %v, want a second line for 999 others", lines)
		}
		time.Sleep(time.Second)
		pull.give(t, note(1))
		synctest.Wait()
		if lines = r.log.all("no handler"); len(lines) != 3 || lines[2]["skipped"] != "" {
			t.Errorf("the log says %v, want a third line for itself alone", lines)
		}
		ok(t, r.stop())
		wantStats(t, r, reactor.Stats{Unknown: 1002})
	})
}

func TestOneKindOfLineDoesNotHideAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := reactor.NewHandlers()
		reactor.Observe(h, func(context.Context, *testv1.Note) error { return errors.New("failed") })
		pull := newFeed(0)
		r := serve(t, h, sockets(pull))
		for range 10 {
			pull.give(t, &testv1.Blob{})
			pull.give(t, note(1))
		}
		synctest.Wait()
		r.log.one(t, "no handler")
		r.log.one(t, "message failed")
	})
}
