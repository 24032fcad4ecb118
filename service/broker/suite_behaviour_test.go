package broker_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
)

// behaviours are what is wanted of each two dialects. Some need what not every dialect
// of clients has.
var behaviours = []struct {
	name  string
	test  func(*pairing)
	needs func(clientDialect) bool // nil: nothing
}{
	{"each of many requests has its own answer", (*pairing).testMany, nil},
	{"bodies stay as they are", (*pairing).testBodies, nil},
	{"messages keep their types", (*pairing).testTypes, nil},
	{"an answer comes in parts", (*pairing).testParts, nil},
	{"an error of a worker is one for the client", (*pairing).testErrors, nil},
	{"a request waits for a worker", (*pairing).testWait, nil},
	{"a request that waits for too long expires", (*pairing).testExpiry, nil},
	{"a request of a worker that dies goes to another", (*pairing).testDeath, nil},
	{"a request that says so goes to no other", (*pairing).testOnce, func(c clientDialect) bool { return c.once }},
	{"a method that may be repeated goes to another", (*pairing).testMethodDeath, func(c clientDialect) bool { return c.methods }},
	{"a request that wants no answer is executed", (*pairing).testOneWay, func(c clientDialect) bool { return c.oneWay }},
	{"a worker that leaves takes no request with it", (*pairing).testLeave, nil},
	{"an answer for a client that is gone harms nobody", (*pairing).testGone, nil},
}

// echoing answers with the request.
func echoing(_ context.Context, request content, _ func(content) error) (content, error) {
	return request, nil
}

// signing answers with the request and a name.
func signing(name string) handler {
	return func(_ context.Context, request content, _ func(content) error) (content, error) {
		return append(slices.Clone(request), name), nil
	}
}

// holding is a handler that holds requests until it is told to answer with them.
type holding struct {
	begun  chan content
	over   chan struct{} // one for each that ended
	answer chan struct{} // closed to go on
}

func newHolding() *holding {
	return &holding{make(chan content, 100), make(chan struct{}, 100), make(chan struct{})}
}

func (h *holding) handle(ctx context.Context, request content, _ func(content) error) (content, error) {
	h.begun <- request
	defer func() { h.over <- struct{}{} }()
	select {
	case <-h.answer:
		return request, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// await waits for a request that a worker got, or for something else of its kind.
func await[V any](p *pairing, what string, from <-chan V) V {
	p.t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		p.t.Fatalf("waited too long: %s", what)
		panic("unreachable")
	}
}

func (p *pairing) testMany() {
	for _, name := range []string{"one", "two"} {
		p.hire(signing(name))
	}
	c := p.open()
	var all []<-chan asked
	for i := range suiteInFlight {
		all = append(all, begin(patient(p.t), c, question{body: content{fmt.Sprint(i), "x"}}))
	}
	by := map[string]int{}
	for i, become := range all {
		got := p.end(become)
		if len(got) != 3 || got[0] != fmt.Sprint(i) || got[1] != "x" {
			p.t.Fatalf("the answer to %d is %q", i, got)
		}
		by[got[2]]++
	}
	if by["one"] == 0 || by["two"] == 0 || len(by) != 2 {
		p.t.Errorf("the answers are by %v, want both workers", by)
	}
}

func (p *pairing) testBodies() {
	p.hire(echoing)
	c := p.open()
	bodies := []content{{"\x00\xff"}, {"a", "b", "c"}, {strings.Repeat("large", 1<<18)}}
	if p.client.empties {
		bodies = append(bodies, content{""}, content{"", "", ""}, content{"", "a", "", "b", ""})
	}
	for _, b := range bodies {
		p.want(c, question{body: b}, b)
	}
}

func (p *pairing) testTypes() {
	request, answer := must(bodyIn(&testv1.EchoRequest{Text: "hi"}))(p.t), must(bodyIn(&testv1.EchoResponse{Text: "hi"}))(p.t)
	p.hire(func(_ context.Context, got content, _ func(content) error) (content, error) {
		if !slices.Equal(got, request) {
			return nil, messaging.Errorf(messaging.InvalidArgument, "the request is %q", got)
		}
		return answer, nil
	})
	c := p.open()
	if p.client.types && !p.worker.types {
		p.wantError(begin(patient(p.t), c, question{body: request}), messaging.Unavailable)
		return
	}
	p.want(c, question{body: request}, answer)
	if p.client.methods {
		p.want(c, question{body: request, method: "Echo"}, answer)
	}
}

func (p *pairing) testParts() {
	request := must(bodyIn(&testv1.Note{Text: "count"}))(p.t)
	var notes []content
	for i := range int64(3) {
		notes = append(notes, must(bodyIn(&testv1.Note{Number: i + 1}))(p.t))
	}
	p.hire(func(_ context.Context, _ content, send func(content) error) (content, error) {
		for _, note := range notes[:2] {
			if send == nil {
				break
			}
			if err := send(note); err != nil {
				return nil, err
			}
		}
		return notes[2], nil
	})
	become := begin(patient(p.t), p.open(), question{body: request, parts: true})
	if p.client.types && !p.worker.types {
		p.wantError(become, messaging.Unavailable) // as with any other type
		return
	}
	want := notes
	switch stream := p.worker.types; { // a native worker answers with a stream, or not at all
	case stream && !p.client.parts:
		p.wantError(become, messaging.FailedPrecondition)
		return
	case stream && !p.client.expiry: // MDP, where a stream has an end of its own
		want = append(want, content{""})
	case !p.worker.parts || !p.client.parts:
		want = notes[2:]
	}
	if a := <-become; a.err != nil || !reflect.DeepEqual(a.parts, want) {
		p.t.Errorf("got %q, %v, want %q", a.parts, a.err, want)
	}
}

func (p *pairing) testErrors() {
	p.hire(func(context.Context, content, func(content) error) (content, error) {
		return nil, messaging.Errorf(messaging.Aborted, "not today")
	})
	a := <-begin(patient(p.t), p.open(), question{body: content{"x"}})
	var typed *messaging.Error
	if !errors.As(a.err, &typed) || typed.Code != messaging.Aborted || !strings.Contains(typed.Message, "not today") {
		p.t.Errorf("got %q, %v", a.parts, a.err)
	}
}

func (p *pairing) testWait() {
	waiting := begin(patient(p.t), p.open(), question{body: content{"x"}})
	if p.client.types {
		p.wantError(waiting, messaging.Unavailable)
		return
	}
	eventually(p.t, "the request waits", func() bool { return p.Stats().Load.Calls == 1 })
	p.hire(signing("one"))
	p.wantEnd(waiting, content{"x", "one"})
}

// kill has a worker die while it has a request, and another one there with an answer.
func (p *pairing) kill(q question, answer content) <-chan asked {
	p.t.Helper()
	h := newHolding()
	first := p.hire(h.handle)
	become := begin(patient(p.t), p.open(), q)
	await(p, "the worker has the request", h.begun)
	p.hire(func(context.Context, content, func(content) error) (content, error) { return answer, nil })
	first.die()
	return become
}

func (p *pairing) testDeath() {
	become := p.kill(question{body: content{"x"}}, content{"y"})
	if !p.client.once && !p.worker.repeatable {
		p.wantError(become, messaging.Unavailable)
		return
	}
	p.wantEnd(become, content{"y"})
}

func (p *pairing) testOnce() {
	p.wantError(p.kill(question{body: content{"x"}, once: true}, content{"y"}), messaging.Unavailable)
}

func (p *pairing) testMethodDeath() {
	request, answer := must(bodyIn(&testv1.EchoRequest{Text: "x"}))(p.t), must(bodyIn(&testv1.EchoResponse{Text: "y"}))(p.t)
	p.wantEnd(p.kill(question{body: request, method: "Echo"}, answer), answer)
}

func (p *pairing) testLeave() {
	var begun atomic.Int64
	halfway := make(chan struct{})
	first := p.hire(func(_ context.Context, request content, _ func(content) error) (content, error) {
		if begun.Add(1) == 10 {
			close(halfway)
		}
		return request, nil
	})
	c := p.open()
	var asking sync.WaitGroup
	for i := range 8 {
		asking.Go(func() {
			for j := range 10 {
				b := content{fmt.Sprint(i), fmt.Sprint(j)}
				if a := <-begin(patient(p.t), c, question{body: b, once: p.worker.drains}); a.err != nil || !reflect.DeepEqual(a.parts, []content{b}) {
					p.t.Errorf("the answer to %q is %q, %v", b, a.parts, a.err)
				}
			}
		})
	}
	await(p, "the worker has some requests", halfway)
	p.hire(echoing)
	first.leave()
	asking.Wait()
}

func (p *pairing) testGone() {
	h := newHolding()
	p.hire(h.handle)
	zmq := must(comm.NewContext(comm.WithPoison()))(p.t)
	defer zmq.Close()
	gone := p.openAt(zmq)
	ctx, cancel := context.WithCancel(patient(p.t))
	become := begin(ctx, gone, question{body: content{"gone"}})
	await(p, "the worker has the request", h.begun)
	ok(p.t, zmq.Close())
	cancel()
	if a := <-become; a.err == nil {
		p.t.Errorf("a client that is gone got %q", a.parts)
	}
	if p.client.session && p.worker.cancels {
		await(p, "the request is cancelled", h.over)
	}
	close(h.answer)
	p.want(p.open(), question{body: content{"there"}}, content{"there"})
}

func (p *pairing) testExpiry() {
	hurried := *p
	p, hurried.stage = &hurried, p.hasty
	before := p.Stats().Counters
	h := newHolding()
	p.hire(h.handle)
	c := p.open()
	var served []<-chan asked
	for range p.worker.room { // what is begun does not expire
		served = append(served, begin(patient(p.t), c, question{body: content{"served"}}))
		await(p, "the worker has the request", h.begun)
	}
	ctx, cancel := context.WithCancel(context.Background()) // which has no deadline that the client could tell
	defer cancel()
	defer time.AfterFunc(patience, cancel).Stop()
	late := begin(ctx, p.open(), question{body: content{"late"}})
	if p.client.expiry {
		p.wantError(late, messaging.DeadlineExceeded)
	} else {
		eventually(p.t, "the request expires", func() bool { return p.Stats().Counters.Expired == before.Expired+1 })
		cancel()
		p.wantError(late, messaging.Cancelled)
	}
	close(h.answer)
	for _, become := range served {
		p.wantEnd(become, content{"served"})
	}
	if n := p.Stats().Counters.Delivered - before.Delivered; n != uint64(p.worker.room) {
		p.t.Errorf("%d requests were given to the worker, want those %d that did not expire", n, p.worker.room)
	}
}

func (p *pairing) testOneWay() {
	h := newHolding()
	close(h.answer)
	p.hire(h.handle)
	c := p.open()
	if a := <-begin(patient(p.t), c, question{body: content{"x"}, oneWay: true}); a.err != nil || len(a.parts) > 0 {
		p.t.Errorf("got %q, %v", a.parts, a.err)
	}
	if got := await(p, "the worker has the request", h.begun); !slices.Equal(got, content{"x"}) {
		p.t.Errorf("the worker got %q", got)
	}
	p.want(c, question{body: content{"y"}}, content{"y"})
}
