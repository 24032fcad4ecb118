package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// seen returns items of keys, each with what is told of it behind a colon.
func seen(things ...string) (all []item) {
	for _, thing := range things {
		key, _, _ := strings.Cut(thing, ":")
		all = append(all, item{key: key, line: thing})
	}
	return all
}

func TestPollerTellsWhatIsNewsAndOnce(t *testing.T) {
	began := time.Now()
	after := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	var out bytes.Buffer
	l := &poller{watcher: watcher{printer: printer{out: &out}, what: "broker", endpoint: "tcp://b:1"}}
	column := regexp.MustCompile(`(?m)^\S+ +(\S+) +`)
	for i, step := range []struct {
		do   func() error
		want string
	}{
		{func() error { return l.missed(after(0)) }, "away the broker at tcp://b:1 was not heard yet\n"},
		{func() error { return l.missed(after(9)) }, ""},
		{func() error { return l.missed(after(10)) }, "away the broker at tcp://b:1 was not heard yet\n"},
		{func() error { return l.update(after(11), seen("a", "b")) }, "back the broker at tcp://b:1\nthere a\nthere b\n"},
		{func() error { return l.update(after(12), seen("a", "b")) }, ""},
		{func() error { return l.update(after(13), seen("b:2", "c")) }, "gone a\nput b:2\nput c\n"},
		{func() error { return l.missed(after(15)) }, "away the broker at tcp://b:1 cannot be reached; what is known is 2s old\n"},
		{func() error { return l.update(after(16), nil) }, "back the broker at tcp://b:1\ngone b:2\ngone c\n"},
		{func() error { return l.update(after(17), seen("a")) }, "put a\n"},
	} {
		out.Reset()
		check(t, step.do())
		if got := column.ReplaceAllString(out.String(), "$1 "); got != step.want {
			t.Errorf("step %d: told %q, want %q", i, got, step.want)
		}
	}
}

func TestNamesInJSONBecomeWords(t *testing.T) {
	v := view{{"inFlight", 7}, {"waitingBytes", 0}, {"expirySeconds", span(time.Second)}}
	if got := fmt.Sprint(v.lines()); got != "[[in flight 7] [waiting bytes 0] [expiry 1s]]" {
		t.Errorf("got %s", got)
	}
}
