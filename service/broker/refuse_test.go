package broker_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker"
)

// wanted is the service of these tests: the type of a message, so that plain clients
// find it.
const wanted = "google.protobuf.Duration"

// largest is the longest frame in these tests.
const largest = 100_000

// tight runs a broker whose frames are short.
func tight(t *testing.T, options ...broker.Option) *running {
	t.Helper()
	return calm(t, append([]broker.Option{broker.WithSocket(comm.WithMaxFrameSize(largest))}, options...)...)
}

// sufferer is a client of any protocol.
type sufferer struct {
	ask    func(*peer)
	answer func(*peer) *mitterev1.Status
}

// sufferers returns a client of each protocol.
func sufferers(t *testing.T) map[string]sufferer {
	last := func(p *peer) *mitterev1.Status {
		got := p.want()
		return statusIn(t, got[len(got)-1])
	}
	envelope := string(enveloped(t, &durationpb.Duration{Seconds: 1}))
	return map[string]sufferer{
		"native": {
			func(p *peer) {
				r := request(p.hello(mitterev1.Role_ROLE_CLIENT).GetSession(), 1)
				r.Service = wanted
				p.command(r, []byte(envelope))
			},
			func(p *peer) *mitterev1.Status { return answered[*mitterev1.Reply](p).GetStatus() },
		},
		"plain":   {func(p *peer) { p.say("", envelope) }, last},
		"MDP/0.1": {func(p *peer) { p.say("", "MDPC01", wanted, "x") }, last},
		"MDP/0.2": {func(p *peer) { p.say("MDPC02", "\x01", wanted, "x") }, last},
	}
}

// enveloped returns the envelope of a message.
func enveloped(t testing.TB, m proto.Message) []byte {
	t.Helper()
	e := must(messaging.Pack(m))(t)
	return e.Append(nil)
}

// statusIn returns the error in an envelope.
func statusIn(t *testing.T, envelope string) *mitterev1.Status {
	t.Helper()
	e := must(messaging.Decode([]byte(envelope)))(t)
	s := new(mitterev1.Status)
	ok(t, e.OpenInto(s))
	return s
}

// wantExhausted checks the answer to what cannot be answered, and that the broker is
// done with it.
func (a sufferer) wantExhausted(t *testing.T, b *running, p *peer) {
	t.Helper()
	if got := a.answer(p); got.GetCode() != mitterev1.Code_CODE_RESOURCE_EXHAUSTED {
		t.Errorf("got %v", got)
	}
	if s := b.Stats().Load; s.Calls != 0 || s.InFlight != 0 {
		t.Errorf("left are %+v", s)
	}
	if s := b.Stats(); s.Undeliverable != 1 {
		t.Errorf("%d messages were not sent", s.Undeliverable)
	}
}

func TestAnswerThatCannotBeSentIsAnsweredWithAnError(t *testing.T) {
	half, whole := strings.Repeat("x", 60_000), strings.Repeat("x", 150_000)
	for name, a := range sufferers(t) {
		t.Run(name+", larger than a frame may be", func(t *testing.T) {
			b := tight(t)
			w := b.register(t, wanted, "w")[0]
			p := b.dial(t)
			a.ask(p)
			b.Take(messageOf("w", "", "MDPW01", "\x03", w.want()[3], "", whole))
			a.wantExhausted(t, b, p)
		})
	}
	for _, name := range []string{"native", "plain"} { // where frames become one
		t.Run(name+", larger with its envelope", func(t *testing.T) {
			b, a := tight(t), sufferers(t)[name]
			w := b.register(t, wanted, "w")[0]
			p := b.dial(t)
			a.ask(p)
			w.say("", "MDPW01", "\x03", w.want()[3], "", half, half)
			a.wantExhausted(t, b, p)
		})
	}
	for _, name := range []string{"plain", "MDP/0.1", "MDP/0.2"} { // where an error becomes a frame
		t.Run(name+", an error larger with its envelope", func(t *testing.T) {
			b, a := tight(t), sufferers(t)[name]
			w := b.dial(t)
			session := w.hello(mitterev1.Role_ROLE_WORKER).GetSession()
			w.command(&mitterev1.Ready{Session: session, Instance: "w", Services: []string{wanted}, Capacity: 1}, nil)
			eventually(t, "it is registered", func() bool { return len(b.workers()) == 1 })
			p := b.dial(t)
			a.ask(p)
			call := answered[*mitterev1.Request](w).GetCall()
			long := &mitterev1.Status{Code: mitterev1.Code_CODE_ABORTED, Message: strings.Repeat("x", largest-40)}
			w.command(&mitterev1.Reply{Call: call, Status: long}, nil)
			a.wantExhausted(t, b, p)
		})
	}
}

// TestPeersWhoseAnswersCouldNotBeSentAreForgotten has those answers counted once.
func TestPeersWhoseAnswersCouldNotBeSentAreForgotten(t *testing.T) {
	b := tight(t, broker.WithForgetAfter(20*time.Millisecond))
	w := b.register(t, wanted, "w")[0]
	for name, a := range sufferers(t) {
		if name == "native" {
			continue // known as long as its session
		}
		p := b.dial(t)
		a.ask(p)
		b.Take(messageOf("w", "", "MDPW01", "\x03", w.want()[3], "", strings.Repeat("x", 2*largest)))
		a.answer(p)
	}
	eventually(t, "the clients are forgotten", func() bool { return b.peers() == 1 })
}

func TestPartOfAnAnswerThatCannotBeSentEndsTheCall(t *testing.T) {
	large := strings.Repeat("x", 2*largest)
	for name, rest := range map[string][]string{
		"alone":              nil,
		"before other parts": {"\x03"},
		"before the end":     {"\x03", "\x04"},
	} {
		t.Run(name, func(t *testing.T) {
			b := tight(t, broker.WithForgetAfter(20*time.Millisecond))
			w := b.named(t, "w")
			w.say("MDPW02", "\x01", wanted)
			a := sufferers(t)["MDP/0.2"]
			p := b.dial(t)
			a.ask(p)
			token := w.want()[2]
			messages := []comm.Message{messageOf("w", "MDPW02", "\x03", token, "", "small"), messageOf("w", "MDPW02", "\x03", token, "", large)}
			for _, command := range rest {
				messages = append(messages, messageOf("w", "MDPW02", command, token, "", "more"))
			}
			b.Take(messages...)
			if got := p.want(); got[len(got)-1] != "small" {
				t.Errorf("first came %q", got)
			}
			if got := a.answer(p); got.GetCode() != mitterev1.Code_CODE_RESOURCE_EXHAUSTED {
				t.Errorf("got %v", got)
			}
			if s := b.Stats().Load; s.Calls != 0 {
				t.Errorf("left are %+v", s)
			}
			if name != "before the end" { // of a worker that knows no cancel
				w.say("MDPW02", "\x04", token, "", "end")
			}
			p.say("MDPC02", "\x01", "mmi.service", wanted)
			if got := p.want(); got[len(got)-1] != "200" {
				t.Errorf("then came %q", got)
			}
			eventually(t, "the client is forgotten", func() bool { return b.peers() == 1 })
		})
	}
}

func TestItemOfAStreamThatCannotBeSentEndsIt(t *testing.T) {
	b := tight(t)
	w := b.named(t, "w")
	w.say("MDPW02", "\x01", wanted)
	p := b.dial(t)
	r := request(p.hello(mitterev1.Role_ROLE_CLIENT).GetSession(), 1)
	r.Service, r.Credit = wanted, 10
	p.command(r, enveloped(t, &durationpb.Duration{}))
	token := w.want()[2]
	half := strings.Repeat("x", 60_000)
	w.say("MDPW02", "\x03", token, "", half, half)
	if got := answered[*mitterev1.Reply](p); got.GetCall() != 1 || got.GetStatus().GetCode() != mitterev1.Code_CODE_RESOURCE_EXHAUSTED {
		t.Errorf("got %v", got)
	}
	if s := b.Stats(); s.Load.Calls != 0 || s.Counters.Cancelled != 1 {
		t.Errorf("stats are %+v", s)
	}
}

// TestPartThatWaitedAndCannotBeSentEndsTheCall has the parts wait for a client that
// reads slowly.
func TestPartThatWaitedAndCannotBeSentEndsTheCall(t *testing.T) {
	b := calm(t, broker.WithSocket(narrow(), comm.WithMaxFrameSize(largest)), broker.WithBacklog(10_000, 1<<30, 1<<30))
	endpoint, _ := b.Inner()
	p := b.dialAt(t, endpoint, narrow())
	w := b.named(t, "w")
	w.say("MDPW02", "\x01", wanted)
	p.say("MDPC02", "\x01", wanted, "x")
	token := w.want()[2]
	var parts []comm.Message
	const many = 200
	for range many {
		parts = append(parts, messageOf("w", "MDPW02", "\x03", token, "", "small"))
	}
	parts = append(parts, messageOf("w", "MDPW02", "\x03", token, "", strings.Repeat("x", 2*largest)),
		messageOf("w", "MDPW02", "\x03", token, "", "more"), messageOf("w", "MDPW02", "\x04", token, "", "end"))
	b.Take(parts...)
	if b.Stats().Waiting == 0 {
		t.Fatal("nothing waits")
	}
	for range many {
		if got := p.want(); got[len(got)-1] != "small" {
			t.Fatalf("got %q", got)
		}
	}
	got := p.want()
	if s := statusIn(t, got[len(got)-1]); s.GetCode() != mitterev1.Code_CODE_RESOURCE_EXHAUSTED {
		t.Errorf("got %v", s)
	}
	if s := b.Stats(); s.Waiting != 0 || s.WaitingBytes != 0 {
		t.Errorf("stats are %+v", s)
	}
}
