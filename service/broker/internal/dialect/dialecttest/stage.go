// Package dialecttest has what the tests of dialects share: a broker without sockets, scripts
// of what is said to and fro, and messages as text.
//
// It stands on service/broker/internal/desk and service/broker/internal/dialect; tests alone
// use it.
package dialecttest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// Stage is a broker without sockets: a desk, and a speaker for each peer.
type Stage struct {
	testing.TB
	Desk     *desk.Desk                    // the broker's state
	Now      time.Duration                 // the time by its clock
	Speakers map[desk.Peer]dialect.Speaker // of the peers that are known

	Dialects func(socket int) []dialect.Dialect // that are spoken there, in the order in which they are asked
	said     func(to desk.Peer, frames [][]byte)
}

// NewStage returns a stage with the dialects that are spoken at each socket. It calls said
// with all that the broker says.
func NewStage(t testing.TB, limits desk.Limits, dialects func(socket int) []dialect.Dialect, said func(to desk.Peer, frames [][]byte)) *Stage {
	t.Helper()
	d, err := desk.New("e", limits)
	if err != nil {
		t.Fatal(err)
	}
	return &Stage{TB: t, Desk: d, Speakers: map[desk.Peer]dialect.Speaker{}, Dialects: dialects, said: said}
}

// Hear has the broker read a message of a peer.
func (s *Stage) Hear(from desk.Peer, frames [][]byte) error {
	dialects := s.Dialects(from.Socket)
	for _, d := range dialects {
		_ = d.Kind(frames) // of anything
	}
	speaker := s.Speakers[from]
	if speaker == nil {
		i := slices.IndexFunc(dialects, func(d dialect.Dialect) bool { return d.Speaks(frames) })
		if i < 0 {
			return fmt.Errorf("of no dialect: %q", frames)
		}
		speaker = dialects[i].Open(s.Desk, from)
		s.Speakers[from] = speaker
	}
	actions, answers, err := speaker.Read(s.Now, frames)
	s.answer(from, answers)
	s.Perform(actions)
	return err
}

func (s *Stage) answer(to desk.Peer, answers [][][]byte) {
	for _, frames := range answers {
		s.said(to, frames)
	}
}

// Perform has the speakers write actions.
func (s *Stage) Perform(actions []desk.Action) {
	s.Helper()
	for _, action := range actions {
		to := action.Receiver()
		speaker := s.Speakers[to]
		if speaker == nil {
			s.Fatalf("an action for the unknown peer %q: %#v", to.ID, action)
		}
		if frames := speaker.Write(action); frames != nil {
			s.said(to, frames)
		}
	}
}

// Keep keeps all sessions, in the order of their peers.
func (s *Stage) Keep(probe bool) {
	for _, at := range s.Peers() {
		s.KeepOne(at, probe)
	}
}

// KeepOne keeps the session of a peer, if it has one.
func (s *Stage) KeepOne(at desk.Peer, probe bool) {
	if keeper, ok := s.Speakers[at].(dialect.Keeper); ok {
		actions, answers := keeper.Tick(s.Now, probe)
		s.answer(at, answers)
		s.Perform(actions)
	}
}

// Peers returns the peers that are known, in order.
func (s *Stage) Peers() (all []desk.Peer) {
	for at := range s.Speakers {
		all = append(all, at)
	}
	slices.SortFunc(all, func(a, b desk.Peer) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Socket, b.Socket)) })
	return all
}

// Pass lets time pass, in steps of some length at most: what is due is done then, and
// sessions are kept.
func (s *Stage) Pass(by, step time.Duration) {
	for until := s.Now + by; s.Now < until; {
		next := min(until, s.Now+step)
		if at, ok := s.Desk.Next(); ok {
			next = min(next, max(at, s.Now))
		}
		s.Now = next
		s.Perform(s.Desk.Tick(s.Now))
		s.Keep(false)
	}
}
