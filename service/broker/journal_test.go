package broker_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/service/broker"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// logged is what a broker logs.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes a line.
func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// lines returns the lines that have all of these parts.
func (l *logged) lines(parts ...string) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
next:
	for line := range strings.Lines(l.text.String()) {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// await waits for a line with these parts.
func (l *logged) await(t *testing.T, parts ...string) {
	t.Helper()
	eventually(t, "logged: "+strings.Join(parts, " "), func() bool { return len(l.lines(parts...)) > 0 })
}

// logging runs a broker that logs everything.
func logging(t *testing.T, options ...broker.Option) (*running, *logged) {
	t.Helper()
	l := &logged{}
	log := slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return serve(t, append([]broker.Option{broker.WithLogger(log), broker.WithDrainTimeout(0)}, options...)...), l
}

func TestWorkersThatComeAndGoAreLogged(t *testing.T) {
	for why, leave := range map[string]func(t *testing.T, b *running, w *peer){
		"it said so":             func(_ *testing.T, _ *running, w *peer) { w.say("", "MDPW01", "\x05") },
		"its connection ended":   func(t *testing.T, _ *running, w *peer) { ok(t, w.Close()) },
		"nothing was heard of":   func(*testing.T, *running, *peer) {},
		"a worker's command":     func(_ *testing.T, _ *running, w *peer) { w.say("", "MDPW01", "\x09") },
		"the broker's operator":  func(t *testing.T, b *running, _ *peer) { dismiss(t, b, "w") },
		"another worker is name": func(t *testing.T, b *running, _ *peer) { takeName(t, b, "w") },
	} {
		t.Run(why, func(t *testing.T) {
			b, l := logging(t)
			w := b.named(t, "w")
			w.ready("echo")
			l.await(t, "level=INFO", "a worker is registered", "worker=w", "services=[echo]", "dialect=MDP/0.1", "capacity=1")
			leave(t, b, w)
			l.await(t, "level=INFO", "a worker left", "worker=w", why)
			if got := l.lines("a worker left", "worker=w"); len(got) != 1 {
				t.Errorf("it left %d times: %q", len(got), got)
			}
			if why == "another worker is name" {
				l.await(t, "level=WARN", "a worker takes the name of another")
			}
		})
	}
}

func TestWorkerThatBeginsAnewIsLoggedAgain(t *testing.T) {
	b, l := logging(t)
	w := b.named(t, "w")
	w.ready("echo")
	l.await(t, "a worker is registered", "services=[echo]")
	w.ready("sum")
	l.await(t, "a worker is registered", "services=[sum]")
	if len(l.lines("mittere.v1.Broker")) > 0 {
		t.Error("the broker's own worker is logged")
	}
}

func TestWhatPeersDoWrongIsLogged(t *testing.T) {
	b, l := logging(t, broker.WithLimits(desk.Limits{Deliveries: 1}))
	b.dial(t).ready("mmi.service")
	l.await(t, "level=WARN", "a worker is turned away", "reserved", "dialect=MDP/0.1")
	b.dial(t).say("nonsense")
	l.await(t, "level=DEBUG", "a message is dropped", "no protocol")
	w, client := b.dial(t), b.dial(t)
	w.ready("echo")
	client.say("", "MDPC01", "echo", "x")
	w.want()
	ok(t, w.Close())
	l.await(t, "level=WARN", "again and again", "a poison message", "echo")
	for range 100 {
		b.Take(messageOf("x", "nonsense"))
	}
	if got := l.lines("level=DEBUG", "no protocol"); len(got) > 3 { // one in a second
		t.Errorf("%d lines", len(got))
	}
}

// TestWhatPeersCauseIsLoggedWithinBounds has one worker come again and again with long names,
// and a client drain it.
func TestWhatPeersCauseIsLoggedWithinBounds(t *testing.T) {
	b, l := logging(t)
	w, m := b.named(t, "w"), b.manage(t)
	names := append(namesOfNobody(5000), "w")
	began := time.Now()
	for n := range 200 {
		w.ready(strings.Repeat("s", 200) + fmt.Sprint(n))
		must(m.Drain(patient(t), &mitterev1.DrainRequest{Workers: names}))(t)
	}
	l.await(t, "workers are drained", "and 4995 more", "by=0/")
	l.await(t, "a worker is registered", "worker=w", "peer=0/77")
	seconds := int(time.Since(began).Seconds()) + 2
	for _, what := range []string{"a worker is registered", "workers are drained", "a worker left"} {
		if got := l.lines(what); len(got) > 20*seconds {
			t.Errorf("%d lines of %q in %d seconds", len(got), what, seconds)
		}
	}
	for _, line := range l.lines("") {
		if len(line) > 2000 {
			t.Errorf("a line of %d bytes: %.200s", len(line), line)
		}
	}
}

func TestBrokerThatIsMadeTheWrongWayIsAnError(t *testing.T) {
	if _, err := broker.New(nil, tcp); err == nil || !strings.Contains(err.Error(), "context") {
		t.Errorf("without a context: %v", err)
	}
	zmq := must(comm.NewContext())(t)
	defer zmq.Close()
	for _, endpoints := range []string{"", "  ", "nonsense", tcp + ","} {
		if _, err := broker.New(zmq, endpoints); err == nil || !strings.Contains(err.Error(), "INVALID_ARGUMENT") {
			t.Errorf("at %q: %v", endpoints, err)
		}
	}
}
