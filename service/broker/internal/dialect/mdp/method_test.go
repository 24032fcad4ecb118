package mdp_test

import (
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	dialectv1 "github.com/mittere/mittere/gen/mittere/dialect/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
)

// native registers a worker of another protocol.
func native(s *dialecttest.Script, name string, o desk.Offer) {
	o.Name, o.Capacity = name, 9
	s.Speakers[s.Peer(name)] = silent{}
	s.Perform(s.Desk.Ready(s.Now, s.Peer(name), o))
}

// silent is a speaker of another protocol.
type silent struct{ dialect.Speaker }

func (silent) Write(desk.Action) [][]byte { return nil }

func TestServiceIsLookedUpWholeAndThenWithAMethod(t *testing.T) {
	for _, c := range []struct {
		frame           string
		workers         []string // of these services
		service, method string
	}{
		{"calc/calc.v1.Calculator/Add", []string{"calc"}, "calc", "calc.v1.Calculator/Add"},
		{"calc/calc.v1.Calculator/Add", nil, "calc", "calc.v1.Calculator/Add"}, // and it waits there
		{"calc/calc.v1.Calculator/Add", []string{"calc", "calc/calc.v1.Calculator/Add"}, "calc/calc.v1.Calculator/Add", ""},
		{"a b/Calculator/Add", nil, "a b", "Calculator/Add"},
		{"calc", []string{"calc"}, "calc", ""},
		{"calc/Add", []string{"calc"}, "calc/Add", ""},
		{"/calc.v1.Calculator/Add", nil, "/calc.v1.Calculator/Add", ""},
		{"calc/calc.v1.Calculator/", nil, "calc/calc.v1.Calculator/", ""},
		{"calc/.v1/Add", nil, "calc/.v1/Add", ""},
		{"calc/v1/Add/x", nil, "calc/v1/Add/x", ""},
		{"calc/v1/1st", nil, "calc/v1/1st", ""},
	} {
		s := newStage(t, desk.Limits{})
		for _, service := range c.workers {
			native(s, "worker of "+service, desk.Offer{Services: []string{service}})
		}
		catcher := desk.Offer{Services: []string{c.service}}
		if err := s.Hear(s.Peer("c"), dialecttest.Frames("|MDPC01|"+c.frame+"|hi")); err != nil {
			t.Fatal(err)
		}
		v, _ := s.Desk.Service(c.service)
		if v.Queued+v.InFlight != 1 {
			t.Errorf("%q: no request of %q", c.frame, c.service)
		}
		for _, action := range s.Desk.Ready(s.Now, s.Peer("catcher"), catcher) {
			if d, ok := action.(desk.Deliver); ok && d.Request.Method != c.method {
				t.Errorf("%q: the method is %q, want %q", c.frame, d.Request.Method, c.method)
			}
		}
	}
}

func TestMethodThatMayBeRepeatedIsRepeated(t *testing.T) {
	for method, repeated := range map[string]bool{"a.S/Get": true, "a.S/Add": false} {
		s := newStage(t, desk.Limits{})
		offer := desk.Offer{Services: []string{"echo"}, Repeatable: []string{"a.S/Get", "a.S/List"}}
		native(s, "w", offer)
		native(s, "v", offer)
		s.Play("c > |MDPC01|echo/" + method + "|hi")
		s.Perform(s.Desk.Gone(s.Now, s.Peer("w")))
		if c := s.Desk.Counters(); (c.Redelivered == 1) != repeated || (c.Failed == 1) == repeated {
			t.Errorf("%s: %+v", method, c)
		}
	}
}

func TestBodiesOfTypedPeersAreUnwrapped(t *testing.T) {
	pack := func(frames ...string) [][]byte {
		m := &dialectv1.Frames{}
		for _, frame := range frames {
			m.Frames = append(m.Frames, []byte(frame))
		}
		e, err := messaging.Pack(m)
		if err != nil {
			t.Fatal(err)
		}
		return [][]byte{e.Append(nil)}
	}
	s := newStage(t, desk.Limits{})
	s.Play("w > MDPW02|\x01|echo")
	s.Speakers[s.Peer("n")] = silent{}
	s.Perform(s.Desk.Request(s.Now, s.Peer("n"), &desk.Request{Service: "echo", Content: desk.Content{Head: &mitterev1.Request{}, Body: pack("a", "", "b")}}))
	s.Play("w < MDPW02|\x02|e-1||a||b")
	native(s, "v", desk.Offer{Services: []string{"typed"}})
	s.Play("c > MDPC02|\x01|typed|hi")
	s.Perform(s.Desk.Item(s.Now, s.Peer("v"), 2, desk.Content{Head: &mitterev1.Item{}, Body: pack("x", "y")}))
	s.Perform(s.Desk.Reply(s.Now, s.Peer("v"), 2, desk.Answer{Content: desk.Content{Head: &mitterev1.Reply{}, Body: pack("z")}}))
	s.Play("c < MDPC02|\x02|typed|x|y", "c < MDPC02|\x03|typed|z")
	s.Play("c > MDPC02|\x01|typed|hi")
	e, err := messaging.Pack(wrapperspb.String("hi"))
	if err != nil {
		t.Fatal(err)
	}
	frame := e.Append(nil)
	s.Perform(s.Desk.Reply(s.Now, s.Peer("v"), 3, desk.Answer{Content: desk.Content{Head: &mitterev1.Reply{}, Body: [][]byte{frame}}}))
	s.Play("c < MDPC02|\x03|typed|" + string(frame))
}

// Frames that a client of MDP sends to a worker of MDP are theirs.
func TestBodiesBetweenMajordomoPeersAreNotTouched(t *testing.T) {
	m, err := messaging.Pack(&dialectv1.Frames{Frames: [][]byte{[]byte("a"), []byte("b")}})
	if err != nil {
		t.Fatal(err)
	}
	frame := string(m.Append(nil))
	s := newStage(t, desk.Limits{})
	s.Play(
		"w > |MDPW01|\x01|echo",
		"c > |MDPC01|echo|"+frame, "w < |MDPW01|\x02|e-1||"+frame,
		"w > |MDPW01|\x03|e-1||"+frame, "c < |MDPC01|echo|"+frame,
	)
}
