package messaging_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

func TestTopicOfImpossibleSubjectIsRefused(t *testing.T) {
	zmq := newContext(t)
	impossible := messaging.OfSubtree((*testv1.Note)(nil), "\xff")
	_, err := messaging.NewSubscriber(zmq, "", messaging.WithTopics(impossible))
	wantCode(t, err, messaging.InvalidArgument)
}

// feed is a publisher with one subscriber, whose topics a test changes.
type feed struct {
	testing.TB
	pub    *messaging.Publisher
	sub    *messaging.Subscriber
	marker proto.Message // selected all along; ends what is received
	steps  int
}

// newFeed returns a feed over a socket.
func newFeed(t testing.TB, endpoint string, options ...messaging.SubscriberOption) *feed {
	t.Helper()
	zmq := newContext(t)
	pub := must(messaging.NewPublisher(zmq, endpoint, messaging.WithOverflow(comm.Block)))(t)
	f := &feed{TB: t, pub: pub, marker: &testv1.Blob{}}
	topics := messaging.WithTopics(messaging.OfType(f.marker))
	f.sub = must(messaging.NewSubscriber(zmq, of(pub), append(options, topics)...))(t)
	return f
}

// received returns the deliveries up to a marker, which is published behind what
// publish sends, while this receives.
func (f *feed) received(publish func()) (deliveries []*messaging.Delivery) {
	f.Helper()
	if err := f.pub.WaitForSubscribers(patient(f), 1, f.marker); err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(patient(f))
	var publishing sync.WaitGroup
	publishing.Go(func() {
		failed := true
		defer func() {
			if failed { // then no marker comes
				cancel()
			}
		}()
		publish()
		send(f, f.pub.Send(ctx, f.marker))
		failed = false
	})
	defer publishing.Wait()
	defer cancel()
	return f.untilMarker(ctx)
}

// untilMarker returns the deliveries up to a marker.
func (f *feed) untilMarker(ctx context.Context) (deliveries []*messaging.Delivery) {
	f.Helper()
	for d, err := range f.sub.Deliveries(ctx) {
		if err != nil {
			f.Fatal(err)
		}
		if d.Type == "mittere.test.v1.Blob" {
			return deliveries
		}
		deliveries = append(deliveries, d)
	}
	f.Fatal("the marker did not arrive")
	return nil
}

// names returns the short names and subjects of deliveries.
func names(deliveries []*messaging.Delivery) string {
	var list []string
	for _, d := range deliveries {
		name := d.Type[strings.LastIndexByte(d.Type, '.')+1:]
		if len(d.Subject) > 0 {
			name += fmt.Sprintf("%q", d.Subject)
		}
		list = append(list, name)
	}
	return strings.Join(list, " ")
}

func TestSubscriptionsByTypeWorkForNamesOfAllLengths(t *testing.T) {
	var all []string
	for length := 1; length <= 20; length++ { // 8 is what dīvidere gets right; each is a prefix of the next
		all = append(all, strings.Repeat("M", length))
	}
	all = append(all, strings.Repeat("M", 127), strings.Repeat("M", 128), "pkg.M", "pkg.sub.MM")
	d := messagetest.Declare(t, all...)
	for _, wanted := range all {
		f := newFeed(t, inprocEndpoint(t), messaging.WithTopics(messaging.OfType(d.Message(t, wanted, 0))))
		got := f.received(func() {
			for _, name := range all {
				send(t, f.pub.Send(patient(t), d.Message(t, name, 1)))
			}
		})
		if len(got) != 1 || got[0].Type != wanted {
			t.Errorf("subscribed to %s: %s", wanted, names(got))
		}
	}
}

// published is what the tests of subjects publish: Note, with these subjects, and
// one message of another type.
var published = [][]string{nil, {""}, {"", ""}, {"room"}, {"room", ""}, {"room", "7"}, {"room", "70"}, {"room", "7", "door"}, {"rooms"}, {"7"}}

func TestSubscriptionsBySubjectSelectExactly(t *testing.T) {
	m := (*testv1.Note)(nil)
	for _, c := range []struct {
		topic messaging.Topic
		want  string
	}{
		{messaging.OfSubject(m), `Note`},
		{messaging.OfSubject(m, ""), `Note[""]`},
		{messaging.OfSubject(m, "room"), `Note["room"]`},
		{messaging.OfSubject(m, "room", "7"), `Note["room" "7"]`},
		{messaging.OfSubject(m, "nowhere"), ``},
		{messaging.OfSubtree(m), `Note Note[""] Note["" ""] Note["room"] Note["room" ""] Note["room" "7"] Note["room" "70"] Note["room" "7" "door"] Note["rooms"] Note["7"]`},
		{messaging.OfSubtree(m, ""), `Note[""] Note["" ""]`},
		{messaging.OfSubtree(m, "room"), `Note["room"] Note["room" ""] Note["room" "7"] Note["room" "70"] Note["room" "7" "door"]`},
		{messaging.OfSubtree(m, "room", "7"), `Note["room" "7"] Note["room" "7" "door"]`},
		{messaging.OfType((*testv1.Tree_Leaf)(nil)), `Leaf`},
		{messaging.OfType((*testv1.Tree)(nil)), ``},
	} {
		t.Run(c.topic.String(), func(t *testing.T) {
			f := newFeed(t, inprocEndpoint(t), messaging.WithTopics(c.topic))
			if got := names(f.received(func() { publishSubjects(t, f.pub) })); got != c.want {
				t.Errorf("received %s", got)
			}
		})
	}
}

func publishSubjects(t *testing.T, pub *messaging.Publisher) {
	t.Helper()
	for i, subject := range published {
		send(t, pub.Send(patient(t), note(i), messaging.Subject(subject...)))
	}
	send(t, pub.Send(patient(t), &testv1.Tree_Leaf{Text: "leaf"}))
}

func TestSubscriberWithoutTopicsGetsEverything(t *testing.T) {
	zmq := newContext(t)
	pub := must(messaging.NewPublisher(zmq, "tcp://127.0.0.1:*"))(t)
	sub := must(messaging.NewSubscriber(zmq, of(pub)))(t)
	subscribed(t, pub, 1)
	send(t, pub.Send(patient(t), note(1)))
	send(t, pub.Send(patient(t), messagetest.Tree(2), messaging.Subject("a")))
	wantNote(t, sub, 1)
	wantEqual(t, receive[*testv1.Tree](t, sub), messagetest.Tree(2))
}

func TestTopicsAreAddedAndTakenAwayWhileReceiving(t *testing.T) {
	onEachTransport(t, func(t *testing.T, at func() string) {
		f := newFeed(t, at())
		all := messaging.OfType((*testv1.Note)(nil))
		rooms := messaging.OfSubtree((*testv1.Note)(nil), "room")
		exact := messaging.OfSubject((*testv1.Note)(nil), "room", "7")
		for _, step := range []struct {
			do    func(...messaging.Topic) error
			topic messaging.Topic
			count int // subscriptions that select room 7, then
			want  string
		}{
			{f.sub.Subscribe, rooms, 1, `Note["room"] Note["room" ""] Note["room" "7"] Note["room" "70"] Note["room" "7" "door"]`},
			{f.sub.Subscribe, exact, 2, `Note["room"] Note["room" ""] Note["room" "7"] Note["room" "70"] Note["room" "7" "door"]`},
			{f.sub.Subscribe, exact, 2, `Note["room"] Note["room" ""] Note["room" "7"] Note["room" "70"] Note["room" "7" "door"]`},
			{f.sub.Unsubscribe, rooms, 1, `Note["room" "7"]`},
			{f.sub.Unsubscribe, all, 1, `Note["room" "7"]`},
			{f.sub.Unsubscribe, exact, 0, ``},
		} {
			if err := step.do(step.topic); err != nil {
				t.Fatal(err)
			}
			f.settled()
			if count := f.pub.Subscribers(note(0), "room", "7"); count != step.count {
				t.Errorf("%d subscriptions select room 7, want %d", count, step.count)
			}
			if got := names(f.received(func() { publishSubjects(t, f.pub) })); got != step.want {
				t.Errorf("with %d subscriptions: received %s", step.count, got)
			}
		}
	})
}

// settled returns when what was subscribed and unsubscribed has reached the
// publisher: a further subscription that was made behind it has.
func (f *feed) settled() {
	f.Helper()
	f.steps++
	step := strconv.Itoa(f.steps)
	if err := f.sub.Subscribe(messaging.OfSubject(f.marker, step)); err != nil {
		f.Fatal(err)
	}
	if err := f.pub.WaitForSubscribers(patient(f), 2, f.marker, step); err != nil {
		f.Fatal(err)
	}
}

func TestTopicsMayBeChangedWhileOthersPublishAndReceive(t *testing.T) {
	f := newFeed(t, inprocEndpoint(t), messaging.WithTopics(messaging.OfSubtree((*testv1.Note)(nil), "always")))
	var changing sync.WaitGroup
	for range 4 {
		changing.Go(func() {
			for range 300 {
				some := messaging.OfSubject((*testv1.Note)(nil), "sometimes")
				if err := errors.Join(f.sub.Subscribe(some), f.sub.Unsubscribe(some)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	got := f.received(func() {
		for i := range 1000 {
			send(t, f.pub.Send(t.Context(), note(i), messaging.Subject("sometimes")))
			send(t, f.pub.Send(t.Context(), note(i), messaging.Subject("always")))
		}
	})
	changing.Wait()
	got = slices.DeleteFunc(got, func(d *messaging.Delivery) bool { return d.Subject[0] == "sometimes" })
	wantNothingMissed(t, got, 1000)
}

func TestSubscribersAreCountedByTypeAndSubject(t *testing.T) {
	zmq := newContext(t)
	pub := must(messaging.NewPublisher(zmq, inprocEndpoint(t)))(t)
	m := (*testv1.Note)(nil)
	must(messaging.NewSubscriber(zmq, of(pub), messaging.WithTopics(
		messaging.OfType(m), messaging.OfSubtree(m, "room"), messaging.OfSubject(m, "room", "7"))))(t)
	must(messaging.NewSubscriber(zmq, of(pub)))(t)
	if err := pub.WaitForSubscribers(patient(t), 4, m, "room", "7"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want    int
		m       proto.Message
		subject []string
	}{
		{4, m, []string{"room", "7"}},
		{3, m, []string{"room", "70"}},
		{3, m, []string{"room"}},
		{2, m, nil},
		{2, m, []string{"rooms"}},
		{1, (*testv1.Blob)(nil), []string{"room", "7"}},
	} {
		if got := pub.Subscribers(c.m, c.subject...); got != c.want {
			t.Errorf("%d subscribers of %T%q, want %d", got, c.m, c.subject, c.want)
		}
	}
}

func TestWaitForSubscribersEndsWithItsContext(t *testing.T) {
	pub := must(messaging.NewPublisher(newContext(t), inprocEndpoint(t)))(t)
	wantCode(t, pub.WaitForSubscribers(ended(), 1, note(0)), messaging.Cancelled)
}

// dividere is a publisher whose frames have short names, as dīvidere writes them.
func dividere(t *testing.T, zmq *comm.Context) (publish func(fullName string), endpoint string, pub *comm.Publisher) {
	pub = must(comm.NewPublisher(zmq, inprocEndpoint(t), comm.WithOverflow(comm.Block)))(t)
	return func(fullName string) {
		t.Helper()
		e := messaging.Envelope{Type: fullName, ShortName: true}
		send(t, pub.Send(patient(t), comm.NewMessage(e.Append(nil))))
	}, of(pub), pub
}

func TestShortNamesAreSelectedOnlyIfAskedFor(t *testing.T) {
	zmq := newContext(t)
	publish, endpoint, pub := dividere(t, zmq)
	d := messagetest.Declare(t, "one.Msg", "two.Msg", "two.Msgs", "Msg", "End")
	full := must(messaging.NewSubscriber(zmq, endpoint,
		messaging.WithTopics(messaging.OfType(d.Message(t, "one.Msg", 0)), messaging.OfType(d.Message(t, "End", 0)))))(t)
	short := must(messaging.NewSubscriber(zmq, endpoint, messaging.WithShortNames(),
		messaging.WithTopics(messaging.OfType(d.Message(t, "one.Msg", 0)), messaging.OfType(d.Message(t, "End", 0)))))(t)
	for _, prefix := range []string{"\x0a\x03End", "\x0a\x03Msg"} {
		if err := pub.WaitForSubscribers(patient(t), 1, []byte(prefix)); err != nil {
			t.Fatal(err)
		}
	}
	if err := pub.WaitForSubscribers(patient(t), 2, []byte("\x0a\x03End")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one.Msg", "two.Msg", "two.Msgs", "Msg", "End"} {
		publish(name)
	}
	wantTypes(t, full, "End")
	wantTypes(t, short, "one.Msg", "two.Msg", "Msg", "End") // they share the segment
}

// wantTypes checks which types arrive next.
func wantTypes(t *testing.T, from messaging.Source, want ...string) {
	t.Helper()
	for _, name := range want {
		d := must(from.Recv(patient(t)))(t)
		if d.Type != name {
			t.Fatalf("got %s, want %s", d.Type, name)
		}
	}
}

func TestShortNameStaysWhileAnotherTopicNeedsIt(t *testing.T) {
	zmq := newContext(t)
	publish, endpoint, pub := dividere(t, zmq)
	d := messagetest.Declare(t, "one.Msg", "two.Msg", "Other")
	one, two := messaging.OfType(d.Message(t, "one.Msg", 0)), messaging.OfType(d.Message(t, "two.Msg", 0))
	sub := must(messaging.NewSubscriber(zmq, endpoint, messaging.WithShortNames(), messaging.WithTopics(one, two)))(t)
	if err := sub.Unsubscribe(one); err != nil {
		t.Fatal(err)
	}
	// The marker is asked for last, so when it is there, so is all before it.
	if err := sub.Subscribe(messaging.OfType(d.Message(t, "Other", 0))); err != nil {
		t.Fatal(err)
	}
	if err := pub.WaitForSubscribers(patient(t), 1, []byte("\x0a\x05Other")); err != nil {
		t.Fatal(err)
	}
	publish("two.Msg")
	publish("Other")
	wantTypes(t, sub, "two.Msg", "Other")
}
