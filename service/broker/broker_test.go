package broker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

func TestRequestGoesToAWorkerAndItsAnswerComesBack(t *testing.T) {
	b := serve(t)
	client, worker := b.dial(t), b.dial(t)
	client.say("", "MDPC01", "echo", "one", "two") // before there is a worker
	worker.ready("echo")
	request := worker.want()
	if len(request) != 7 || !slices.Equal(request[:3], []string{"", "MDPW01", "\x02"}) || !slices.Equal(request[4:], []string{"", "one", "two"}) {
		t.Fatalf("the worker got %q", request)
	}
	worker.say("", "MDPW01", "\x03", request[3], "", "three")
	if got, want := client.want(), []string{"", "MDPC01", "echo", "three"}; !slices.Equal(got, want) {
		t.Errorf("the client got %q, want %q", got, want)
	}
	worker.say("", "MDPW01", "\x03", request[3], "", "again")
	eventually(t, "a second answer is counted and dropped", func() bool { return b.Stats().Counters.Duplicates == 1 })
	if s := b.Stats(); s.Load.Calls != 0 || s.Counters.Answered != 1 || b.peers() != 2 {
		t.Errorf("stats are %+v", s)
	}
	if views := b.Services(); len(views) != 2 || views[0].Name != "echo" || views[0].Workers != 1 || views[1].Name != broker.ServiceName || len(b.workers()) != 1 {
		t.Errorf("services are %+v", views)
	}
}

func TestRequestOfAWorkerThatDiesGoesToAnother(t *testing.T) {
	for name, die := range map[string]func(*peer){
		"in silence":          func(*peer) {},
		"with its connection": func(p *peer) { _ = p.Close() },
		"with a disconnect":   func(p *peer) { p.say("", "MDPW01", "\x05") },
		"with a new ready":    func(p *peer) { p.say("", "MDPW01", "\x01", "other") },
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t)
			client, first := b.dial(t), b.dial(t)
			first.ready("echo")
			client.say("", "MDPC01", "echo", "x")
			first.want()
			die(first)
			second := b.dial(t)
			ctx, cancel := context.WithCancel(patient(t))
			var working sync.WaitGroup
			working.Go(func() { second.work(ctx, "echo", func(body string) string { return "second " + body }) })
			if got := client.want(); !slices.Equal(got, []string{"", "MDPC01", "echo", "second x"}) {
				t.Errorf("the client got %q", got)
			}
			cancel()
			working.Wait()
		})
	}
}

func TestGarbageHarmsNobodyElse(t *testing.T) {
	b := serve(t)
	worker, client := b.dial(t), b.dial(t)
	ctx, cancel := context.WithCancel(patient(t))
	var working sync.WaitGroup
	working.Go(func() { worker.work(ctx, "echo", func(body string) string { return body }) })
	garbage := [][]string{
		{""}, {"", ""}, {"x"}, {"", "MDPC01"}, {"", "MDPC01", ""}, {"", "MDPW01"}, {"", "MDPW01", "\x01"}, {"", "MDPW01", "\x01", "mmi.x"},
		{"", "MDPW01", "\x09"}, {"", "MDPW01", "\x03"}, {"", "MDPW01", "\x03", "a"}, {"", "MDPW01", "\x03", "nobody", "", "x"},
		{"MDPC02"}, {"MDPC02", "\x01"}, {"MDPW02", "\x04", "x"}, {"MDPW02", "\x07"}, {"", "MDPC03", "echo", "x"}, {"\x08\x01\x12"},
	}
	for _, frames := range garbage {
		b.dial(t).say(frames...)
		client.say("", "MDPC01", "echo", "good")
		if got := client.want(); !slices.Equal(got, []string{"", "MDPC01", "echo", "good"}) {
			t.Fatalf("after %q the client got %q", frames, got)
		}
	}
	eventually(t, "what breaks a protocol is counted", func() bool { return b.Stats().Violations > 5 })
	cancel()
	working.Wait()
}

func TestBrokerThatStopsFinishesWhatItHas(t *testing.T) {
	b := serve(t)
	client, worker := b.dial(t), b.dial(t)
	worker.ready("echo")
	client.say("", "MDPC01", "echo", "x")
	request := worker.want()
	b.cancel()
	late := b.dial(t)
	eventually(t, "a request that comes now is refused", func() bool {
		late.say("", "MDPC01", "echo", "late")
		return b.Stats().Counters.Refused > 0
	})
	worker.say("", "MDPW01", "\x03", request[3], "", "done")
	if got := client.want(); !slices.Equal(got, []string{"", "MDPC01", "echo", "done"}) {
		t.Errorf("the client got %q", got)
	}
	ok(t, b.stop())
	if got := worker.want(); !slices.Equal(got, []string{"", "MDPW01", "\x05"}) {
		t.Errorf("the worker got %q", got)
	}
}

func TestBrokerThatStopsWaitsNoLongerThanItMay(t *testing.T) {
	b := serve(t, broker.WithDrainTimeout(50*time.Millisecond))
	client := b.dial(t)
	client.say("", "MDPC01", "nobody", "x")
	eventually(t, "the request waits", func() bool { return b.Stats().Load.Calls == 1 })
	ok(t, b.stop())
}

func TestClientThatReadsNothingHoldsUpNobody(t *testing.T) {
	b := serve(t, broker.WithSocket(comm.WithHighWaterMark(10)))
	worker, client := b.dial(t), b.dial(t)
	lazy := &peer{t, must(comm.NewDealer(b.zmq, b.Endpoints()[0], comm.WithLinger(0), comm.WithHighWaterMark(10)))(t)}
	ctx, cancel := context.WithCancel(patient(t))
	var working sync.WaitGroup
	large := string(make([]byte, 100_000))
	working.Go(func() { worker.work(ctx, "echo", func(string) string { return large }) })
	for range 500 {
		lazy.say("", "MDPC01", "echo", "x")
	}
	client.say("", "MDPC01", "echo", "x")
	if got := client.want(); len(got) != 4 || len(got[3]) != len(large) {
		t.Errorf("the client got %d frames", len(got))
	}
	for i := range 500 {
		if got := lazy.want(); len(got) != 4 || len(got[3]) != len(large) {
			t.Fatalf("answer %d has %d frames", i, len(got))
		}
	}
	cancel()
	working.Wait()
}

func TestWrongOptionsAreReportedAllAtOnce(t *testing.T) {
	zmq := must(comm.NewContext())(t)
	defer zmq.Close()
	_, err := broker.New(zmq, tcp, broker.WithHeartbeat(0, 0), broker.WithDrainTimeout(-1), broker.WithLogger(nil), broker.WithoutRepeat(""), broker.WithLimits(desk.Limits{Queue: -1}))
	if messaging.CodeOf(err) != messaging.InvalidArgument {
		t.Fatalf("got %v", err)
	}
	for _, word := range []string{"heartbeat", "liveness", "drain", "logger", "no repeat", "Queue"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not name %s", err, word)
		}
	}
}

// TestStressOfWorkersThatComeAndGo has clients ask without an end while workers
// leave with requests: each request is answered, and with its own answer.
func TestStressOfWorkersThatComeAndGo(t *testing.T) {
	// Workers leave together, so that one request may meet many of them.
	b := serve(t, broker.WithLimits(desk.Limits{Deliveries: 1000}))
	stop, cancel := context.WithTimeout(context.Background(), faulttest.Length(t))
	defer cancel()
	var all sync.WaitGroup
	var answered, left atomic.Int64
	for range 6 {
		all.Go(func() {
			for stop.Err() == nil {
				w := b.dial(t)
				working, leave := context.WithTimeout(stop, 100*time.Millisecond)
				w.work(working, "echo", func(body string) string { return "answer to " + body })
				leave()
				left.Add(1)
				_ = w.Close()
			}
		})
	}
	steady, done := context.WithCancel(context.Background())
	var last sync.WaitGroup
	last.Go(func() { b.dial(t).work(steady, "echo", func(body string) string { return "answer to " + body }) })
	for client := range 32 {
		all.Go(func() {
			c := b.dial(t)
			for i := 0; stop.Err() == nil; i++ {
				body := fmt.Sprintf("%d/%d", client, i)
				c.say("", "MDPC01", "echo", body)
				got, err := c.hear(patient(t))
				if err != nil || len(got) != 4 || got[3] != "answer to "+body {
					t.Errorf("request %s: %q, %v", body, got, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	all.Wait()
	done()
	last.Wait()
	t.Logf("%d requests answered while workers left %d times: %+v", answered.Load(), left.Load(), b.Stats().Counters)
}
