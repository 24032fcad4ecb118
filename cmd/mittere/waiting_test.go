package main

import (
	"errors"
	"strings"
	"testing"
)

// nowhere is an endpoint at which nobody listens.
const nowhere = "tcp://127.0.0.1:1"

func TestCallTellsWhyItWaits(t *testing.T) {
	for _, place := range []string{"--registry", "--broker", "--endpoint"} {
		method := "calculator/Add"
		if place == "--endpoint" {
			method = "Add"
		}
		code, _, stderr := command(t.Context(), "", "call", place, nowhere, method, "--timeout", "2s")
		if code != 24 && code != 14 || !strings.Contains(stderr, "mittere: waiting: ") || !strings.Contains(stderr, nowhere) {
			t.Errorf("%s: code %d, %q", place, code, stderr)
		}
	}
}

func TestCallThatFailsFastDoesNotWait(t *testing.T) {
	for _, place := range []string{"--registry", "--broker", "--endpoint"} {
		method := "calculator/Add"
		if place == "--endpoint" {
			method = "Add"
		}
		code, _, stderr := command(t.Context(), "", "call", "--fail-fast", place, nowhere, method, "--timeout", "0s")
		if code != 24 || !strings.Contains(stderr, "mittere: UNAVAILABLE: ") {
			t.Errorf("%s: code %d, %q", place, code, stderr)
		}
	}
	b := newBrokered(t)
	b.work("calc-1")
	if code, stdout, stderr := b.run("", "call", "--fail-fast", "calculator/Add", `{"a": 1}`); code != 0 || stdout != "{\"sum\":1}\n" || stderr != "" {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
}

func TestPatienceNoteTellsAReasonOnce(t *testing.T) {
	var w strings.Builder
	n := &patienceNote{w: &w}
	n.set(errors.New("a")) // begins the moment
	n.timer.Stop()
	n.tell()
	n.set(errors.New("a"))
	n.set(nil)
	n.set(errors.New("b"))
	n.end()
	n.set(errors.New("c"))
	if want := "mittere: waiting: a\nmittere: waiting: b\n"; w.String() != want {
		t.Errorf("got %q, want %q", w.String(), want)
	}
}
