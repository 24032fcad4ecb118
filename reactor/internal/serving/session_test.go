package serving

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/command"

	"github.com/mittere/mittere/messaging"
)

// forSeeds runs a check with random numbers that are the same in each run.
func forSeeds(t *testing.T, seeds uint64, check func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	for seed := range seeds {
		check(t, rand.New(rand.NewPCG(seed, 7)))
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

// pathTo returns the way back to a peer.
func pathTo(peer string) messaging.ReturnPath {
	d := messaging.Delivery{Route: messaging.Route{[]byte(peer)}}
	return d.ReturnPath()
}

// enterFor opens a session that wants this heartbeat.
func (t *sessions) enterFor(now time.Duration, peer string, heartbeat time.Duration) (begun, ended *session) {
	return t.enter(now, pathTo(peer), &mitterev1.Hello{HeartbeatNano: int64(heartbeat), SentAtNano: int64(now) + 1})
}

// known is what a model knows of a session.
type known struct {
	heartbeat, heard, said time.Duration
}

// sessionModel is sessions as the wire document describes them.
type sessionModel struct {
	*testing.T
	r      *rand.Rand
	table  sessions
	now    time.Duration
	looked time.Duration
	open   map[*session]*known
}

// The bounds of the sessions in the model.
const (
	modelShortest = 100 * time.Millisecond
	modelSessions = 12
	modelPeers    = 20
)

// peer returns the name of one of the peers.
func (m *sessionModel) peer() string { return fmt.Sprint("peer ", m.r.IntN(modelPeers)) }

// end takes sessions out of the model that the table has ended, which must be
// those for which over is true.
func (m *sessionModel) end(why string, ended []*session, over func(*known) bool) {
	for _, s := range ended {
		if m.open[s] == nil || !over(m.open[s]) {
			m.Fatalf("%s: at %v the session %v was ended, with %+v", why, m.now, s.peer, m.open[s])
		}
		delete(m.open, s)
	}
	for s, k := range m.open {
		if over(k) {
			m.Fatalf("%s: at %v the session %v goes on, with %+v", why, m.now, s.peer, k)
		}
	}
}

// look lets the table see the time, as it does before everything else.
func (m *sessionModel) look() {
	still := m.now - m.looked
	m.looked = m.now
	m.end("look", m.table.look(m.now), func(k *known) bool { return still > 3*k.heartbeat })
}

// hello opens a session.
func (m *sessionModel) hello() {
	want := time.Duration(m.r.Int64N(int64(40*time.Second))) >> m.r.IntN(20)
	peer := m.peer()
	before := m.table.byPeer[peer]
	full := len(m.table.byPeer) == modelSessions && before == nil
	begun, ended := m.table.enterFor(m.now, peer, want)
	if (begun == nil) != full || ended != before {
		m.Fatalf("hello of %s among %d: begun %v, ended %v in place of %v", peer, len(m.open), begun, ended, before)
	}
	delete(m.open, ended)
	if begun == nil {
		return
	}
	if begun.ID == 0 || begun.Heartbeat < modelShortest || begun.Heartbeat > command.LongestHeartbeat {
		m.Fatalf("session %d with heartbeat %v", begun.ID, begun.Heartbeat)
	}
	if want >= modelShortest && want <= command.LongestHeartbeat && begun.Heartbeat != want {
		m.Fatalf("heartbeat %v, want %v", begun.Heartbeat, want)
	}
	m.open[begun] = &known{begun.Heartbeat, m.now, m.now}
}

// hear lets a peer say something, with its session's id, another one or none.
func (m *sessionModel) hear() {
	peer := m.peer()
	want := m.table.byPeer[peer]
	if want != nil && m.now-m.open[want].heard > 3*want.Heartbeat {
		want = nil // over, and not yet ended
	}
	var got *session
	switch id := m.idOf(peer); m.r.IntN(3) {
	case 0:
		got = m.table.hear(m.now, peer, id)
	case 1:
		got, want = m.table.hear(m.now, peer, id+2), nil
	default:
		got = m.table.of(m.now, peer)
	}
	if got != want {
		m.Fatalf("at %v %s has the session %v, want %v", m.now, peer, got, want)
	}
	if got != nil {
		m.open[got].heard = m.now
	}
}

// idOf returns the id of a peer's session.
func (m *sessionModel) idOf(peer string) uint64 {
	if s := m.table.byPeer[peer]; s != nil {
		return s.ID
	}
	return 1
}

// hangUp closes a session, and once more.
func (m *sessionModel) hangUp() {
	if s := m.table.byPeer[m.peer()]; s != nil {
		m.table.leave(s)
		m.table.leave(s)
		delete(m.open, s)
	}
}

// tick does what is done from time to time: nobody outlives it who is silent, and
// everybody gets a heartbeat who had none for as long.
func (m *sessionModel) tick() {
	m.end("silent", m.table.silent(m.now), func(k *known) bool { return m.now-k.heard > 3*k.heartbeat })
	due := m.table.due(m.now, false)
	for s, k := range m.open {
		if slices.Contains(due, s) {
			k.said = m.now
		}
		if m.now-k.said > k.heartbeat {
			m.Fatalf("at %v the last heartbeat was sent at %v, want each %v", m.now, k.said, k.heartbeat)
		}
	}
	if len(due) > len(m.open) {
		m.Fatalf("%d heartbeats to %d sessions", len(due), len(m.open))
	}
}

// pause pauses the process, which it notices before all else.
func (m *sessionModel) pause() {
	m.now += time.Duration(m.r.Int64N(int64(2 * time.Minute)))
	m.look()
	for _, k := range m.open {
		k.said = m.now // none could be sent
	}
	for _, s := range m.table.due(m.now, true) {
		if m.open[s] == nil {
			m.Fatalf("a heartbeat to %s, who is gone", s.peer)
		}
	}
}

func TestSessionsEndWhenTheyMustAndNotBefore(t *testing.T) {
	forSeeds(t, 100, func(t *testing.T, r *rand.Rand) {
		m := &sessionModel{T: t, r: r, table: newSessions(modelShortest), open: map[*session]*known{}}
		m.table.most = modelSessions
		lastTick := time.Duration(0)
		for range 3000 {
			m.now += time.Duration(r.Int64N(int64(modelShortest / 8)))
			m.look()
			switch n := r.IntN(1000); {
			case n < 20:
				m.hello()
			case n < 25:
				m.hangUp()
			case n < 28:
				m.pause()
			default:
				m.hear()
			}
			if m.now-lastTick >= modelShortest/8 {
				m.tick()
				lastTick = m.now
			}
			if got, want := slices.Collect(maps.Values(m.table.byPeer)), len(m.open); len(got) != want || len(got) > modelSessions {
				t.Fatalf("%d sessions, want %d", len(got), want)
			}
		}
	})
}

func TestProcessPauseEndsTheSessionsThatDidNotSurviveIt(t *testing.T) {
	table := newSessions(time.Second)
	short, _ := table.enterFor(0, "short", time.Second)
	long, _ := table.enterFor(0, "long", 10*time.Second)
	if ended := table.look(3 * time.Second); len(ended) != 0 {
		t.Fatalf("%d sessions ended in time", len(ended))
	}
	if ended := table.look(6*time.Second + 1); len(ended) != 1 || ended[0] != short {
		t.Fatalf("ended %v, want the one with the short heartbeat", ended)
	}
	if table.hear(6*time.Second+1, "short", short.ID) != nil || table.hear(6*time.Second+1, "long", long.ID) != long {
		t.Error("the wrong session is left")
	}
	if ended := table.look(5 * time.Second); len(ended) != 0 || table.looked != 6*time.Second+1 {
		t.Errorf("a look at an earlier time ended %v, and the latest is %v", ended, table.looked)
	}
}

func TestSessionsThatWereSilentForTooLongAreNotRevived(t *testing.T) {
	table := newSessions(time.Second)
	s, _ := table.enterFor(0, "peer", time.Second)
	if table.hear(3*time.Second, "peer", s.ID) == nil {
		t.Fatal("a session ended before its time")
	}
	if table.hear(6*time.Second+1, "peer", s.ID) != nil || table.of(6*time.Second+1, "peer") != nil {
		t.Fatal("a session came back")
	}
	if ended := table.silent(6*time.Second + 1); len(ended) != 1 || ended[0] != s {
		t.Errorf("ended %v, want the session", ended)
	}
}

func TestHeartbeatsAreNeverShorterThanTheReactorWants(t *testing.T) {
	for _, shortest := range []time.Duration{time.Millisecond, time.Second, command.LongestHeartbeat, time.Minute} {
		table := newSessions(shortest)
		for _, want := range []time.Duration{-1, 0, 1, time.Second, time.Minute, time.Hour, 1<<63 - 1} {
			s, _ := table.enterFor(0, "peer", want)
			if s.Heartbeat < shortest || s.Heartbeat > max(shortest, command.LongestHeartbeat) {
				t.Errorf("of %v, at least %v, the heartbeat is %v", want, shortest, s.Heartbeat)
			}
		}
	}
}

func TestSessionsOfOneSocketAreBounded(t *testing.T) {
	table := newSessions(time.Second)
	for i := range maxSessions {
		if begun, _ := table.enterFor(0, fmt.Sprint(i), time.Second); begun == nil {
			t.Fatalf("no session for peer %d", i)
		}
	}
	if begun, ended := table.enterFor(0, "one more", time.Second); begun != nil || ended != nil {
		t.Error("there are more sessions than there may be")
	}
	begun, ended := table.enterFor(0, "7", time.Second)
	if begun == nil || ended == nil || begun.ID == ended.ID {
		t.Error("a peer with a session has no place for its next one")
	}
}

func TestNumbersInTheWireDocumentAreThoseOfTheReactor(t *testing.T) {
	text, err := os.ReadFile("../../../docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	seconds := func(d time.Duration) string { return fmt.Sprintf("%d s", d/time.Second) }
	thousands := func(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }
	for _, sentence := range []string{
		"at most " + seconds(command.LongestHeartbeat),
		"wants: " + seconds(DefaultHeartbeat) + " by default",
		"for **" + map[int]string{3: "three"}[command.HeartbeatsMissed] + "** times",
		"beyond " + thousands(maxSessions) + " sessions",
		"keeps answers for " + seconds(answerAge) + ", at most " + fmt.Sprint(answerBytes>>20) + " MiB",
		"in the last " + seconds(2*answerAge),
		fmt.Sprintf("1 to %d bytes", command.MaxInstanceSize),
		"clients beyond " + thousands(maxClients),
	} {
		if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), sentence) {
			t.Errorf("the document does not say %q", sentence)
		}
	}
}
