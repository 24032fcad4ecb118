package plain_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
	"github.com/mittere/mittere/service/broker/internal/dialect/plain"
)

const textType = "google.protobuf.StringValue"

// stage is a desk with one plain client, and workers without a dialect.
type stage struct {
	testing.TB
	d      *desk.Desk
	client dialect.Speaker
	now    time.Duration
}

func newStage(t testing.TB) *stage {
	t.Helper()
	d, err := desk.New("e", desk.Limits{Expiry: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return &stage{TB: t, d: d, client: plain.New().Open(d, desk.Peer{ID: "c"})}
}

func (s *stage) worker(name, service string, types ...string) {
	s.d.Ready(s.now, desk.Peer{ID: name}, desk.Offer{Name: name, Services: []string{service}, Types: types, Heartbeat: time.Hour})
}

// frames returns a message with | between its frames, in which {text} is an envelope.
func frames(t testing.TB, message string) (all [][]byte) {
	t.Helper()
	for part := range strings.SplitSeq(message, "|") {
		frame := []byte(part)
		if text, ok := strings.CutPrefix(part, "{"); ok {
			frame = dialecttest.TextEnvelope(t, strings.TrimSuffix(text, "}"))
		}
		all = append(all, frame)
	}
	return all
}

// text returns a message as tests have it.
func text(frames [][]byte) string {
	parts := make([]string, len(frames))
	for i, frame := range frames {
		parts[i] = dialecttest.FrameText(frame)
		if text, ok := dialecttest.EnvelopeText(frame); ok {
			parts[i] = "{" + text + "}"
		}
	}
	return strings.Join(parts, "|")
}

// say has the client say something, and returns what it is told at once.
func (s *stage) say(frames [][]byte) (actions []desk.Action, told []string, err error) {
	actions, answers, err := s.client.Read(s.now, frames)
	for _, answer := range answers {
		told = append(told, text(answer))
	}
	return actions, append(told, s.told(actions)...), err
}

// told returns what actions tell the client.
func (s *stage) told(actions []desk.Action) (told []string) {
	for _, action := range actions {
		if frames := s.client.Write(action); frames != nil {
			told = append(told, text(frames))
		}
	}
	return told
}

func TestDialectIsKnownByItsEnvelope(t *testing.T) {
	d := plain.New()
	if d.Name() != "plain" {
		t.Errorf("the name is %q", d.Name())
	}
	for message, want := range map[string]bool{
		"{hi}":       true,
		"|{hi}":      true,
		"id||{hi}":   true,
		"a|b||{hi}":  true,
		"\x0a":       true, // which is short
		"{hi}|x":     false,
		"x|{hi}":     false,
		"||{hi}":     false,
		"|{hi}|x":    false,
		"|":          false,
		"":           false,
		"\x08\x01":   false,
		"|MDPC01|\n": false,
	} {
		if got := d.Speaks(frames(t, message)); got != want {
			t.Errorf("%q: got %v", message, got)
		}
	}
	if d.Speaks(nil) {
		t.Error("a message of no frames")
	}
}

func TestTypeLeadsToTheService(t *testing.T) {
	for name, c := range map[string]struct {
		workers func(*stage)
		service string // or else the error
		want    string
	}{
		"nobody":           {func(*stage) {}, "", "<UNAVAILABLE>"},
		"another type":     {func(s *stage) { s.worker("w", "echo", "a.B") }, "", "<UNAVAILABLE>"},
		"one service":      {func(s *stage) { s.worker("w", "echo", "a.B", textType); s.worker("v", "echo", textType) }, "echo", ""},
		"several services": {func(s *stage) { s.worker("w", "echo", textType); s.worker("v", "sum", textType) }, "", "<UNIMPLEMENTED>"},
		"its own name":     {func(s *stage) { s.worker("w", textType) }, textType, ""},
		"the type first":   {func(s *stage) { s.worker("w", textType); s.worker("v", "echo", textType) }, "echo", ""},
		"who has left": {func(s *stage) {
			s.worker("w", "echo", textType)
			s.d.Gone(s.now, desk.Peer{ID: "w"})
		}, "", "<UNAVAILABLE>"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			c.workers(s)
			actions, told, err := s.say(frames(t, "{hi}"))
			if err != nil || strings.Join(told, " ") != c.want {
				t.Fatalf("told %q, %v", told, err)
			}
			if c.service == "" {
				return
			}
			if deliver, ok := actions[0].(desk.Deliver); !ok || deliver.Request.Service != c.service {
				t.Errorf("got %#v", actions[0])
			}
		})
	}
}

func TestAnswersGoOnTheRouteOfTheirRequest(t *testing.T) {
	s := newStage(t)
	s.d.Ready(s.now, desk.Peer{ID: "w"}, desk.Offer{Name: "w", Services: []string{"echo"}, Types: []string{textType}, Capacity: 9, Heartbeat: 24 * time.Hour})
	routes := []string{"", "|", "1||", "2|a||"}
	for _, route := range routes {
		if _, told, err := s.say(frames(t, route+"{hi}")); err != nil || len(told) > 0 {
			t.Fatalf("told %q, %v", told, err)
		}
	}
	for delivery := len(routes); delivery > 0; delivery-- { // in any order
		hi := [][]byte{dialecttest.TextEnvelope(t, "HI")}
		got := s.told(s.d.Reply(s.now, desk.Peer{ID: "w"}, uint64(delivery), desk.Answer{Content: desk.Content{Head: &mitterev1.Reply{}, Body: hi}}))
		if want := []string{routes[delivery-1] + "{HI}"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	if !s.client.Idle() {
		t.Error("a call is open")
	}
}

func TestEveryEndIsAnEnvelope(t *testing.T) {
	answer := func(a desk.Answer) func(*stage) []desk.Action {
		return func(s *stage) []desk.Action { return s.d.Reply(s.now, desk.Peer{ID: "w"}, 1, a) }
	}
	for name, c := range map[string]struct {
		end  func(*stage) []desk.Action
		want string
	}{
		"an error":           {answer(desk.Answer{Status: &mitterev1.Status{Code: mitterev1.Code_CODE_NOT_FOUND}}), "<NOT_FOUND>"},
		"no content":         {answer(desk.Answer{Content: desk.Content{Head: &mitterev1.Reply{}}}), "<UNSPECIFIED>"},
		"frames":             {answer(desk.Answer{Content: desk.Content{Body: frames(t, "{a}")}}), "{a}"},
		"an error in one":    {answer(desk.Answer{Content: desk.Content{Body: [][]byte{dialect.StatusFrame(&mitterev1.Status{Code: 5})}}}), "<NOT_FOUND>"},
		"a worker that dies": {func(s *stage) []desk.Action { return s.d.Gone(s.now, desk.Peer{ID: "w"}) }, "<UNAVAILABLE>"},
		"time":               {func(s *stage) []desk.Action { return s.d.Tick(s.now + 24*time.Hour) }, "<DEADLINE_EXCEEDED>"},
		"an item before": {func(s *stage) []desk.Action {
			got := slices.Clone(s.d.Item(s.now, desk.Peer{ID: "w"}, 1, desk.Content{Body: frames(t, "part")}))
			return append(got, s.d.Reply(s.now, desk.Peer{ID: "w"}, 1, desk.Answer{Content: desk.Content{Body: frames(t, "{b}")}})...)
		}, "{b}"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.worker("w", "echo", textType)
			if _, told, err := s.say(frames(t, "|{hi}")); err != nil || len(told) > 0 || s.client.Idle() {
				t.Fatalf("told %q, %v", told, err)
			}
			if got := s.told(c.end(s)); !slices.Equal(got, []string{"|" + c.want}) || !s.client.Idle() {
				t.Errorf("told %q", got)
			}
		})
	}
}

func TestMalformedRequests(t *testing.T) {
	status := string(dialect.StatusFrame(&mitterev1.Status{Code: mitterev1.Code_CODE_ABORTED}))
	for message, want := range map[string]string{
		"|\x0a\x05":     "|<INVALID_ARGUMENT>", // for a REQ waits
		"id||\x0a\x05":  "id||<INVALID_ARGUMENT>",
		"id||":          "id||<INVALID_ARGUMENT>",
		"id||x|{hi}":    "id||<INVALID_ARGUMENT>",
		"\x0a\x05":      "", // nobody says that he waits
		"x|{hi}":        "",
		"|" + status:    "", // or two would answer each other for ever
		"id||" + status: "",
	} {
		s := newStage(t)
		_, told, err := s.say(frames(t, message))
		if err == nil || strings.Join(told, " ") != want {
			t.Errorf("%q: told %q, %v", message, told, err)
		}
	}
	s := newStage(t)
	if _, told, err := s.say(nil); err == nil || told != nil {
		t.Errorf("nothing: told %q, %v", told, err)
	}
}

func TestMetaOfTheEnvelopeIsTheRequests(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo", textType)
	e := messaging.Envelope{Type: textType, Meta: messaging.Meta{Metadata: map[string]string{"user": "me"}, TraceParent: "p", TraceState: "s"}}
	frame := e.Append(nil)
	actions, _, err := s.say([][]byte{frame})
	if err != nil {
		t.Fatal(err)
	}
	c := actions[0].(desk.Deliver).Request.Content
	head := c.Head.(*mitterev1.Request)
	if head.GetMetadata()["user"] != "me" || head.GetTraceparent() != "p" || head.GetTracestate() != "s" {
		t.Errorf("got %v", head)
	}
	if &c.Body[0][0] != &frame[0] {
		t.Error("the body was copied")
	}
}

// FuzzRead has a client say anything, and counts its answers.
func FuzzRead(f *testing.F) {
	f.Add([]byte(""), dialecttest.TextEnvelope(f, "hi"), []byte("x"), uint8(2))
	f.Add([]byte("id"), []byte(""), dialecttest.TextEnvelope(f, "hi"), uint8(3))
	f.Add([]byte("id"), []byte(""), dialect.StatusFrame(nil), uint8(3))
	f.Fuzz(func(t *testing.T, a, b, c []byte, n uint8) {
		s := newStage(t)
		s.worker("w", "echo", textType)
		message := [][]byte{a, b, c}[:n%4]
		requests := s.d.Counters().Requests
		_, told, err := s.say(message)
		taken := s.d.Counters().Requests > requests
		if taken && (err != nil || len(told) > 0 || s.client.Idle()) || len(told) > 1 {
			t.Fatalf("%q: told %q, %v", message, told, err)
		}
		if ended := s.told(s.d.Gone(s.now, desk.Peer{ID: "w"})); taken != (len(ended) == 1) || !s.client.Idle() {
			t.Fatalf("%q: told %q at the end", message, ended)
		}
	})
}
