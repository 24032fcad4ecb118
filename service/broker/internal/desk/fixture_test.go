package desk_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// stage is a desk and its time. Its methods return the actions as text.
type stage struct {
	*testing.T
	d   *desk.Desk
	now time.Duration
}

func newStage(t *testing.T, limits desk.Limits) *stage {
	t.Helper()
	d, err := desk.New("e", limits)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{T: t, d: d}
	t.Cleanup(func() {
		if err := d.Check(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func peer(id string) desk.Peer { return desk.Peer{ID: id} }

// told returns actions as text.
func told(actions []desk.Action) (lines []string) {
	for _, a := range actions {
		switch a := a.(type) {
		case desk.Deliver:
			lines = append(lines, fmt.Sprintf("deliver %d to %s", a.Delivery, a.To.ID))
		case desk.CancelDelivery:
			lines = append(lines, fmt.Sprintf("cancel %d to %s", a.Delivery, a.To.ID))
		case desk.CreditDelivery:
			lines = append(lines, fmt.Sprintf("credit %d to %s: %d", a.Delivery, a.To.ID, a.Items))
		case desk.Heartbeat:
			lines = append(lines, "heartbeat to "+a.To.ID)
		case desk.Disconnect:
			lines = append(lines, fmt.Sprintf("disconnect to %s: %s", a.To.ID, code(a.Status.GetCode().String())))
		case desk.Accepted:
			lines = append(lines, fmt.Sprintf("accepted %d to %s: %v, not %v", a.Call, a.To.ID, a.Workers, a.Unknown))
		case desk.Waiting:
			lines = append(lines, fmt.Sprintf("waiting %d to %s: %s", a.Call, a.To.ID, a.Wait.Message))
		case desk.Reply:
			lines = append(lines, reply(a))
		case desk.Item:
			lines = append(lines, fmt.Sprintf("item %d to %s of %s", a.Call, a.To.ID, a.Worker))
		case desk.Event:
			lines = append(lines, fmt.Sprintf("event %d to %s of %s", a.Call, a.To.ID, a.Worker))
		}
	}
	return lines
}

func reply(a desk.Reply) string {
	text := fmt.Sprintf("reply %d to %s", a.Call, a.To.ID)
	if a.Worker != "" {
		text += " of " + a.Worker
	}
	if a.Answer.Status != nil {
		text += ": " + code(a.Answer.Status.GetCode().String())
	}
	if a.Answer.Refused {
		text += ", refused"
	}
	if a.More {
		text += ", more"
	}
	return text
}

func code(name string) string { return strings.TrimPrefix(name, "CODE_") }

// want compares what was told, but for heartbeats.
func (s *stage) want(actions []desk.Action, want ...string) {
	s.Helper()
	got := slices.DeleteFunc(told(actions), func(line string) bool { return strings.HasPrefix(line, "heartbeat") })
	if !slices.Equal(got, want) {
		s.Fatalf("at %v: got %q, want %q", s.now, got, want)
	}
}

// offer is what a worker of these tests says of itself: the name is its id.
func offer(name string, capacity int, services ...string) desk.Offer {
	return desk.Offer{Name: name, Capacity: capacity, Services: services, Heartbeat: time.Second}
}

// ready registers workers of the service "echo", with room for one request.
func (s *stage) ready(names ...string) {
	s.Helper()
	for _, name := range names {
		s.want(s.d.Ready(s.now, peer(name), offer(name, 1, "echo")))
	}
}

// ask has the client c ask the service "echo".
func (s *stage) ask(call uint64, change ...func(*desk.Request)) []desk.Action {
	r := &desk.Request{Call: call, Service: "echo", Content: desk.Content{Body: [][]byte{[]byte("hi")}}}
	for _, c := range change {
		c(r)
	}
	return s.d.Request(s.now, peer("c"), r)
}

func (s *stage) reply(worker string, delivery uint64) []desk.Action {
	return s.d.Reply(s.now, peer(worker), delivery, desk.Answer{})
}

// pass lets time pass, and returns all that the desk did in it.
func (s *stage) pass(by time.Duration, alive ...string) (actions []desk.Action) {
	until := s.now + by
	for s.now < until {
		at, ok := s.d.Next()
		if !ok || at > until {
			at = until
		}
		s.now = max(at, s.now)
		for _, worker := range alive {
			actions = append(actions, s.d.Hear(s.now, peer(worker))...)
		}
		actions = append(actions, s.d.Tick(s.now)...)
	}
	return actions
}

func safe(r *desk.Request)    { r.Repeat = desk.RepeatSafe }
func harmful(r *desk.Request) { r.Repeat = desk.RepeatNever }
func all(r *desk.Request)     { r.Target.Kind = desk.All }

func named(names ...string) func(*desk.Request) {
	return func(r *desk.Request) { r.Target = desk.Target{Kind: desk.Named, Names: names} }
}

func within(timeout time.Duration) func(*desk.Request) {
	return func(r *desk.Request) { r.Timeout = timeout }
}

func key(number uint64) func(*desk.Request) {
	return func(r *desk.Request) { r.Key = desk.Key{Client: "client", Number: number} }
}
