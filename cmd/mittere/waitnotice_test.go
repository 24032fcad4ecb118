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
	n := &waitNotice{w: &w}
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

func TestCommandsSayWhatIsThereInPlaceOfWhatTheyAsk(t *testing.T) {
	w, b := newCalculator(t), newBrokered(t)
	registry, broker, server := w.at(), b.broker.Endpoints()[0], w.server.Endpoints()[0]
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"services", "--broker", registry}, "a registry is there, and no broker: use --registry " + registry},
		{[]string{"workers", "--broker", registry}, "a registry is there, and no broker: use --registry " + registry},
		{[]string{"call", "calculator/Add", "--broker", registry}, "a registry is there, and no broker: use --registry " + registry},
		{[]string{"services", "--broker", server}, "a service is there, and no broker: use --endpoint " + server},
		{[]string{"services", "--registry", broker, "--timeout", "0"}, "a broker is there, and no registry: use --broker " + broker},
		{[]string{"resolve", "calculator", "--registry", broker, "--timeout", "0"}, "a broker is there, and no registry: use --broker " + broker},
		{[]string{"resolve", "calculator", "--registry", server, "--timeout", "0"}, "a service is there, and no registry: use --endpoint " + server},
		{[]string{"services", "--registry", server, "--timeout", "0"}, "a service is there, and no registry: use --endpoint " + server},
		{[]string{"services", "--registry", nowhere, "--timeout", "2s"}, nowhere + ": connection refused"},
		{[]string{"services", "--broker", nowhere, "--timeout", "2s"}, nowhere + ": connection refused"},
	} {
		if code, _, stderr := command(t.Context(), "", test.args...); code < 10 || !strings.Contains(stderr, test.want) {
			t.Errorf("%q: code %d, %q does not say %q", test.args, code, stderr, test.want)
		}
	}
}
