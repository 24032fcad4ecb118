package reactor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// byText keeps notes with the same text in order.
func byText(d *messaging.Delivery) string {
	n, err := messaging.Open[*testv1.Note](&d.Envelope)
	if err != nil {
		return ""
	}
	return n.GetText()
}

// keyed returns a note with a key.
func keyed(key string, number int) *testv1.Note {
	return &testv1.Note{Text: key, Number: int64(number)}
}

func TestPoolRunsUpToNHandlersAtOnceAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 5
		var inside atomic.Int32
		proceed := make(chan struct{})
		h := reactor.NewHandlers()
		reactor.Observe(h, func(context.Context, *testv1.Note) error {
			inside.Add(1)
			<-proceed
			inside.Add(-1)
			return nil
		})
		pull := newFeed(100)
		for i := range 20 {
			pull.give(t, note(i))
		}
		r := serve(t, h, sockets(pull), reactor.WithPool(n, nil))
		for range 3 {
			synctest.Wait() // everyone is inside who gets in
			if got := inside.Load(); got != n {
				t.Errorf("%d handlers run at once, want %d", got, n)
			}
			proceed <- struct{}{}
		}
		close(proceed)
		synctest.Wait()
		ok(t, r.stop())
		wantStats(t, r, reactor.Stats{Handled: 20})
	})
}

// keyOrder checks the order and the loneliness of each key.
type keyOrder struct {
	t      *testing.T
	inside sync.Map // key: *atomic.Int32
	last   sync.Map // key: *int64, which nothing guards but the order
}

func (k *keyOrder) handle(_ context.Context, n *testv1.Note) error {
	inside, _ := k.inside.LoadOrStore(n.GetText(), &atomic.Int32{})
	if others := inside.(*atomic.Int32).Add(1) - 1; others != 0 {
		k.t.Errorf("%d others of key %s are inside", others, n.GetText())
	}
	defer inside.(*atomic.Int32).Add(-1)
	last, _ := k.last.LoadOrStore(n.GetText(), new(int64))
	if *last.(*int64) != n.GetNumber() {
		k.t.Errorf("key %s has number %d, want %d", n.GetText(), n.GetNumber(), *last.(*int64))
	}
	*last.(*int64)++
	return nil
}

func TestPoolKeepsTheOrderOfEachKey(t *testing.T) {
	const keys, messages = 20, 100
	zmq := newContext(t)
	order := &keyOrder{t: t}
	h := reactor.NewHandlers()
	reactor.Observe(h, order.handle)
	var list []reactor.Socket
	var pushes []peer
	for range 3 {
		s, p := pullAndPush(t, zmq, inprocEndpoint(t))
		list, pushes = append(list, s), append(pushes, p)
	}
	r := serve(t, h, list, reactor.WithPool(4, byText))
	var wg sync.WaitGroup
	for i, p := range pushes {
		wg.Go(func() {
			var next [keys]int
			for range keys * messages {
				key := rand.IntN(keys)
				check(t, p.send(t.Context(), keyed(fmt.Sprintf("%d of socket %d", key, i), next[key])))
				next[key]++
			}
		})
	}
	wg.Wait()
	total := uint64(len(pushes) * keys * messages)
	eventually(t, "all are handled", func() bool { return r.Stats().Handled == total })
}

func TestRepliesOfAKeyComeInOrder(t *testing.T) {
	const messages = 1000
	zmq := newContext(t)
	h := reactor.NewHandlers()
	reactor.Handle(h, func(_ context.Context, n *testv1.Note) (*testv1.Note, error) { return n, nil })
	s, p := responseAndDealer(t, zmq, inprocEndpoint(t))
	serve(t, h, sockets(s), reactor.WithPool(4, byText))
	go func() {
		for i := range messages {
			check(t, p.send(context.Background(), keyed(fmt.Sprint("key ", i%7), i/7)))
		}
	}()
	next := map[string]int64{}
	for range messages {
		reply := must(p.next(patient(t)))(t).(*testv1.Note)
		if reply.GetNumber() != next[reply.GetText()] {
			t.Fatalf("%s has number %d, want %d", reply.GetText(), reply.GetNumber(), next[reply.GetText()])
		}
		next[reply.GetText()]++
	}
}

// TestMessagesWithoutKeyOvertakeEachOther has a first message that ends only
// when the second has ended.
func TestMessagesWithoutKeyOvertakeEachOther(t *testing.T) {
	for name, key := range map[string]func(*messaging.Delivery) string{
		"no key function":        nil,
		"key function with \"\"": func(*messaging.Delivery) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			second := make(chan struct{})
			h := reactor.NewHandlers()
			reactor.Observe(h, func(_ context.Context, n *testv1.Note) error {
				if n.GetNumber() == 2 {
					close(second)
				}
				<-second
				return nil
			})
			pull := newFeed(2)
			pull.give(t, note(1))
			pull.give(t, note(2))
			r := serve(t, h, sockets(pull), reactor.WithPool(2, key))
			<-second
			ok(t, r.stop())
			wantStats(t, r, reactor.Stats{Handled: 2})
		})
	}
}

// TestSlowKeyMakesNoMemoryGrow counts what a reactor takes off its socket while
// a handler hangs.
func TestSlowKeyMakesNoMemoryGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		h := reactor.NewHandlers()
		handled := 0
		reactor.Observe(h, func(context.Context, *testv1.Note) error {
			<-proceed
			handled++
			return nil
		})
		pull := newFeed(1000)
		for i := range 1000 {
			pull.give(t, keyed("slow", i))
		}
		r := serve(t, h, sockets(pull), reactor.WithPool(3, byText))
		synctest.Wait()
		// One runs, and the queue of all three is full.
		if taken := 1000 - len(pull.in); taken != 3*reactor.DefaultQueue+1 {
			t.Errorf("%d messages were taken off the socket, want %d", taken, 3*reactor.DefaultQueue+1)
		}
		close(proceed)
		synctest.Wait()
		ok(t, r.stop())
		wantStats(t, r, reactor.Stats{Handled: 1000})
	})
}

func TestSlowKeyHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		var handled atomic.Int32
		h := reactor.NewHandlers()
		reactor.Observe(h, func(_ context.Context, n *testv1.Note) error {
			if n.GetText() == "slow" {
				<-proceed
			}
			handled.Add(1)
			return nil
		})
		pull := newFeed(1000)
		pull.give(t, keyed("slow", 0))
		for i := range 500 {
			pull.give(t, keyed("", i)) // no key: any free goroutine
		}
		r := serve(t, h, sockets(pull), reactor.WithPool(2, byText))
		synctest.Wait()
		if got := handled.Load(); got != 500 {
			t.Errorf("%d messages were handled beside the slow one, want 500", got)
		}
		close(proceed)
		ok(t, r.stop())
	})
}

func TestPanickingKeyFunctionIsCountedLoggedAndTheMessageHandled(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, tcp))(t)
	r := serve(t, echoing(), sockets(rep), reactor.WithPool(2, func(*messaging.Delivery) string { panic(secret) }))
	req := newRequest(t, zmq, rep)
	wantEcho(t, req, "one")
	wantEcho(t, req, "two")
	ok(t, r.stop())
	wantStats(t, r, reactor.Stats{Handled: 2, Panicked: 2})
	if line := r.log.all("key function panicked")[0]; line["panic"] != secret || line["stack"] == "" {
		t.Errorf("the log says %v", line)
	}
}

func TestKeyFunctionIsNotAskedAboutWhatHasNoHandler(t *testing.T) {
	zmq := newContext(t)
	rep := must(messaging.NewRep(zmq, tcp))(t)
	serve(t, echoing(), sockets(rep), reactor.WithPool(2, func(d *messaging.Delivery) string {
		if d.Type != "mittere.test.v1.EchoRequest" {
			t.Errorf("asked about a %s", d.Type)
		}
		return "key"
	}))
	req := newRequest(t, zmq, rep)
	_, err := req.Do(patient(t), note(1))
	wantCode(t, err, messaging.Unimplemented)
	wantEcho(t, req, "good")
}
