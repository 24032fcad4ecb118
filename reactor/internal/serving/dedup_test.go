package serving

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/anypb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/command"

	"github.com/mittere/mittere/messaging"
)

// past is what a model knows of the request of a key.
type past struct {
	instance string
	number   uint64
	call     *call // while it runs
	ended    time.Duration
	answer   []byte
	size     int
}

// dedupModel is a cache as its doc describes it.
type dedupModel struct {
	*testing.T
	r         *rand.Rand
	dedup     dedup
	now       time.Duration
	running   []*past
	answers   []*past           // oldest first
	settled   map[string]uint64 // by client
	forgotten map[string]uint64
	last      map[string]time.Duration // clients that are known
}

// keyFor returns the key of a request of one of the clients.
func (m *dedupModel) keyFor() *mitterev1.Key {
	instance := fmt.Sprint("client ", m.r.IntN(3))
	settled := m.settled[instance]
	if m.r.IntN(10) == 0 {
		settled += uint64(m.r.IntN(10))
	}
	return &mitterev1.Key{Instance: []byte(instance), Number: settled + 1 + uint64(m.r.IntN(20)), Settled: settled}
}

// drop forgets the answers for which over is true.
func (m *dedupModel) drop(over func(*past) bool) {
	var kept []*past
	for _, p := range m.answers {
		if over(p) {
			m.forgotten[p.instance] = max(m.forgotten[p.instance], p.number)
		} else {
			kept = append(kept, p)
		}
	}
	m.answers = kept
}

// lookUp returns what is known of a key.
func lookUp(all []*past, key *mitterev1.Key) *past {
	for _, p := range all {
		if p.instance == string(key.GetInstance()) && p.number == key.GetNumber() {
			return p
		}
	}
	return nil
}

// request brings a request, which begins if nothing is known of it.
func (m *dedupModel) request() {
	key, attempt := m.keyFor(), uint32(1+m.r.IntN(2))
	instance := string(key.GetInstance())
	got := m.dedup.find(m.now, key, attempt, 0)
	if _, known := m.last[instance]; known {
		m.last[instance] = m.now
		m.settled[instance] = max(m.settled[instance], key.GetSettled())
		m.drop(func(p *past) bool { return p.instance == instance && p.number < m.settled[instance] })
	}
	running, answered := lookUp(m.running, key), lookUp(m.answers, key)
	lost := running == nil && answered == nil && attempt > 1 && key.GetNumber() <= m.forgotten[instance]
	switch {
	case (got.running != nil) != (running != nil) || running != nil && got.running != running.call:
		m.Fatalf("at %v %v runs as %v, want %v", m.now, key, got.running, running)
	case (got.answer != nil) != (answered != nil) || answered != nil && string(got.answer.Body) != string(answered.answer):
		m.Fatalf("at %v %v has the answer %v, want %v", m.now, key, got.answer, answered)
	case got.lost != lost:
		m.Fatalf("at %v try %d of %v is lost: %v, want %v", m.now, attempt, key, got.lost, lost)
	case running != nil || answered != nil || lost:
		return
	}
	w := &call{}
	m.dedup.begin(m.now, key, w)
	m.running = append(m.running, &past{instance: instance, number: key.GetNumber(), call: w})
	m.last[instance] = m.now
}

// end ends one of the requests that run.
func (m *dedupModel) end() {
	if len(m.running) == 0 {
		return
	}
	i := m.r.IntN(len(m.running))
	p := m.running[i]
	m.running = append(m.running[:i], m.running[i+1:]...)
	refused := m.r.IntN(4) == 0
	p.call, p.ended, p.answer = nil, m.now, make([]byte, m.r.IntN(3000))
	copy(p.answer, fmt.Sprint(p.number))
	answer := messaging.Command{Kind: &mitterev1.Reply{}, Body: p.answer}
	p.size = sizeOf(answer)
	m.dedup.end(m.now, &mitterev1.Key{Instance: []byte(p.instance), Number: p.number}, answer, refused)
	m.last[p.instance] = m.now
	switch {
	case refused || p.number < m.settled[p.instance]:
		return
	case p.size > m.dedup.most:
		m.forgotten[p.instance] = max(m.forgotten[p.instance], p.number)
		return
	}
	m.answers = append(m.answers, p)
	for m.bytes() > m.dedup.most {
		oldest := m.answers[0]
		m.drop(func(p *past) bool { return p == oldest })
	}
}

// bytes returns how much the answers take up.
func (m *dedupModel) bytes() (sum int) {
	for _, p := range m.answers {
		sum += p.size
	}
	return sum
}

// expire lets the cache forget what is old.
func (m *dedupModel) expire() {
	m.dedup.expire(m.now)
	m.drop(func(p *past) bool { return m.now-p.ended > answerAge })
	for instance, last := range m.last {
		busy := false
		for _, p := range append(m.running[:len(m.running):len(m.running)], m.answers...) {
			busy = busy || p.instance == instance
		}
		if !busy && m.now-last > 2*answerAge {
			delete(m.last, instance)
			delete(m.forgotten, instance)
			delete(m.settled, instance)
		}
	}
}

// check compares the cache with the model.
func (m *dedupModel) check() {
	if m.dedup.bytes != m.bytes() || m.dedup.bytes > m.dedup.most || m.dedup.answers.Len() != len(m.answers) {
		m.Fatalf("at %v %d answers of %d bytes are kept, want %d of %d", m.now, m.dedup.answers.Len(), m.dedup.bytes, len(m.answers), m.bytes())
	}
	done, running := 0, 0
	for _, c := range m.dedup.clients {
		done += len(c.done)
		running += len(c.running)
	}
	if done != len(m.answers) || running != len(m.running) || len(m.dedup.clients) != len(m.last) {
		m.Fatalf("at %v %d clients with %d answers and %d requests, want %d, %d and %d",
			m.now, len(m.dedup.clients), done, running, len(m.last), len(m.answers), len(m.running))
	}
}

func TestDeduplicationCacheKeepsWhatItsDocSays(t *testing.T) {
	forSeeds(t, 200, func(t *testing.T, r *rand.Rand) {
		m := &dedupModel{
			T: t, r: r, dedup: newDedup(), settled: map[string]uint64{}, forgotten: map[string]uint64{}, last: map[string]time.Duration{},
		}
		m.dedup.most = 500 + r.IntN(20_000)
		for range 1000 {
			m.now += time.Duration(r.Int64N(int64(time.Second)))
			switch n := r.IntN(100); {
			case n < 50:
				m.request()
			case n < 90:
				m.end()
			case n < 99:
				m.expire()
			default:
				m.now += time.Duration(r.Int64N(int64(3 * answerAge)))
				m.expire()
			}
			m.check()
		}
		for len(m.running) > 0 {
			m.end()
		}
		m.now += 3 * answerAge
		m.expire()
		m.check()
		if len(m.dedup.clients) != 0 || m.dedup.bytes != 0 {
			t.Errorf("of clients that are gone %d are known, with %d bytes", len(m.dedup.clients), m.dedup.bytes)
		}
	})
}

// key returns the key of a request of one client.
func key(number, settled uint64) *mitterev1.Key {
	return &mitterev1.Key{Instance: []byte("client"), Number: number, Settled: settled}
}

// replied is an answer with this body.
func replied(body string) messaging.Command {
	return messaging.Command{Kind: &mitterev1.Reply{}, Body: []byte(body)}
}

func TestRequestThatWasRefusedMayComeAgain(t *testing.T) {
	m := newDedup()
	m.begin(0, key(1, 1), &call{})
	m.end(0, key(1, 1), messaging.Command{}, true)
	if r := m.find(0, key(1, 1), 2, 0); r != (recall{}) {
		t.Errorf("got %+v, want nothing", r)
	}
}

func TestAnswerThatIsGoneIsKnownToBeLostForAWhile(t *testing.T) {
	m := newDedup()
	m.begin(0, key(1, 1), &call{})
	m.end(time.Minute, key(1, 1), replied("answer"), false)
	if r := m.find(time.Minute, key(1, 1), 2, 0); r.answer == nil || string(r.answer.Body) != "answer" {
		t.Fatalf("got %+v, want the answer", r)
	}
	gone := time.Minute + answerAge + 1
	m.expire(gone)
	if r := m.find(gone, key(1, 1), 2, 0); !r.lost {
		t.Errorf("at the second try got %+v, want that it is lost", r)
	}
	if r := m.find(gone, key(1, 1), 1, 0); r != (recall{}) {
		t.Errorf("at the first try got %+v, want nothing", r)
	}
	if r := m.find(gone, key(2, 1), 2, 0); r != (recall{}) {
		t.Errorf("of a later request got %+v, want nothing", r)
	}
	m.expire(gone + 2*answerAge + 1)
	if len(m.clients) != 0 {
		t.Errorf("%d clients are known that are gone", len(m.clients))
	}
}

func TestAnswerThatIsTooLargeIsNotKept(t *testing.T) {
	m := newDedup()
	m.most = 1000
	m.begin(0, key(1, 1), &call{})
	m.end(0, key(1, 1), replied(string(make([]byte, 1000))), false)
	if r := m.find(0, key(1, 1), 2, 0); !r.lost || m.bytes != 0 {
		t.Errorf("got %+v with %d bytes, want that it is lost", r, m.bytes)
	}
}

func TestDetailsOfErrorsCountAsBytes(t *testing.T) {
	m := newDedup()
	m.begin(0, key(1, 1), &call{})
	m.end(0, key(1, 1), messaging.Command{Kind: &mitterev1.Reply{Status: &mitterev1.Status{
		Code: messaging.NotFound, Details: []*anypb.Any{{Value: make([]byte, 1<<20)}},
	}}}, false)
	if m.bytes < 1<<20 {
		t.Errorf("an answer with a megabyte of details counts as %d bytes", m.bytes)
	}
}

func TestKeysThatNameNothingAreNotRemembered(t *testing.T) {
	for _, k := range []*mitterev1.Key{nil, {}, {Number: 1}, {Instance: []byte("client")}, {Instance: make([]byte, command.MaxInstanceSize+1), Number: 1}} {
		m := newDedup()
		m.begin(0, k, &call{})
		m.end(0, k, replied("answer"), false)
		if r := m.find(0, k, 2, 0); r != (recall{}) || len(m.clients) != 0 {
			t.Errorf("%v: got %+v, and %d clients are known", k, r, len(m.clients))
		}
	}
}

func TestClientsThatAreKnownAreBounded(t *testing.T) {
	m := newDedup()
	for i := range maxClients + 10 {
		k := &mitterev1.Key{Instance: fmt.Append(nil, i), Number: 1}
		m.begin(0, k, &call{})
		m.end(0, k, replied(""), false)
	}
	if len(m.clients) != maxClients {
		t.Errorf("%d clients are known, at most %d may be", len(m.clients), maxClients)
	}
	if r := m.find(0, &mitterev1.Key{Instance: fmt.Append(nil, maxClients), Number: 1}, 1, 0); r != (recall{}) {
		t.Errorf("of one beyond got %+v, want nothing", r)
	}
}
