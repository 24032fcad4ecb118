package messaging_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

func TestPublishedMessagesTellPublisherNumberAndTime(t *testing.T) {
	zmq := newContext(t)
	pub := must(messaging.NewPublisher(zmq, inprocEndpoint(t)))(t)
	sub := must(messaging.NewSubscriber(zmq, of(pub)))(t)
	subscribed(t, pub, 1)
	before := time.Now()
	send(t, pub.Send(patient(t), note(1), messaging.Metadata(map[string]string{"key": "value"})))
	d := must(sub.Recv(patient(t)))(t)
	meta := d.Meta
	if meta.Publisher != pub.ID() || meta.Publisher == (messaging.PublisherID{}) || meta.Sequence != 1 || meta.Metadata["key"] != "value" {
		t.Errorf("meta is %+v, the publisher % x", meta, pub.ID())
	}
	if meta.SentAt.Before(before.Truncate(0).Add(-time.Microsecond)) || meta.SentAt.After(time.Now().Add(time.Microsecond)) {
		t.Errorf("sent at %v, published after %v", meta.SentAt, before)
	}
}

func TestPublisherWithoutMetaWritesDividereFrames(t *testing.T) {
	zmq := newContext(t)
	pub := must(messaging.NewPublisher(zmq, inprocEndpoint(t), messaging.WithoutMeta()))(t)
	sub := must(messaging.NewSubscriber(zmq, of(pub)))(t)
	subscribed(t, pub, 1)
	for range 2 {
		send(t, pub.Send(patient(t), &testv1.Note{Text: "hi", Number: 7}))
		d := must(sub.Recv(patient(t)))(t)
		want := frameOf(t, "note")
		if string(d.Frame()) != string(want) || d.Missed != 0 {
			t.Errorf("sent % x\nwant % x, nothing missed", d.Frame(), want)
		}
	}
	if pub.ID() != (messaging.PublisherID{}) {
		t.Errorf("the publisher is % x", pub.ID())
	}
	send(t, pub.Send(patient(t), note(1), messaging.Metadata(map[string]string{"key": "value"})))
	d := must(sub.Recv(patient(t)))(t)
	if d.Meta.Metadata["key"] != "value" || d.Meta.Sequence != 0 {
		t.Errorf("what the user attached arrives as %+v", d.Meta)
	}
}

// frameOf returns a golden frame.
func frameOf(t testing.TB, name string) []byte {
	t.Helper()
	for _, v := range readVectors(t).Envelopes {
		if v.Name == name {
			return v.Hex
		}
	}
	t.Fatalf("no golden frame %q", name)
	return nil
}

func TestNumbersCountForEachTypeAndSubject(t *testing.T) {
	f := newFeed(t, inprocEndpoint(t), messaging.WithTopics(messaging.Everything()))
	got := f.received(func() {
		for round := range 3 {
			send(t, f.pub.Send(patient(t), note(round)))
			send(t, f.pub.Send(patient(t), note(round), messaging.Subject("a")))
			send(t, f.pub.Send(patient(t), note(round), messaging.Subject("a", "")))
			send(t, f.pub.Send(patient(t), messagetest.Tree(0)))
		}
	})
	for i, d := range got {
		if want := uint64(i/4 + 1); d.Meta.Sequence != want || d.Missed != 0 {
			t.Errorf("%s%q has number %d, %d missed, want %d", d.Type, d.Subject, d.Meta.Sequence, d.Missed, want)
		}
	}
}

// lossySize makes a message so large that what the system buffers is soon full.
const lossySize = 8 << 10

func TestRealLossIsCountedExactly(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		one := messaging.WithSocket(comm.WithHighWaterMark(1), comm.WithLinger(0))
		pub := must(messaging.NewPublisher(zmq, at(), one))(t)
		sub := must(messaging.NewSubscriber(zmq, of(pub), one))(t)
		if err := pub.WaitForSubscribers(patient(t), 1, (*testv1.Blob)(nil)); err != nil {
			t.Fatal(err)
		}
		inBackground(t, func(ctx context.Context) { flood(ctx, pub) })
		countLoss(t, sub)
	})
}

// flood publishes without regard for who can follow, until ctx ends.
func flood(ctx context.Context, pub *messaging.Publisher) {
	m := &testv1.Blob{Data: make([]byte, lossySize)}
	for pub.Send(ctx, m) == nil {
	}
}

// countLoss receives until much was lost and checks that each message is either
// there or missed.
func countLoss(t *testing.T, sub *messaging.Subscriber) {
	t.Helper()
	var received, missed uint64
	for missed == 0 || received < 300 {
		d := must(sub.Recv(patient(t)))(t)
		received++
		missed += d.Missed
		if received+missed != d.Meta.Sequence {
			t.Fatalf("%d received and %d missed up to number %d", received, missed, d.Meta.Sequence)
		}
		d.Release()
	}
	if stats := sub.Stats(); stats.Missed != missed {
		t.Errorf("the socket counts %d missed, want %d", stats.Missed, missed)
	}
}

func TestFiltersAreNoGaps(t *testing.T) {
	f := newFeed(t, inprocEndpoint(t), messaging.WithTopics(
		messaging.OfSubtree((*testv1.Note)(nil), "a"), messaging.OfSubject((*testv1.Note)(nil), "b")))
	got := f.received(func() {
		for i := range 40 {
			for _, subject := range [][]string{nil, {"a"}, {"a", "x"}, {"b"}, {"b", "x"}, {"c"}} {
				send(t, f.pub.Send(patient(t), note(i), messaging.Subject(subject...)))
			}
		}
	})
	wantNothingMissed(t, got, 40*3)
}

// wantNothingMissed checks that all is there.
func wantNothingMissed(t testing.TB, got []*messaging.Delivery, want int) {
	t.Helper()
	if len(got) != want {
		t.Errorf("%d messages, want %d", len(got), want)
	}
	for _, d := range got {
		if d.Missed != 0 {
			t.Errorf("%d missed before number %d of %q", d.Missed, d.Meta.Sequence, d.Subject)
		}
	}
}

func TestWhatWasNotSubscribedToIsNoGap(t *testing.T) {
	f := newFeed(t, inprocEndpoint(t))
	notes, rooms := messaging.OfType((*testv1.Note)(nil)), messaging.OfSubject((*testv1.Note)(nil), "room")
	publish := func() {
		for i := range 5 {
			send(t, f.pub.Send(patient(t), note(i), messaging.Subject("room")))
		}
	}
	for _, step := range []struct {
		do    func(...messaging.Topic) error
		topic messaging.Topic
		want  int
	}{
		{f.sub.Subscribe, notes, 5},
		{f.sub.Unsubscribe, notes, 0},
		{f.sub.Subscribe, rooms, 5},
		{f.sub.Subscribe, notes, 5},
		{f.sub.Unsubscribe, rooms, 5},
		{f.sub.Unsubscribe, notes, 0},
		{f.sub.Subscribe, messaging.Everything(), 5},
	} {
		if err := step.do(step.topic); err != nil {
			t.Fatal(err)
		}
		f.settled()
		wantNothingMissed(t, f.received(publish), step.want)
	}
}

func TestLossIsSeenAlsoWhenAFurtherTopicSelectsTheSame(t *testing.T) {
	zmq, pub := newContext(t), messaging.PublisherID{1}
	raw := must(comm.NewPublisher(zmq, inprocEndpoint(t)))(t)
	sub := must(messaging.NewSubscriber(zmq, of(raw)))(t)
	awaitRaw(t, raw)
	numbered(t, raw, pub, "", 1, false)
	wantMissed(t, sub, 1, 0)
	if err := sub.Subscribe(messaging.OfType((*testv1.Note)(nil))); err != nil {
		t.Fatal(err)
	}
	numbered(t, raw, pub, "", 4, false)
	wantMissed(t, sub, 4, 2)
}

// awaitRaw waits until somebody has subscribed to everything.
func awaitRaw(t *testing.T, raw *comm.Publisher) {
	t.Helper()
	if err := raw.WaitForSubscribers(patient(t), 1, nil); err != nil {
		t.Fatal(err)
	}
}

// numbered publishes a note with a number of our own.
func numbered(t *testing.T, raw *comm.Publisher, pub messaging.PublisherID, subject string, number uint64, retained bool) {
	t.Helper()
	e := must(messaging.Pack(note(int(number)), messaging.Subject(subject)))(t)
	e.Meta = messaging.Meta{Publisher: pub, Sequence: number, Retained: retained}
	send(t, raw.Send(patient(t), comm.NewMessage(e.Append(nil))))
}

// wantMissed checks the next delivery.
func wantMissed(t *testing.T, sub *messaging.Subscriber, number, missed uint64) {
	t.Helper()
	d := must(sub.Recv(patient(t)))(t)
	defer d.Release()
	if d.Meta.Sequence != number || d.Missed != missed {
		t.Fatalf("number %d with %d missed, want %d with %d", d.Meta.Sequence, d.Missed, number, missed)
	}
}

func TestRestartOfAPublisherIsNoGap(t *testing.T) {
	endpoint := ipcEndpoint(t)
	sub := must(messaging.NewSubscriber(newContext(t), endpoint))(t)
	for range 3 {
		// In a context of its own, as in a process of its own: when that has ended,
		// so has everything that held the endpoint.
		zmq := must(comm.NewContext())(t)
		pub := must(messaging.NewPublisher(zmq, endpoint))(t)
		subscribed(t, pub, 1)
		for i := range 5 {
			send(t, pub.Send(patient(t), note(i)))
			wantMissed(t, sub, uint64(i+1), 0)
		}
		if err := zmq.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if missed := sub.Stats().Missed; missed != 0 {
		t.Errorf("%d missed", missed)
	}
}

func TestNumbersOfEachPublisherAreApart(t *testing.T) {
	zmq := newContext(t)
	one := must(messaging.NewPublisher(zmq, inprocEndpoint(t)))(t)
	two := must(messaging.NewPublisher(zmq, inprocEndpoint(t)))(t)
	if one.ID() == two.ID() {
		t.Fatalf("both publishers are % x", one.ID())
	}
	sub := must(messaging.NewSubscriber(zmq, of(one)+","+of(two)))(t)
	subscribed(t, one, 1)
	subscribed(t, two, 1)
	for range 5 {
		send(t, one.Send(patient(t), note(1)))
	}
	for range 50 {
		send(t, two.Send(patient(t), note(2)))
	}
	next := map[messaging.PublisherID]uint64{}
	for range 55 {
		d := must(sub.Recv(patient(t)))(t)
		next[d.Meta.Publisher]++
		if d.Missed != 0 || d.Meta.Sequence != next[d.Meta.Publisher] {
			t.Fatalf("number %d of % x with %d missed", d.Meta.Sequence, d.Meta.Publisher, d.Missed)
		}
	}
}

func TestNumbersAreComparedAsTheWireSays(t *testing.T) {
	type arrival struct {
		number   uint64
		retained bool
		missed   uint64
		dropped  bool
	}
	for name, arrivals := range map[string][]arrival{
		"in order":                              {{number: 1}, {number: 2}, {number: 3}},
		"a late joiner sees no gap":             {{number: 40}, {number: 41}},
		"lost messages":                         {{number: 1}, {number: 5, missed: 3}, {number: 7, missed: 1}},
		"a publisher that started again":        {{number: 7}, {number: 1}, {number: 2}, {number: 4, missed: 1}},
		"no number":                             {{number: 5}, {number: 0}, {number: 0}, {number: 6}},
		"a retained value for a late joiner":    {{number: 41, retained: true}, {number: 42}},
		"a retained value that is there":        {{number: 41}, {number: 41, retained: true, dropped: true}, {number: 42}},
		"a retained value twice":                {{number: 41, retained: true}, {number: 41, retained: true, dropped: true}, {number: 42}},
		"a retained value that is old":          {{number: 41}, {number: 40, retained: true, dropped: true}, {number: 42}},
		"a retained value that was lost":        {{number: 41}, {number: 44, retained: true, missed: 2}, {number: 45}},
		"a retained value with a gap behind it": {{number: 41, retained: true}, {number: 44, missed: 2}},
		"the largest number":                    {{number: 1}, {number: 1<<64 - 1, missed: 1<<64 - 3}},
	} {
		t.Run(name, func(t *testing.T) {
			zmq := newContext(t)
			raw := must(comm.NewPublisher(zmq, inprocEndpoint(t)))(t)
			sub := must(messaging.NewSubscriber(zmq, of(raw)))(t)
			awaitRaw(t, raw)
			var dropped uint64
			for _, a := range arrivals {
				numbered(t, raw, messaging.PublisherID{1}, "", a.number, a.retained)
				if a.dropped {
					dropped++
					continue
				}
				wantMissed(t, sub, a.number, a.missed)
			}
			if repeated := sub.Stats().Repeated; repeated != dropped {
				t.Errorf("%d dropped, want %d", repeated, dropped)
			}
		})
	}
}

// fill publishes until nothing more can be sent, and returns how many were sent
// and why not more.
func fill(t *testing.T, do func(i int) error) (sent int, err error) {
	t.Helper()
	for sent = range 1 << 20 {
		if err := do(sent); err != nil {
			return sent, err
		}
	}
	t.Fatal("nothing is ever full")
	return 0, nil
}

func TestNumberOfAMessageThatWasRefusedGoesToTheNext(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		few := messaging.WithSocket(comm.WithHighWaterMark(2), comm.WithLinger(0))
		pub := must(messaging.NewPublisher(zmq, at(), few, messaging.WithOverflow(comm.Fail)))(t)
		sub := must(messaging.NewSubscriber(zmq, of(pub), few))(t)
		if err := pub.WaitForSubscribers(patient(t), 1, (*testv1.Blob)(nil)); err != nil {
			t.Fatal(err)
		}
		large := &testv1.Blob{Data: make([]byte, lossySize)}
		sent, err := fill(t, func(int) error { return pub.Send(t.Context(), large) })
		wantCode(t, err, messaging.ResourceExhausted)
		if !messaging.IsFull(err) {
			t.Errorf("%v is not full", err)
		}
		for number := range sent {
			wantMissed(t, sub, uint64(number+1), 0)
		}
		send(t, pub.Send(patient(t), large))
		wantMissed(t, sub, uint64(sent+1), 0)
	})
}

func TestNumberOfASendThatEndedGoesToTheNext(t *testing.T) {
	zmq := newContext(t)
	few := messaging.WithSocket(comm.WithHighWaterMark(2))
	pub := must(messaging.NewPublisher(zmq, inprocEndpoint(t), few, messaging.WithOverflow(comm.Block)))(t)
	sub := must(messaging.NewSubscriber(zmq, of(pub), few))(t)
	subscribed(t, pub, 1)
	wantCode(t, pub.Send(ended(), note(0)), messaging.Cancelled)
	sent, err := fill(t, func(i int) error { return sendWithin(pub, note(i), 50*time.Millisecond) })
	wantCode(t, err, messaging.DeadlineExceeded)
	for number := range sent {
		wantMissed(t, sub, uint64(number+1), 0)
	}
	send(t, pub.Send(patient(t), note(sent)))
	wantMissed(t, sub, uint64(sent+1), 0)
}

func TestPublisherThatWaitsForRoomGoesOnWhenThereIs(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		zmq := newContext(t)
		few := messaging.WithSocket(comm.WithHighWaterMark(2))
		pub := must(messaging.NewPublisher(zmq, at(), few, messaging.WithOverflow(comm.Block)))(t)
		sub := must(messaging.NewSubscriber(zmq, of(pub), few))(t)
		subscribed(t, pub, 1)
		const count = 2000
		inBackground(t, func(ctx context.Context) {
			for i := range count {
				if err := pub.Send(ctx, note(i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
		for i := range count {
			wantMissed(t, sub, uint64(i+1), 0)
		}
	})
}

func TestGoroutinesThatPublishOnOneSocketMakeNoGaps(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		f := newFeed(t, at(), messaging.WithTopics(messaging.Everything()))
		const publishers, each = 8, 300
		got := f.received(func() {
			var publishing sync.WaitGroup
			for p := range publishers {
				publishing.Go(func() { publishInTurn(t, f.pub, p, each) })
			}
			publishing.Wait()
		})
		wantNothingMissed(t, got, publishers*each)
		last := map[string]uint64{}
		for _, d := range got {
			key := fmt.Sprint(d.Type, d.Subject)
			if last[key]++; d.Meta.Sequence != last[key] {
				t.Fatalf("number %d of %s, want %d", d.Meta.Sequence, key, last[key])
			}
		}
	})
}

// publishInTurn publishes notes with three subjects.
func publishInTurn(t *testing.T, pub *messaging.Publisher, p, each int) {
	for i := range each {
		if err := pub.Send(t.Context(), note(p*each+i), messaging.Subject(fmt.Sprint(i%3))); err != nil {
			t.Error(err)
			return
		}
	}
}

func TestTablesOfNumbersAreBoundedAndForgettingIsNoGap(t *testing.T) {
	f := newFeed(t, inprocEndpoint(t), messaging.WithTopics(messaging.Everything()))
	publish := func(subjects, rounds int) func() {
		return func() {
			for i := range subjects * rounds {
				send(t, f.pub.Send(t.Context(), note(i), messaging.Subject(fmt.Sprint(i%subjects))))
			}
		}
	}
	last := func(got []*messaging.Delivery) uint64 { return got[len(got)-1].Meta.Sequence }

	few := messaging.SequenceKeys / 2
	got := f.received(publish(few, 3))
	wantNothingMissed(t, got, 3*few)
	if last(got) != 3 {
		t.Errorf("the last number is %d: a table forgot what it had room for", last(got))
	}

	many := 3 * messaging.SequenceKeys
	got = f.received(publish(many, 2))
	wantNothingMissed(t, got, 2*many)
	if last(got) != 1 {
		t.Errorf("the last number is %d: a table remembers without bound", last(got))
	}
}

func TestSubscriberThatForgotTakesAnyNumberAsTheFirst(t *testing.T) {
	zmq, pub := newContext(t), messaging.PublisherID{1}
	raw := must(comm.NewPublisher(zmq, inprocEndpoint(t), comm.WithOverflow(comm.Block)))(t)
	sub := must(messaging.NewSubscriber(zmq, of(raw)))(t)
	awaitRaw(t, raw)
	numbered(t, raw, pub, "first", 1, false)
	wantMissed(t, sub, 1, 0)
	numbered(t, raw, pub, "first", 10, false)
	wantMissed(t, sub, 10, 8)
	for i := range 2 * messaging.SequenceKeys {
		numbered(t, raw, pub, fmt.Sprint(i), 1, false)
		wantMissed(t, sub, 1, 0)
	}
	numbered(t, raw, pub, "first", 100, false)
	wantMissed(t, sub, 100, 0)
}

func TestWhatIsUsedIsNotForgotten(t *testing.T) {
	f := newFeed(t, inprocEndpoint(t), messaging.WithTopics(messaging.Everything()))
	rounds, each := 6, messaging.SequenceKeys/2
	got := f.received(func() {
		for round := range rounds {
			send(t, f.pub.Send(t.Context(), note(round), messaging.Subject("often")))
			for i := range each {
				send(t, f.pub.Send(t.Context(), note(i), messaging.Subject(fmt.Sprint(round), fmt.Sprint(i))))
			}
		}
	})
	wantNothingMissed(t, got, rounds*(each+1))
	if d := got[(rounds-1)*(each+1)]; d.Meta.Sequence != uint64(rounds) {
		t.Errorf("number %d of %q, want %d", d.Meta.Sequence, d.Subject, rounds)
	}
}

func TestLongKeysHaveNoNumbers(t *testing.T) {
	f := newFeed(t, inprocEndpoint(t), messaging.WithTopics(messaging.Everything()))
	name := len("\x0a\x14mittere.test.v1.Note\x22\x80\x07") // what stands in front of a long segment
	longest := messaging.LongestKey - len(messaging.PublisherID{}) - name
	for length, want := range map[int][]uint64{
		longest - 1: {1, 2}, longest: {1, 2}, longest + 1: {0, 0}, 10 * longest: {0, 0},
	} {
		got := f.received(func() {
			for i := range 2 {
				send(t, f.pub.Send(t.Context(), note(i), messaging.Subject(strings.Repeat("x", length))))
			}
		})
		wantNothingMissed(t, got, 2)
		if numbers := [2]uint64{got[0].Meta.Sequence, got[1].Meta.Sequence}; numbers != [2]uint64(want) {
			t.Errorf("a segment of %d bytes: numbers %v, want %v", length, numbers, want)
		}
	}
}

func TestNumbersUnderForeignLongKeysAreNotCompared(t *testing.T) {
	zmq, pub := newContext(t), messaging.PublisherID{1}
	raw := must(comm.NewPublisher(zmq, inprocEndpoint(t)))(t)
	sub := must(messaging.NewSubscriber(zmq, of(raw)))(t)
	awaitRaw(t, raw)
	for _, number := range []uint64{1, 100, 3} {
		numbered(t, raw, pub, strings.Repeat("x", messaging.LongestKey), number, false)
		wantMissed(t, sub, number, 0)
	}
}
