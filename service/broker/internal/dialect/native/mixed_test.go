package native_test

import (
	"strings"
	"testing"

	dialectv1 "github.com/mittere/mittere/gen/mittere/dialect/v1"
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/dialecttest"
)

// frames has a peer of another dialect say something, with | between its frames.
func (s *stage) frames(from, message string) {
	s.Helper()
	if err := s.hear(from, dialecttest.Frames(message)...); err != nil {
		s.Fatal(err)
	}
}

// wrapped returns the frames in the body of the last command.
func (s *stage) wrapped() string {
	s.Helper()
	e, err := messaging.Decode(s.last.Body)
	if err != nil {
		s.Fatal(err)
	}
	m, err := messaging.Open[*dialectv1.Frames](&e)
	if err != nil {
		s.Fatal(err)
	}
	var parts []string
	for _, frame := range m.GetFrames() {
		parts = append(parts, string(frame))
	}
	return strings.Join(parts, "|")
}

func TestMajordomoClientIsServedByANativeWorker(t *testing.T) {
	s := newStage(t)
	s.worker("w", "echo")
	s.frames("m", "|MDPC01|echo|a||b")
	s.want("w < Request 1 echo  mittere.dialect.v1.Frames")
	if got := s.wrapped(); got != "a||b" {
		t.Errorf("the worker got %q", got)
	}
	s.must("w", &mitterev1.Reply{Call: 1}, "HI")
	s.want("m < |MDPC01|echo|HI")
	s.frames("m", "|MDPC01|echo/a.S/M|"+string(dialecttest.TextEnvelope(t, "hi")))
	s.want("w < Request 2 echo a.S/M hi")
	s.must("w", &mitterev1.Reply{Call: 2, Status: &mitterev1.Status{Code: mitterev1.Code_CODE_NOT_FOUND}})
	s.want("m < |MDPC01|echo/a.S/M|<NOT_FOUND>")
	s.frames("m", "|MDPC01|echo|x")
	s.must("w", &mitterev1.Reply{Call: 3}) // the end of a stream
	s.want("w < Request 3 echo  mittere.dialect.v1.Frames", "m < |MDPC01|echo|")
}

func TestNativeClientIsServedByAMajordomoWorker(t *testing.T) {
	s := newStage(t)
	s.client("c")
	s.frames("m", "|MDPW01|\x01|echo")
	s.mustAsk("c", 1)
	s.want(`m < |MDPW01|\x02|e-1||hi`)
	s.frames("m", "|MDPW01|\x03|e-1||x|y")
	s.want("c < Reply 1 of m mittere.dialect.v1.Frames")
	if got := s.wrapped(); got != "x|y" {
		t.Errorf("the client got %q", got)
	}
	s.mustAsk("c", 2)
	s.frames("m", "|MDPW01|\x03|e-2||"+string(dialect.StatusFrame(&mitterev1.Status{Code: mitterev1.Code_CODE_ABORTED})))
	s.want(`m < |MDPW01|\x02|e-2||hi`, "c < Reply 2 of m ABORTED")
	s.mustAsk("c", 3)
	s.frames("m", "|MDPW01|\x03|e-3||"+string(dialect.StatusFrame(nil)))
	s.want(`m < |MDPW01|\x02|e-3||hi`, "c < Reply 3 of m")
}

// A worker of MDP/0.2 knows no credit, and a client that gets more than it gave ends its
// session.
func TestPartialRepliesOfMajordomoKeepToTheCredit(t *testing.T) {
	s := newStage(t)
	s.client("c")
	s.frames("m", "MDPW02|\x01|echo")
	s.mustAsk("c", 1, func(k *mitterev1.Request) { k.Credit = 2 })
	s.want(`m < MDPW02|\x02|e-1||hi`)
	partial := func(delivery, text string) {
		s.Helper()
		s.frames("m", "MDPW02|\x03|"+delivery+"||"+string(dialecttest.TextEnvelope(t, text)))
	}
	partial("e-1", "a")
	partial("e-1", "b")
	s.want("c < Item 1 #1 a", "c < Item 1 #2 b")
	s.must("c", &mitterev1.Credit{Call: 1, Items: 1})
	partial("e-1", "c")
	partial("e-1", "d") // which waits
	partial("e-1", "e")
	s.want("c < Item 1 #3 c")
	s.frames("m", "MDPW02|\x04|e-1||"+string(dialecttest.TextEnvelope(t, "end")))
	s.must("c", &mitterev1.Credit{Call: 1, Items: 1})
	s.want("c < Item 1 #4 d")
	s.must("c", &mitterev1.Credit{Call: 1, Items: 9})
	s.want("c < Item 1 #5 e", "c < Reply 1 of m #5 end")
	s.must("c", &mitterev1.Credit{Call: 1, Items: 9})
	s.want()
	// A client that asked for one answer gets that.
	s.mustAsk("c", 2)
	s.want(`m < MDPW02|\x02|e-2||hi`)
	partial("e-2", "a")
	s.frames("m", "MDPW02|\x04|e-2||"+string(dialecttest.TextEnvelope(t, "end")))
	s.want("c < Reply 2 of m end")
}

// Each of several has its own, also before it has sent anything.
func TestPartialRepliesOfSeveralKeepToTheCreditOfEach(t *testing.T) {
	s := newStage(t)
	s.client("c")
	s.frames("m", "MDPW02|\x01|echo")
	s.frames("n", "MDPW02|\x01|echo")
	s.mustAsk("c", 1, func(k *mitterev1.Request) {
		k.Target, k.Credit = &mitterev1.Target{Kind: mitterev1.Target_KIND_ALL}, 1
	})
	s.want("c < Accepted 1 [m n] not []", `m < MDPW02|\x02|e-1||hi`, `n < MDPW02|\x02|e-2||hi`)
	s.must("c", &mitterev1.Credit{Call: 1, Items: 1, Instance: "n"})
	s.must("c", &mitterev1.Credit{Call: 1, Items: 5, Instance: "x"})
	for _, text := range []string{"a", "b", "c"} {
		s.frames("m", "MDPW02|\x03|e-1||"+string(dialecttest.TextEnvelope(t, text)))
		s.frames("n", "MDPW02|\x03|e-2||"+string(dialecttest.TextEnvelope(t, text)))
	}
	s.want("c < Item 1 #1 of m a", "c < Item 1 #1 of n a", "c < Item 1 #2 of n b")
	s.must("c", &mitterev1.Credit{Call: 1, Items: 1})
	s.want("c < Item 1 #2 of m b", "c < Item 1 #3 of n c")
	s.frames("m", "MDPW02|\x04|e-1||"+string(dialecttest.TextEnvelope(t, "m"))) // behind its third
	s.want()
	s.frames("n", "MDPW02|\x04|e-2||"+string(dialecttest.TextEnvelope(t, "n"))) // the last one for the desk, not for the client
	s.want("c < Reply 1 of n more #3 n")
	s.must("c", &mitterev1.Credit{Call: 1, Items: 1, Instance: "m"})
	s.want("c < Item 1 #3 of m c", "c < Reply 1 of m #3 m")
}

func TestPlainClientIsServedByANativeWorker(t *testing.T) {
	s := newStage(t)
	s.hello("w", mitterev1.Role_ROLE_WORKER)
	s.must("w", &mitterev1.Ready{Session: s.sessions["w"], Instance: "w", Services: []string{"echo"}, Types: []string{"google.protobuf.StringValue"}})
	s.frames("p", "id||"+string(dialecttest.TextEnvelope(t, "hi")))
	s.want("w < Request 1 echo  hi")
	if k := s.request(); k.GetAttempt() != 1 || k.GetKey() != nil || k.GetCredit() != 0 {
		t.Errorf("got %v", k)
	}
	s.must("w", &mitterev1.Reply{Call: 1}, "HI")
	s.want("p < id||HI")
}
