package native_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/native"
)

// ledger is what a peer said and was told, of which something must be true whatever it
// says.
type ledger struct {
	asked, ended int             // requests, and their last replies
	has          map[uint64]bool // deliveries
}

// world is a broker and peers that say anything.
type world struct {
	testing.TB
	d        *desk.Desk
	native   dialect.Dialect
	speakers map[desk.Peer]dialect.Keeper
	ledgers  map[desk.Peer]*ledger
	sessions map[desk.Peer]uint64
	now      time.Duration
	tape     []byte
}

// below takes a choice off the tape.
func (w *world) below(n int) int {
	if len(w.tape) == 0 {
		return 0
	}
	choice := int(w.tape[0])
	w.tape = w.tape[1:]
	return choice % n
}

// FuzzRead has several peers say anything: bytes say who speaks, how long after the last
// one, and what. Many of it is of the protocol, some is the bytes themselves.
func FuzzRead(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		tape := make([]byte, 60*n)
		for i := range tape {
			tape[i] = byte(random.Uint32())
		}
		f.Add(tape)
	}
	f.Fuzz(func(t *testing.T, tape []byte) {
		d, err := desk.New("e", desk.Limits{Queue: 4, Requests: 8, Services: 4, Workers: 3, KeyAge: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{
			TB: t, d: d, native: native.New(native.WithHeartbeat(heartbeat), native.WithOwn([]byte("own"))), tape: tape,
			speakers: map[desk.Peer]dialect.Keeper{}, ledgers: map[desk.Peer]*ledger{}, sessions: map[desk.Peer]uint64{},
		}
		for len(w.tape) > 0 {
			w.step()
		}
		w.end()
	})
}

// step lets time pass and one peer say something.
func (w *world) step() {
	switch w.below(16) {
	case 0:
		w.pass(time.Duration(w.below(40)) * heartbeat / 10)
	case 1, 2:
		w.pass(heartbeat / 5)
	case 3:
		w.perform(w.d.Retire(w.now, desk.Peer{ID: string(rune('a' + w.below(6)))}))
	}
	from := desk.Peer{ID: string(rune('a' + w.below(6)))}
	if w.speakers[from] == nil {
		w.speakers[from] = w.native.Open(w.d, from).(dialect.Keeper)
		w.ledgers[from] = &ledger{has: map[uint64]bool{}}
	}
	frames := w.message(from)
	w.note(from, frames)
	registered := w.d.Registered(from)
	actions, answers, _ := w.speakers[from].Read(w.now, frames)
	for _, answer := range answers {
		w.told(from, answer)
	}
	w.perform(actions)
	if registered && w.speakers[from].Idle() && w.d.Registered(from) {
		w.Fatalf("%q is a worker without a session", from.ID)
	}
	w.check()
}

// message returns what a peer says.
func (w *world) message(from desk.Peer) [][]byte {
	if w.below(40) == 0 {
		frames := make([][]byte, w.below(4))
		for i := range frames {
			head, n := "\x08\x01"[:w.below(3)], w.below(40)
			n = min(n, len(w.tape))
			frames[i], w.tape = append([]byte(head), w.tape[:n]...), w.tape[n:]
		}
		return frames
	}
	c := messaging.Command{Kind: w.command(from)}
	if w.below(4) > 0 {
		c.Body = make([]byte, w.below(2)*5000)
	}
	frames, err := c.Frames()
	if err != nil {
		w.Fatal(err)
	}
	return frames
}

// note notes what a peer asks for.
func (w *world) note(from desk.Peer, frames [][]byte) {
	_, frames = cutDelimiter(frames)
	if c, err := command.Decode(frames); err == nil {
		if _, ok := c.Kind.(*mitterev1.Request); ok {
			w.ledgers[from].asked++
		}
	}
}

// command returns a command of a peer.
func (w *world) command(from desk.Peer) proto.Message {
	session := w.sessions[from]
	if w.below(20) == 0 {
		session++
	}
	call := uint64(w.below(6))
	service := []string{"echo", "sum", "mittere.v1.Broker", "", "echo", "echo", "echo", "echo", "echo"}[w.below(9)]
	choice, worker := w.below(20), from.ID[0]%2 == 1
	switch {
	case choice > 16:
	case w.speakers[from].Idle():
		choice = 0
	case worker && !w.d.Registered(from):
		choice = 1
	case worker && choice < 8:
		choice += 8
	}
	switch choice {
	case 0:
		role := 1 + int(from.ID[0]%2) // as worker has it
		if w.below(20) == 0 {
			role = w.below(4)
		}
		return &mitterev1.Hello{
			Role: mitterev1.Role(role), Instance: []byte([]string{"own", from.ID}[w.below(2)]), HeartbeatNano: int64(w.below(5)) * int64(heartbeat), SentAtNano: int64(w.below(100)),
		}
	case 1, 2, 3:
		return &mitterev1.Ready{Session: session, Instance: from.ID, Services: []string{service}, Capacity: uint32(w.below(9)), Types: []string{"a"}}
	case 4, 5, 6, 7:
		var target *mitterev1.Target
		if w.below(4) == 0 {
			target = &mitterev1.Target{Kind: mitterev1.Target_Kind(w.below(4)), Names: []string{"a", "b"}}
		}
		return &mitterev1.Request{
			Call: call, Session: session, Service: service, Method: []string{"", "mittere.v1.ManagementService/Stats"}[w.below(2)], Credit: uint32(w.below(3)), OneWay: w.below(5) == 0, TimeoutNano: int64(w.below(5)) * int64(heartbeat),
			Idempotency: mitterev1.Idempotency(w.below(2)), Target: target,
			Key: &mitterev1.Key{Instance: []byte(from.ID), Number: uint64(w.below(3))}, SentAtNano: int64(w.now),
		}
	case 8, 16, 17:
		return &mitterev1.Heartbeat{Session: session, SentAtNano: int64(w.now)}
	case 9:
		return &mitterev1.Credit{Call: call, Items: uint32(w.below(3)), Instance: []string{"", "a", "b", "zz"}[w.below(4)]}
	case 10:
		return &mitterev1.Cancel{Call: call}
	case 11, 18:
		return &mitterev1.Item{Call: w.delivery(from), Index: 1}
	case 12, 13, 19:
		return &mitterev1.Reply{Call: w.delivery(from), Refused: w.below(3) == 0, Status: &mitterev1.Status{Code: mitterev1.Code(w.below(20))}}
	case 14:
		return &mitterev1.Drain{Session: session}
	default:
		return &mitterev1.Disconnect{}
	}
}

// delivery returns a delivery that a peer has, or sometimes any.
func (w *world) delivery(from desk.Peer) uint64 {
	has := slices.Sorted(maps.Keys(w.ledgers[from].has))
	if len(has) == 0 || w.below(6) == 0 {
		return uint64(w.below(30))
	}
	return has[w.below(len(has))]
}

// pass lets time pass, as a loop does; with large steps the process is paused.
func (w *world) pass(by time.Duration) {
	w.now += by
	w.perform(w.d.Tick(w.now))
	for c := 'a'; c <= 'f'; c++ {
		at := desk.Peer{ID: string(c)}
		if keeper := w.speakers[at]; keeper != nil {
			actions, answers := keeper.Tick(w.now, false)
			for _, answer := range answers {
				w.told(at, answer)
			}
			w.perform(actions)
		}
	}
	w.check()
}

func (w *world) perform(actions []desk.Action) {
	for _, action := range actions {
		to := action.Receiver()
		speaker := w.speakers[to]
		if speaker == nil || speaker.Idle() {
			w.Fatalf("%T for %q, which has no session", action, to.ID)
		}
		_, item := action.(desk.Item)
		frames := speaker.Write(action)
		if frames == nil && !item {
			w.Fatalf("nothing is written of %#v", action)
		}
		if frames != nil {
			w.told(to, frames)
		}
	}
}

// told notes what a peer was told.
func (w *world) told(to desk.Peer, frames [][]byte) {
	_, frames = cutDelimiter(frames)
	c, err := command.Decode(frames)
	if err != nil {
		w.Fatalf("%q was told %q: %v", to.ID, frames, err)
	}
	l := w.ledgers[to]
	switch k := c.Kind.(type) {
	case *mitterev1.Welcome:
		w.sessions[to] = k.GetSession()
		l.has = map[uint64]bool{}
	case *mitterev1.Request:
		if l.has[k.GetCall()] || k.GetSession() != w.sessions[to] || k.GetTimeoutNano() <= 0 || k.GetAttempt() == 0 {
			w.Fatalf("%q was told %v", to.ID, k)
		}
		l.has[k.GetCall()] = true
	case *mitterev1.Cancel:
		if !l.has[k.GetCall()] {
			w.Fatalf("%q was told to cancel %d", to.ID, k.GetCall())
		}
		delete(l.has, k.GetCall())
	case *mitterev1.Reply:
		if !k.GetMore() {
			l.ended++
		}
		if l.ended > l.asked {
			w.Fatalf("%q was told %d ends of %d requests", to.ID, l.ended, l.asked)
		}
	case *mitterev1.Item, *mitterev1.Accepted, *mitterev1.Heartbeat, *mitterev1.Disconnect, *mitterev1.Credit, *mitterev1.Event, *mitterev1.Drain:
	default:
		w.Fatalf("%q was told a %T", to.ID, k)
	}
}

func cutDelimiter(frames [][]byte) (delimited bool, rest [][]byte) {
	if len(frames) > 1 && len(frames[0]) == 0 {
		return true, frames[1:]
	}
	return false, frames
}

// check looks at the whole.
func (w *world) check() {
	workers := 0
	for at, speaker := range w.speakers {
		if w.d.Registered(at) {
			workers++
			if speaker.Idle() {
				w.Fatalf("the worker %q is idle", at.ID)
			}
		}
	}
	if workers != w.d.Load().Workers {
		w.Fatalf("%d workers of %d", workers, w.d.Load().Workers)
	}
}

// endSession has all go, and looks whether anything is left.
func (w *world) end() {
	w.Logf("%+v", w.d.Counters())
	w.pass(time.Hour)
	w.pass(2 * time.Hour)
	for at, speaker := range w.speakers {
		if !speaker.Idle() {
			w.Fatalf("%q has a session at the end", at.ID)
		}
	}
	if l := w.d.Load(); l != (desk.Load{}) {
		w.Fatalf("left: %+v", l)
	}
}
