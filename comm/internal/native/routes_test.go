package native

import (
	"math"
	"testing"
	"time"
)

// begin is when the tests of routes begin.
var begin = time.Unix(1_000_000, 0)

func TestPeerWithoutAnIDGetsOne(t *testing.T) {
	r := newRoutes[string](math.MaxUint32 - 1)
	for _, want := range []string{"\x00\xff\xff\xff\xff", "\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x01"} {
		h, _, had, ok := r.join(want, "", begin)
		if h.id != want || had || !ok {
			t.Errorf("got %q, want %q", h.id, want)
		}
		if p, ok := r.find([]byte(want)); p != want || !ok {
			t.Errorf("%q is %q", want, p)
		}
	}
	if _, ok := r.find([]byte("nobody")); ok {
		t.Error("nobody is found")
	}
}

func TestTakenIDGoesToTheNewcomer(t *testing.T) {
	r := newRoutes[string](0)
	before, _, _, _ := r.join("before", "id", begin)
	after, replaced, had, ok := r.join("after", "id", begin)
	if replaced != "before" || !had || !ok || before == after {
		t.Errorf("replaced %q (%v, %v)", replaced, had, ok)
	}
	r.leave(before)
	if p, _ := r.find([]byte("id")); p != "after" {
		t.Errorf("the id is that of %q", p)
	}
	r.leave(after)
	if _, ok := r.find([]byte("id")); ok || len(r.byID) != 0 {
		t.Error("the id is taken still")
	}
	again, _, had, _ := r.join("again", "id", begin)
	r.leave(before) // long gone
	if p, _ := r.find([]byte("id")); p != "again" || had || again == before {
		t.Errorf("the id is that of %q", p)
	}
}

func TestIDThatChangesHandsTooOftenStaysForAPauseThatGrows(t *testing.T) {
	r := newRoutes[int](0)
	now := begin
	join := func() bool {
		now = now.Add(time.Millisecond)
		_, _, _, ok := r.join(0, "id", now)
		return ok
	}
	for i := range 1 + tooMany {
		if !join() {
			t.Fatalf("the %d. peer is refused", i+1)
		}
	}
	for pause := firstPause; pause < 8*firstPause; pause *= 2 {
		if join() {
			t.Fatal("the id changes hands too often")
		}
		now = now.Add(pause - 10*time.Millisecond)
		if join() {
			t.Fatal("the pause is too short")
		}
		now = now.Add(20 * time.Millisecond)
		for range tooMany {
			if !join() {
				t.Fatal("the pause is too long")
			}
		}
	}
	for range 10 {
		now = now.Add(tooSoon)
		if !join() {
			t.Fatal("who comes from time to time is refused")
		}
	}
}
