package desk_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// source makes the choices of a run.
type source interface {
	// below returns a number from 0 to n-1.
	below(n int) int
	// more reports whether the run goes on.
	more() bool
}

// callID names a call of a client.
type callID struct {
	peer   desk.Peer
	number uint64
}

// asked is what the world knows of a call that has not ended.
type asked struct {
	request  *desk.Request
	deadline time.Duration
}

// given is a delivery that a worker has.
type given struct {
	request   *desk.Request
	abandoned bool
	streamed  bool
	control   bool
	spare     bool // its worker is free, though it did not answer
}

// tried is what became of a request.
type tried struct {
	harmful    bool // may have been executed, and must not be again
	deliveries int
	credit     uint32            // that its worker was given
	own        map[string]uint32 // that workers of a target were given besides
}

// employee is a worker as the world knows it.
type employee struct {
	offer      desk.Offer
	heard      time.Duration
	said       time.Duration
	draining   bool
	retired    bool
	deliveries map[uint64]*given
}

// world is a desk with clients and workers around it, which see to it that the
// desk keeps its promises.
type world struct {
	d          *desk.Desk
	random     source
	now        time.Duration
	limits     desk.Limits
	calls      map[callID]*asked
	workers    map[desk.Peer]*employee
	tries      map[*desk.Request]*tried
	deliveries []uint64 // that were ever given
	number     uint64
	strays     uint64 // messages that belong to nothing
	wrong      error
	ended      bool     // the broker has stopped
	actions    []string // of the last event
}

func newWorld(random source, limits desk.Limits) (*world, error) {
	d, err := desk.New("epoch", limits)
	if err != nil {
		return nil, err
	}
	d.SetAhead(1 << 30) // that streams are paced is shown elsewhere
	return &world{
		d: d, random: random, limits: d.Limits(), calls: map[callID]*asked{}, workers: map[desk.Peer]*employee{},
		tries: map[*desk.Request]*tried{},
	}, nil
}

// worldLimits are small, so that all of them are reached.
func worldLimits() desk.Limits {
	return desk.Limits{
		Queue: 6, Requests: 40, Bytes: 60_000, Services: 4, Workers: 5, Offered: 3, Capacity: 4, Waiters: 2, Deliveries: 3, Control: 2, Peer: 15, OneWay: 5,
		Expiry: 2 * time.Second, Longest: 8 * time.Second, KeyAge: 3 * time.Second, Keys: 10,
	}
}

func (w *world) fail(format string, args ...any) {
	if w.wrong == nil {
		w.wrong = fmt.Errorf("at %v: "+format+"\nactions: %v", append(append([]any{w.now}, args...), w.actions)...)
	}
}

// run lets random things happen until something is wrong or the choices end, and
// then lets everything end.
func (w *world) run() error {
	for w.random.more() && w.wrong == nil {
		w.step()
		w.check()
	}
	w.finish()
	return w.wrong
}

func (w *world) step() {
	switch w.random.below(18) {
	case 0, 1:
		w.advance(time.Duration(w.random.below(400)) * time.Millisecond)
	case 2:
		w.ready()
	case 3, 4, 5, 6:
		w.ask()
	case 7, 8, 9:
		w.answer()
	case 10:
		w.stray()
	case 11:
		w.beat()
	case 12:
		w.leave()
	case 13:
		w.cancel()
	case 14:
		w.stream()
	case 15:
		w.credit()
	case 16:
		w.spare()
	default:
		w.rest()
	}
}

// advance lets time pass as a loop does that calls Tick when it must; sometimes it
// is paused.
func (w *world) advance(by time.Duration) {
	if w.random.below(40) == 0 {
		w.pause(3 * time.Second)
		return
	}
	until := w.now + by
	for w.now < until {
		at, ok := w.d.Next()
		if !ok || at > until {
			at = until
		}
		w.now = max(at, w.now)
		w.tick()
	}
}

func (w *world) pause(by time.Duration) {
	w.now += by
	for _, e := range w.workers {
		e.heard = w.now // nobody may be dead for that
		e.said = w.now
	}
	w.tick()
}

func (w *world) tick() {
	w.take(w.d.Tick(w.now))
	for id, c := range w.calls {
		if c.deadline <= w.now {
			w.fail("call %v is open though its deadline was %v", id, c.deadline)
		}
	}
	for peer, e := range w.workers {
		if w.now >= e.heard+e.offer.Patience {
			w.fail("worker %v lives though it was last heard at %v", peer, e.heard)
		}
		if w.now > e.said+e.offer.Heartbeat {
			w.fail("worker %v was told nothing since %v", peer, e.said)
		}
	}
}

func (w *world) peer(kind string) desk.Peer {
	return desk.Peer{Socket: w.random.below(2), ID: fmt.Sprintf("%s%d", kind, w.random.below(4))}
}

func (w *world) service() string { return []string{"a", "b", "c", "d", "e"}[w.random.below(5)] }

func (w *world) messageType() string { return []string{"t.A", "t.B", "t.C"}[w.random.below(3)] }

func (w *world) method() string { return []string{"s/A", "s/B", "s/C", "s/D"}[w.random.below(4)] }

func (w *world) workerName() string { return fmt.Sprintf("n%d", w.random.below(8)) }

func (w *world) ready() {
	w.take(w.d.Tick(w.now)) // so that nothing is due before: enroll looks at the effect of Ready alone
	peer := w.peer("w")
	o := desk.Offer{
		Name: w.workerName(), Capacity: w.random.below(6), Heartbeat: time.Duration(1+w.random.below(4)) * 100 * time.Millisecond,
		Session: uint64(w.random.below(3)), Idempotent: w.random.below(2) == 0, Cancels: w.random.below(2) == 0,
	}
	o.Control = o.Name > "n3"
	for range w.random.below(4) {
		o.Services = append(o.Services, w.service())
	}
	if w.random.below(10) == 0 {
		o.Services, o.Own = append(o.Services, "mmi.service"), w.random.below(2) == 0
	}
	for range w.random.below(3) {
		o.Types = append(o.Types, w.messageType())
		o.Repeatable = append(o.Repeatable, w.method())
	}
	retired := w.retired(o.Name)
	old := w.workers[peer]
	keeps := old != nil && o.Session != 0 && o.Session == old.offer.Session && o.Name == old.offer.Name
	if old != nil && !keeps {
		w.lose(peer)
	}
	rejected := w.d.Counters().Rejected
	actions := slices.Clone(w.d.Ready(w.now, peer, o))
	if w.d.Counters().Rejected == rejected {
		w.enroll(peer, actions, retired)
	}
	w.take(actions)
}

// retired reports whether a worker of a name is retired.
func (w *world) retired(name string) bool {
	for _, e := range w.workers {
		if e.offer.Name == name {
			return e.retired
		}
	}
	return false
}

// enroll notes that a worker was registered.
func (w *world) enroll(peer desk.Peer, actions []desk.Action, retired bool) {
	for _, a := range actions { // the one that had the name goes first
		if x, ok := a.(desk.Disconnect); ok && x.To != peer {
			w.lose(x.To)
		}
	}
	e := w.workers[peer]
	if e == nil {
		e = &employee{deliveries: map[uint64]*given{}, said: w.now}
		w.workers[peer] = e
	}
	for _, v := range w.d.Workers() {
		if v.Peer == peer {
			e.offer = v.Offer
		}
	}
	e.heard, e.draining, e.retired = w.now, false, retired
}

// lose notes that a worker is gone with what it has.
func (w *world) lose(peer desk.Peer) {
	e := w.workers[peer]
	if e == nil {
		return
	}
	for _, g := range e.deliveries {
		w.tries[g.request].harmful = w.harmful(g.request, e)
	}
	delete(w.workers, peer)
}

// harmful reports whether a request must not be executed again after a worker had
// it.
func (w *world) harmful(r *desk.Request, e *employee) bool {
	repeats := e.offer.Idempotent || slices.Contains(e.offer.Repeatable, r.Method)
	return r.Repeat == desk.RepeatNever || r.Repeat == desk.RepeatUnsaid && !repeats || r.Target.Kind != desk.Any
}

func (w *world) ask() {
	w.number++
	r := &desk.Request{
		Call: w.number, Service: w.service(), Method: w.method(), Content: desk.Content{Body: [][]byte{make([]byte, w.random.below(4000))}},
		Timeout: time.Duration(w.random.below(40)) * 100 * time.Millisecond, Wait: time.Duration(w.random.below(3)) * 700 * time.Millisecond,
		Repeat: desk.Repeat(w.random.below(3)), OneWay: w.random.below(10) == 0, Attempt: 1,
	}
	if w.random.below(20) == 0 {
		r.Service = "mmi.service"
	}
	switch w.random.below(8) {
	case 0:
		r.Target = desk.Target{Kind: desk.All}
	case 1:
		r.Target = desk.Target{Kind: desk.Named, Names: []string{w.workerName(), w.workerName()}}
	case 2:
		r.Credit = 3
	}
	r.Control, r.Tell, r.FailFast = w.random.below(3) == 0, w.random.below(2) == 0, w.random.below(4) == 0
	if w.random.below(3) == 0 {
		r.Key = desk.Key{Client: "k", Number: uint64(1 + w.random.below(6))}
		r.Service = []string{"a", "b"}[r.Key.Number%2]
	}
	from := w.peer("c")
	if w.random.below(20) == 0 {
		from = w.peer("w")
		if e := w.workers[from]; e != nil {
			e.heard = w.now
		}
	}
	deadline := w.now + w.limits.Longest
	if r.Timeout > 0 {
		deadline = w.now + r.Timeout
	}
	w.tries[r] = &tried{credit: r.Credit, own: map[string]uint32{}}
	if !r.OneWay {
		w.calls[callID{from, r.Call}] = &asked{request: r, deadline: deadline}
	}
	w.take(w.d.Request(w.now, from, r))
}

// some returns a worker, and a delivery that it has, 0 if none.
func (w *world) some() (desk.Peer, *employee, uint64) {
	peer := w.peer("w")
	e := w.workers[peer]
	if e == nil || len(e.deliveries) == 0 {
		return peer, e, 0
	}
	deliveries := make([]uint64, 0, len(e.deliveries))
	for delivery := range e.deliveries {
		deliveries = append(deliveries, delivery)
	}
	slices.Sort(deliveries)
	return peer, e, deliveries[w.random.below(len(deliveries))]
}

func (w *world) answer() {
	peer, e, delivery := w.some()
	if delivery == 0 {
		return
	}
	a := desk.Answer{}
	switch w.random.below(8) {
	case 0:
		a = desk.Answer{Status: &mitterev1.Status{Code: mitterev1.Code_CODE_UNAVAILABLE}, Refused: true}
	case 1:
		a = desk.Answer{Status: &mitterev1.Status{Code: mitterev1.Code_CODE_INTERNAL}}
	}
	g := e.deliveries[delivery]
	delete(e.deliveries, delivery)
	e.heard = w.now
	if g.abandoned {
		w.strays++
	} else if !a.Refused {
		w.tries[g.request].harmful = true
	}
	w.take(w.d.Reply(w.now, peer, delivery, a))
}

// stray sends what belongs to nothing: late, double and foreign replies.
func (w *world) stray() {
	peer, e, _ := w.some()
	delivery := uint64(w.random.below(1000))
	if len(w.deliveries) > 0 && w.random.below(4) > 0 {
		delivery = w.deliveries[len(w.deliveries)-1-w.random.below(min(len(w.deliveries), 20))]
	}
	if e != nil {
		if e.deliveries[delivery] != nil {
			return
		}
		e.heard = w.now
	}
	w.strays++
	if w.random.below(2) == 0 {
		w.take(w.d.Reply(w.now, peer, delivery, desk.Answer{}))
	} else {
		w.take(w.d.Item(w.now, peer, delivery, desk.Content{}))
	}
}

func (w *world) beat() {
	peer := w.peer("w")
	if e := w.workers[peer]; e != nil {
		e.heard = w.now
	}
	w.take(w.d.Heartbeat(w.now, peer))
}

// rest drains or retires a worker, or has all heard.
func (w *world) rest() {
	peer := w.peer("w")
	if w.random.below(4) == 0 {
		if e := w.workers[peer]; e != nil {
			e.draining, e.heard = true, w.now
		}
		w.take(w.d.Drain(w.now, peer))
		return
	}
	if w.random.below(12) == 0 {
		if e := w.workers[peer]; e != nil {
			e.retired = true
		}
		w.take(w.d.Retire(w.now, peer))
		return
	}
	for p, e := range w.workers {
		e.heard = w.now
		w.take(w.d.Hear(w.now, p))
	}
}

func (w *world) leave() {
	if w.random.below(2) == 0 {
		return // not too often
	}
	peer := w.peer([]string{"c", "w"}[w.random.below(2)])
	w.hangUp(peer)
	var unsent []uint64
	if e := w.workers[peer]; e != nil {
		for _, delivery := range slices.Sorted(maps.Keys(e.deliveries)) {
			g := e.deliveries[delivery]
			if w.random.below(3) == 0 && !g.abandoned && !g.streamed {
				unsent = append(unsent, delivery)
				w.tries[g.request].deliveries--
				delete(e.deliveries, delivery)
			}
		}
	}
	w.lose(peer)
	actions := w.d.Gone(w.now, peer, unsent...)
	for _, a := range actions {
		if to(a) == peer {
			w.fail("%T to %v, which is gone", a, peer)
		}
	}
	w.take(actions)
}

// hangUp notes that a peer waits for nothing any more.
func (w *world) hangUp(peer desk.Peer) {
	for id := range w.calls {
		if id.peer == peer {
			delete(w.calls, id)
		}
	}
}

func (w *world) cancel() {
	ids := slices.SortedFunc(maps.Keys(w.calls), func(a, b callID) int { return cmp.Compare(a.number, b.number) })
	for _, id := range ids {
		if w.random.below(4) == 0 {
			delete(w.calls, id)
			w.take(w.d.Cancel(w.now, id.peer, id.number))
			return
		}
	}
	w.take(w.d.Cancel(w.now, w.peer("c"), 0))
}

func (w *world) stream() {
	peer, e, delivery := w.some()
	if delivery == 0 {
		return
	}
	e.heard = w.now
	g := e.deliveries[delivery]
	if g.abandoned {
		w.strays++
	}
	if w.random.below(2) == 0 {
		w.take(w.d.Event(w.now, peer, delivery, desk.Content{}))
		return
	}
	w.take(w.d.Item(w.now, peer, delivery, desk.Content{}))
	if !g.abandoned {
		g.streamed = true
		w.tries[g.request].harmful = true // for the client has some of it
	}
}

// spare has a worker say that it is free, though it did not answer.
func (w *world) spare() {
	peer, e, delivery := w.some()
	if delivery == 0 {
		return
	}
	e.heard = w.now
	g := e.deliveries[delivery]
	switch {
	case g.control:
	case g.abandoned:
		delete(e.deliveries, delivery)
	default:
		g.spare = true
	}
	w.take(w.d.Spare(w.now, peer, delivery))
}

// to returns whom an action is for.
func to(a desk.Action) desk.Peer {
	switch a := a.(type) {
	case desk.Deliver:
		return a.To
	case desk.CancelDelivery:
		return a.To
	case desk.CreditDelivery:
		return a.To
	case desk.Heartbeat:
		return a.To
	case desk.Disconnect:
		return a.To
	case desk.Accepted:
		return a.To
	case desk.Waiting:
		return a.To
	case desk.Reply:
		return a.To
	case desk.Item:
		return a.To
	case desk.Event:
		return a.To
	default:
		panic(fmt.Sprintf("an action %T", a))
	}
}

// take does what the desk wants, and sees whether it may want it.
func (w *world) take(actions []desk.Action) {
	w.actions = w.actions[:0]
	for _, a := range actions {
		w.actions = append(w.actions, fmt.Sprintf("%T to %v", a, to(a)))
	}
	for _, a := range actions {
		switch a := a.(type) {
		case desk.Deliver:
			w.delivered(a)
		case desk.CancelDelivery:
			w.cancelled(a)
		case desk.Heartbeat, desk.CreditDelivery:
			if e := w.workers[to(a)]; e == nil {
				w.fail("%T to %v, which is no worker", a, to(a))
			} else {
				e.said = w.now
			}
		case desk.Disconnect:
			w.disconnected(a)
		case desk.Reply:
			w.replied(a)
		case desk.Item:
			w.open(a.To, a.Call)
		case desk.Event:
			w.open(a.To, a.Call)
		case desk.Accepted:
			w.open(a.To, a.Call)
		case desk.Waiting:
			w.open(a.To, a.Call)
			if r := w.calls[callID{a.To, a.Call}]; r != nil && !r.request.Tell {
				w.fail("the call %d of %v is told why it waits and did not ask", a.Call, a.To)
			}
		}
	}
	w.abandon()
}

func (w *world) open(peer desk.Peer, call uint64) {
	if w.calls[callID{peer, call}] == nil {
		w.fail("something for the call %d of %v, which is not open", call, peer)
	}
}

func (w *world) delivered(a desk.Deliver) {
	e, r := w.workers[a.To], a.Request
	if e == nil {
		w.fail("delivery %d to %v, which is no worker", a.Delivery, a.To)
		return
	}
	e.said = w.now
	t := w.tries[r]
	t.deliveries++
	control := r.Control && r.Target.Kind != desk.Any && e.offer.Control
	controls, spares := 0, 0
	for _, g := range e.deliveries {
		if g.control {
			controls++
		}
		if g.spare {
			spares++
		}
	}
	switch {
	case control && controls >= w.limits.Control:
		w.fail("delivery %d to %v, which has %d control requests", a.Delivery, a.To, controls)
	case !control && (e.draining || e.retired):
		w.fail("delivery %d to %v, which drains", a.Delivery, a.To)
	case r.Target.Kind == desk.Any && !slices.Contains(e.offer.Services, r.Service):
		w.fail("delivery %d to %v, which does not serve %s", a.Delivery, a.To, r.Service)
	case !control && len(e.deliveries)-controls-spares >= e.offer.Capacity:
		w.fail("delivery %d to %v, which is full", a.Delivery, a.To)
	case t.harmful && r.Target.Kind == desk.Any:
		w.fail("delivery %d: executed again", a.Delivery)
	case r.Target.Kind == desk.Any && t.deliveries > w.limits.Deliveries:
		w.fail("delivery %d: delivered %d times", a.Delivery, t.deliveries)
	case a.Credit != t.credit+t.own[e.offer.Name]:
		w.fail("delivery %d: credit for %d, want %d and %d", a.Delivery, a.Credit, t.credit, t.own[e.offer.Name])
	case a.Timeout <= 0 || a.Wait < 0 || r.Wait > 0 && a.Wait == 0 || a.Delivery == 0 || w.d.Delivery(w.d.Token(a.Delivery)) != a.Delivery:
		w.fail("delivery %d: timeout %v, wait %v", a.Delivery, a.Timeout, a.Wait)
	}
	e.deliveries[a.Delivery] = &given{request: r, control: control}
	w.deliveries = append(w.deliveries, a.Delivery)
}

func (w *world) cancelled(a desk.CancelDelivery) {
	e := w.workers[a.To]
	if e == nil || e.deliveries[a.Delivery] == nil || !e.offer.Cancels {
		w.fail("a cancel of delivery %d to %v", a.Delivery, a.To)
		return
	}
	e.said = w.now
	delete(e.deliveries, a.Delivery)
}

func (w *world) disconnected(a desk.Disconnect) {
	if e := w.workers[a.To]; e != nil {
		if a.Status.GetCode() == mitterev1.Code_CODE_UNAVAILABLE && !w.ended && w.now < e.heard+e.offer.Patience {
			w.fail("worker %v is dead though it was heard at %v: %v", a.To, e.heard, a.Status)
		}
		w.lose(a.To)
	}
}

func (w *world) replied(a desk.Reply) {
	id := callID{a.To, a.Call}
	c := w.calls[id]
	if c == nil {
		w.fail("a reply for the call %v, which is not open", id)
		return
	}
	if a.More && c.request.Target.Kind == desk.Any {
		w.fail("more for the call %v", id)
	}
	if !a.More {
		delete(w.calls, id)
	}
}

// abandon notes what workers have that the desk has given up.
func (w *world) abandon() {
	for at, e := range w.workers {
		for delivery, g := range e.deliveries {
			g.abandoned = w.d.Abandoned(delivery)
			if g.spare && !w.d.Has(at, delivery) {
				delete(e.deliveries, delivery)
			}
		}
	}
}

func (w *world) check() {
	if err := w.d.Check(); err != nil {
		w.fail("%v", err)
	}
	c, l := w.d.Counters(), w.d.Load()
	if n := c.Late + c.Duplicates + c.Foreign; n != w.strays {
		w.fail("%d stray messages, want %d", n, w.strays)
	}
	if l.Requests > w.limits.Requests || l.Bytes > w.limits.Bytes || l.Services > w.limits.Services || l.Workers > w.limits.Workers {
		w.fail("too much: %+v", l)
	}
	for _, s := range w.d.Services() {
		if s.Queued > w.limits.Queue+w.limits.Workers*w.limits.Capacity { // what was redelivered is beside the limit
			w.fail("service %s has %d in its queue", s.Name, s.Queued)
		}
	}
	for _, v := range w.d.Workers() {
		if e := w.workers[v.Peer]; v.Retired != e.retired || (v.State == desk.Draining) != (e.draining || e.retired) {
			w.fail("worker %v: %+v, want %+v", v.Peer, v, e)
		}
	}
	w.checkTakers()
	w.checkNext()
}

// checkTakers sees whether types lead to the services that take them.
func (w *world) checkTakers() {
	for _, name := range []string{"t.A", "t.B", "t.C", "t.D"} {
		services := map[string]bool{}
		for _, v := range w.d.Workers() {
			for _, service := range v.Offer.Services {
				if slices.Contains(v.Offer.Types, name) {
					services[service] = true
				}
			}
		}
		if got := w.d.Takers(name); !slices.Equal(got, slices.Sorted(maps.Keys(services))) {
			w.fail("%s leads to %q, want %v", name, got, services)
		}
	}
}

// checkNext sees whether the desk would sleep through something.
func (w *world) checkNext() {
	at, ok := w.d.Next()
	for id, c := range w.calls {
		if !ok || at > c.deadline {
			w.fail("next at %v, %v, but the call %v ends at %v", at, ok, id, c.deadline)
		}
	}
	for peer, e := range w.workers {
		if due := min(e.heard+e.offer.Patience, e.said+e.offer.Heartbeat); !ok || at > due {
			w.fail("next at %v, %v, but the worker %v is due at %v", at, ok, peer, due)
		}
	}
}

// finish lets everybody go, and sees whether the desk forgets all of them.
func (w *world) finish() {
	if w.random.below(2) == 0 {
		w.take(w.d.Shut(w.now))
		for range 100 {
			w.step()
			w.check()
		}
	}
	if w.random.below(2) == 0 {
		w.ended = true
		w.take(w.d.End(w.now))
		if l := w.d.Load(); l != (desk.Load{}) {
			w.fail("left after the end: %+v", l)
		}
	}
	for peer := range w.workers {
		w.lose(peer)
		w.hangUp(peer)
		w.take(w.d.Gone(w.now, peer))
	}
	for at, ok := w.d.Next(); ok && w.wrong == nil; at, ok = w.d.Next() {
		w.now = max(w.now, at)
		w.take(w.d.Tick(w.now))
		w.check()
	}
	if len(w.calls) > 0 {
		w.fail("%d calls never ended", len(w.calls))
	}
	if !w.d.Empty() {
		w.fail("the desk is not empty: %+v", w.d.Load())
	}
}
