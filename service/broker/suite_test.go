package broker_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/majordomo"
)

// suiteService is what clients ask for and workers serve. Of all names it is this one
// by which a plain client, who has but the type of its message, finds workers that do
// not tell which types they take.
const suiteService = "mittere.dialect.v1.Frames"

const (
	// suiteInFlight is how many requests a client has under way, and how many a
	// native worker takes at once.
	suiteInFlight = 32
	// suiteHeartbeat is how soon a dead worker without a session is found: the broker
	// cannot say it to anybody. Silence alone is death after suiteLiveness of them.
	suiteHeartbeat = 50 * time.Millisecond
	suiteLiveness  = 200
)

// places are the sockets of a broker.
type places struct{ main, front, back string }

// clientDialect is a dialect of clients, and what it has. What is false is what it
// cannot have.
type clientDialect struct {
	name    string
	open    func(testing.TB, *comm.Context, places) caller
	methods bool // a request names a method
	types   bool // a request is for the services that take its type; without any there is an error at once
	once    bool // a request says whether it may be executed twice; else the worker does
	oneWay  bool // a request may want no answer
	parts   bool // an answer may come in parts; else there is but the end, and a stream is an error
	session bool // it is missed when it goes away; else its requests go on
	expiry  bool // a request that expires is answered, with an error; else there is silence
	empties bool // a body may have empty frames
}

// Errors come to every client: those of dialects without a word for them as one frame
// with an envelope of mittere.v1.Status.
var clientDialects = []clientDialect{
	{name: "native", open: newNativeCaller, methods: true, once: true, oneWay: true, parts: true, session: true, expiry: true, empties: true},
	{name: "plain", open: newPlainCaller, types: true, expiry: true, empties: true},
	{name: "MDP 0.1", open: newMajordomoCaller(majordomo.V1), methods: true, empties: true},
	{name: "MDP 0.2", open: newMajordomoCaller(majordomo.V2), methods: true, parts: true, empties: true},
	{name: "pirate REQ", open: newPirateCaller([]byte{}), empties: true},
	{name: "pirate DEALER", open: newPirateCaller()},
}

// workerDialect is a dialect of workers, and what it has. What is false is what it
// cannot have.
type workerDialect struct {
	name       string
	open       func(testing.TB, *comm.Context, places, handler) answerer
	types      bool // it tells which types it takes, and which methods may be repeated
	parts      bool // an answer may come in parts
	cancels    bool // it is told that nobody waits for an answer any more
	drains     bool // it says that it leaves before it does, so that no request crosses that
	leaves     bool // it has a word for that; else what it said last may be read when it is known to be gone
	repeatable bool // whatever it does may be repeated, unless the client says otherwise
	room       int  // for requests at once
}

var workerDialects = []workerDialect{
	{name: "native", open: newNativeWorker, types: true, parts: true, cancels: true, drains: true, leaves: true, room: suiteInFlight},
	{name: "MDP 0.1", open: newMajordomoWorker(majordomo.V1), leaves: true, repeatable: true, room: 1},
	{name: "MDP 0.2", open: newMajordomoWorker(majordomo.V2), parts: true, leaves: true, repeatable: true, room: 1},
	{name: "RFC 6", open: newPirateWorker(pirateReady, pirateBeat), repeatable: true, room: 1},
	{name: "dīvidere", open: newPirateWorker(dividereHeartbeat, dividereHeartbeat), repeatable: true, room: 1},
}

// pairing is a broker, a dialect of its clients and one of its workers.
type pairing struct {
	*stage
	hasty  *stage // whose requests may not wait for long
	t      *testing.T
	client clientDialect
	worker workerDialect
}

// stage is a broker with a socket for each kind of peers.
type stage struct {
	*running
	at places
}

// newStage starts a broker.
func newStage(t *testing.T, options ...broker.Option) *stage {
	t.Helper()
	options = append(options, broker.WithPirate(tcp, tcp, suiteService), broker.WithHeartbeat(suiteHeartbeat, suiteLiveness))
	b := serve(t, options...)
	pirates := b.Pirates()[0]
	return &stage{b, places{b.Endpoints()[0], pirates.Front[0], pirates.Back[0]}}
}

// TestSuiteOfDialects has clients of every dialect served by workers of every dialect,
// and wants the same of each two, as far as their dialects go.
func TestSuiteOfDialects(t *testing.T) {
	for _, w := range workerDialects {
		t.Run("worker "+w.name, func(t *testing.T) {
			t.Parallel() // they wait rather than work
			s, hasty := newStage(t), newStage(t, broker.WithLimits(desk.Limits{Expiry: 20 * time.Millisecond}))
			for _, c := range clientDialects {
				for _, b := range behaviours {
					if b.needs != nil && !b.needs(c) {
						continue
					}
					t.Run("client "+c.name+"/"+b.name, func(t *testing.T) {
						p := &pairing{s, hasty, t, c, w}
						t.Cleanup(p.wantNothingLeft)
						b.test(p)
					})
				}
			}
			s.wantNoViolations(t, w)
			hasty.wantNoViolations(t, w)
		})
	}
}

// wantNothingLeft waits until the workers are gone and nothing is under way.
func (p *pairing) wantNothingLeft() {
	for _, s := range []*stage{p.stage, p.hasty} {
		eventually(p.t, "nothing is left", func() bool {
			load := s.Stats().Load
			return len(s.workers()) == 0 && load.Calls == 0 && load.InFlight == 0
		})
	}
}

// wantNoViolations checks that all kept to their protocols.
func (s *stage) wantNoViolations(t *testing.T, w workerDialect) {
	t.Helper()
	if stats := s.Stats(); stats.Violations != 0 && w.leaves || stats.Counters.Foreign != 0 {
		t.Errorf("somebody broke the protocol: %+v", stats)
	}
}

// open returns a client until the test ends.
func (p *pairing) open() caller { return p.openAt(p.zmq) }

// openAt is open with a context of its own.
func (p *pairing) openAt(zmq *comm.Context) caller {
	c := p.client.open(p.t, zmq, p.at)
	p.t.Cleanup(func() { _ = c.Close() })
	return c
}

// asked is what becomes of a question.
type asked struct {
	parts []content
	err   error
}

// begin asks, and does not wait.
func begin(ctx context.Context, c caller, q question) <-chan asked {
	become := make(chan asked, 1)
	go func() {
		parts, err := c.ask(ctx, q)
		become <- asked{parts, err}
	}()
	return become
}

// end waits for an answer, which has no parts.
func (p *pairing) end(become <-chan asked) content {
	p.t.Helper()
	a := <-become
	if a.err != nil || len(a.parts) != 1 {
		p.t.Fatalf("got %.200q, %v; want one answer", a.parts, a.err)
	}
	return a.parts[0]
}

// wantEnd wants this answer.
func (p *pairing) wantEnd(become <-chan asked, answer content) {
	p.t.Helper()
	if got := p.end(become); !slices.Equal(got, answer) {
		p.t.Fatalf("the answer is %.200q, want %.200q", got, answer)
	}
}

// want asks, and wants this answer.
func (p *pairing) want(c caller, q question, answer content) {
	p.t.Helper()
	p.wantEnd(begin(patient(p.t), c, q), answer)
}

// wantError wants an error of this code.
func (p *pairing) wantError(become <-chan asked, code messaging.Code) {
	p.t.Helper()
	if a := <-become; messaging.CodeOf(a.err) != code {
		p.t.Fatalf("got %.200q, %v; want code %v", a.parts, a.err, code)
	}
}
