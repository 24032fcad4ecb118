package reactor_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// diary notes when something happens, in time since the test began. In a
// synctest bubble it is exact.
type diary struct {
	began time.Time
	times []time.Duration
}

func newDiary() *diary { return &diary{began: time.Now()} }

// hook returns a hook that makes an entry and takes a while.
func (d *diary) hook(took time.Duration) reactor.Hook {
	return func(context.Context) error {
		d.times = append(d.times, time.Since(d.began))
		time.Sleep(took)
		return nil
	}
}

// want checks the entries, in seconds.
func (d *diary) want(t *testing.T, seconds ...float64) {
	t.Helper()
	var got []float64
	for _, at := range d.times {
		got = append(got, at.Seconds())
	}
	if !slices.Equal(got, seconds) {
		t.Errorf("entries at %v s, want %v", got, seconds)
	}
}

// observing returns handlers of notes that each take a while.
func observing(took time.Duration) *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.Observe(h, func(context.Context, *testv1.Note) error { time.Sleep(took); return nil })
	return h
}

// during runs a reactor for so long.
func during(t *testing.T, d time.Duration, list []reactor.Socket, options ...reactor.Option) *running {
	r := serve(t, observing(0), list, options...)
	time.Sleep(d)
	ok(t, r.stop())
	return r
}

func TestTimerCallsItsHookAtWholeMultiples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		during(t, 10*time.Second, sockets(newFeed(0)), reactor.WithTimer(3*time.Second, d.hook(time.Second)))
		d.want(t, 3, 6, 9)
	})
}

func TestTimerSkipsWhatASlowHookMisses(t *testing.T) {
	for name, options := range map[string][]reactor.Option{"sequential": nil, "pool": poolOf(3)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDiary()
				slow := reactor.WithTimer(time.Second, d.hook(2500*time.Millisecond))
				during(t, 12*time.Second, sockets(newFeed(0)), append(options, slow)...)
				d.want(t, 1, 4, 7, 10)
			})
		})
	}
}

func TestTimerIsNotShiftedByAHandlerThatMakesItWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		pull := newFeed(1)
		pull.give(t, note(1))
		r := serve(t, observing(2500*time.Millisecond), sockets(pull), reactor.WithTimer(2*time.Second, d.hook(0)))
		time.Sleep(7 * time.Second)
		ok(t, r.stop())
		d.want(t, 2.5, 4, 6)
	})
}

func TestTimersOfAPoolDoNotWaitForHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		pull := newFeed(1)
		pull.give(t, note(1))
		r := serve(t, observing(7*time.Second), sockets(pull), reactor.WithTimer(2*time.Second, d.hook(0)), reactor.WithPool(2, nil))
		time.Sleep(7 * time.Second)
		ok(t, r.stop())
		d.want(t, 2, 4, 6)
	})
}

func TestIdleHookIsCalledWhenNoMessageComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		during(t, 10*time.Second, sockets(newFeed(0)), reactor.WithIdle(3*time.Second, d.hook(0)))
		d.want(t, 3, 6, 9)
	})
}

func TestIdleHookCountsFromTheLastMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		pull := newFeed(0)
		r := serve(t, observing(0), sockets(pull), reactor.WithIdle(3*time.Second, d.hook(0)))
		for range 5 { // at 2, 4, 6, 8 and 10 s
			time.Sleep(2 * time.Second)
			pull.give(t, note(1))
		}
		time.Sleep(7 * time.Second)
		ok(t, r.stop())
		d.want(t, 13, 16)
	})
}

func TestReactorIsNotIdleWhileAHandlerRuns(t *testing.T) {
	for name, options := range map[string][]reactor.Option{"sequential": nil, "pool": poolOf(2)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDiary()
				pull := newFeed(1)
				pull.give(t, note(1))
				options := append(options, reactor.WithIdle(time.Second, d.hook(0)))
				r := serve(t, observing(3500*time.Millisecond), sockets(pull), options...)
				time.Sleep(6 * time.Second)
				ok(t, r.stop())
				d.want(t, 4.5, 5.5)
			})
		})
	}
}

func TestIdleHookIsLeftOutIfAMessageCameWhileItWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		pull := newFeed(0)
		slow := func(context.Context) error { time.Sleep(1500 * time.Millisecond); return nil }
		// The timer's hook has the turn from 2 to 3.5 s; the idle hook is due at 3 s,
		// the message comes at 3.2 s.
		r := serve(t, observing(0), sockets(pull), reactor.WithTimer(2*time.Second, slow), reactor.WithIdle(3*time.Second, d.hook(0)))
		time.Sleep(3200 * time.Millisecond)
		pull.give(t, note(1))
		time.Sleep(700 * time.Millisecond)
		ok(t, r.stop())
		d.want(t)
	})
}

func TestHooksThatFailOrPanicAreCountedAndCalledAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		r := during(t, 3500*time.Millisecond, sockets(newFeed(0)),
			reactor.WithTimer(time.Second, func(context.Context) error { calls++; return errors.New("failed") }),
			reactor.WithIdle(time.Second, func(context.Context) error { calls++; panic("hook's secret") }))
		if calls != 6 {
			t.Errorf("%d calls, want 6", calls)
		}
		wantStats(t, r, reactor.Stats{FailedHooks: 6})
		if line := r.log.all("hook panicked")[0]; line["panic"] != "hook's secret" || !strings.Contains(line["stack"], "hook_test.go") {
			t.Errorf("the log says %v, want the stack", line)
		}
		if len(r.log.all("hook failed")) == 0 {
			t.Error("the log does not tell of the error")
		}
	})
}

func TestHooksHaveTheContextOfHandlers(t *testing.T) {
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
		var ended error
		hook := func(ctx context.Context) error {
			if ctx.Value(key{}) != "value" {
				t.Error("the context lacks the values of Run's")
			}
			<-ctx.Done()
			ended = context.Cause(ctx)
			return nil
		}
		r := must(reactor.New(echoing(), sockets(newFeed(0)), reactor.WithTimer(time.Second, hook)))(t)
		time.AfterFunc(1500*time.Millisecond, cancel)
		began := time.Now()
		ok(t, r.Run(ctx))
		if took := time.Since(began); took != 1500*time.Millisecond+reactor.DefaultStopTimeout {
			t.Errorf("Run returned after %v, want the stop timeout after the end of its context", took)
		}
		wantCode(t, ended, messaging.Unavailable)
	})
}

func TestStartHooksRunInOrderBeforeTheFirstMessage(t *testing.T) {
	var order []string
	handled := make(chan struct{})
	h := reactor.NewHandlers()
	reactor.Observe(h, func(context.Context, *testv1.Note) error {
		order = append(order, "message")
		close(handled)
		return nil
	})
	start := func(name string) reactor.Option {
		return reactor.WithStart(func(context.Context) error { order = append(order, name); return nil })
	}
	pull := newFeed(1)
	pull.give(t, note(1))
	r := serve(t, h, sockets(pull), start("first"), start("second"))
	<-handled
	ok(t, r.stop())
	if got := strings.Join(order, ", "); got != "first, second, message" {
		t.Errorf("order is %s", got)
	}
}

func TestStoppingDuringAStartHookIsNoError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	waits := reactor.WithStart(func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	r, err := reactor.New(noting(), sockets(newFeed(0)), waits)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(ctx); err != nil {
		t.Errorf("Run returned %v", err)
	}
}

func TestStartHookThatFailsEndsRun(t *testing.T) {
	failed := errors.New("no disk")
	for name, hook := range map[string]reactor.Hook{
		"error": func(context.Context) error { return failed },
		"panic": func(context.Context) error { panic(failed) },
	} {
		t.Run(name, func(t *testing.T) {
			pull := newFeed(1)
			pull.give(t, note(1))
			var later atomic.Bool
			r := serve(t, noting(), sockets(pull), reactor.WithStart(hook),
				reactor.WithStart(func(context.Context) error { later.Store(true); return nil }))
			err := r.wait()
			if err == nil || !strings.Contains(err.Error(), "no disk") || later.Load() || len(pull.in) != 1 {
				t.Errorf("Run returned %v, the next hook ran: %v, messages left: %d", err, later.Load(), len(pull.in))
			}
			if name == "error" && !errors.Is(err, failed) {
				t.Errorf("%v does not wrap the hook's error", err)
			}
		})
	}
}
