package reactor

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"github.com/mittere/mittere/messaging"
)

// member is a reactor at one broker: the connection that its host tries or keeps a
// session on, and what others may know of it.
type member struct {
	worker  *messaging.Worker
	offer   Offer
	telling sync.Mutex // held while the broker is told what is offered, and the name changed

	mu      sync.Mutex // guards what follows
	line    string     // the Peer of the connection; empty if there is none
	end     context.CancelCauseFunc
	agreed  bool          // the broker has welcomed us
	met     chan struct{} // closed when it then speaks to us
	joined  bool          // there is a session
	why     error         // why there is none
	over    bool          // and there will not be one again
	changed chan struct{}
	free    chan struct{} // closed when the broker gives us nothing further
}

// newMember returns a member that has not joined.
func newMember(worker *messaging.Worker, offer Offer) *member {
	return &member{
		worker: worker, offer: offer, changed: make(chan struct{}), free: make(chan struct{}),
		why: messaging.Errorf(messaging.Unavailable, "%v: not joined yet", worker),
	}
}

// longestName is how many bytes of a name stay before a random ending: a broker takes 255.
const longestName = 240

// rename gives the worker another name, which begins with this one.
func (m *member) rename(base string) (former, name string) {
	m.telling.Lock()
	defer m.telling.Unlock()
	former = m.offer.Name
	m.offer.Name = strings.ToValidUTF8(base[:min(len(base), longestName)], "") + "-" + strings.ToLower(rand.Text()[:8])
	return former, m.offer.Name
}

// begin notes that a session is tried on a connection, whose end ends it. It returns
// what is closed when the broker has accepted us.
func (m *member) begin(line string, end context.CancelCauseFunc) (met <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.line, m.end, m.agreed, m.met = line, end, false, make(chan struct{})
	return m.met
}

// agree notes that the broker has welcomed us, and returns what is to be closed when it
// next speaks: it does so once it has taken our offer, or else leaves us. Nil means that
// nobody waited for a welcome, or not any more.
func (m *member) agree(line string) (met chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if line == "" || m.line != line || m.agreed {
		return nil
	}
	m.agreed = true
	return m.met
}

// giveUp ends the try to get a session, unless the broker has agreed.
func (m *member) giveUp(line string, why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.line == line && !m.agreed {
		m.end(why)
	}
}

// enter notes that there is a session.
func (m *member) enter(line string) {
	m.change(func() {
		if m.line == line && !m.joined {
			m.joined, m.why = true, nil
		}
	})
}

// part ends the session on a connection, or the try to get one.
func (m *member) part(line string, why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if line != "" && m.line == line {
		m.end(why)
	}
}

// leave notes that there is no session any more.
func (m *member) leave(why error) {
	m.change(func() { m.line, m.end, m.joined, m.why = "", nil, false, why })
}

// finish notes that there will be none again; the first reason counts.
func (m *member) finish(why error) {
	m.change(func() {
		if !m.over {
			m.over, m.joined, m.why = true, false, why
		}
	})
}

// release notes that the broker gives us nothing further.
func (m *member) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.released() {
		close(m.free)
	}
}

// released reports whether the broker gives us nothing further.
func (m *member) released() bool {
	select {
	case <-m.free:
		return true
	default:
		return false
	}
}

// releasePatience is how long a broker may take to answer a Drain.
const releasePatience = time.Second

// awaitRelease waits until the broker gives us nothing further, which is also so if
// it has not welcomed us, and for no longer than it may take.
func (m *member) awaitRelease(ctx context.Context) {
	defer m.release()
	ctx, cancel := context.WithTimeout(ctx, releasePatience)
	defer cancel()
	for {
		welcome, changed := m.welcome()
		if !welcome {
			return
		}
		select {
		case <-m.free:
			return
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// welcome returns whether the broker may give us something, and what tells of a change.
func (m *member) welcome() (welcome bool, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.line != "" && m.agreed, m.changed
}

// change changes what others wait for, and tells them.
func (m *member) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	close(m.changed)
	m.changed = make(chan struct{})
}

// state returns whether there is a session, or else whether that is for good and why,
// and what tells of a change.
func (m *member) state() (joined, over bool, changed <-chan struct{}, why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.joined, m.over, m.changed, m.why
}

// wait waits for a session.
func (m *member) wait(ctx context.Context) error {
	for {
		joined, over, changed, why := m.state()
		if joined || over {
			return why
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return messaging.WaitError(ctx, why)
		}
	}
}

// joinNoMore tells those who wait for a session that Run has ended.
func (r *Reactor) joinNoMore() {
	for _, s := range r.stations {
		if s.member != nil {
			s.member.finish(errStopped)
		}
	}
}

// WaitJoined waits until the brokers of all [messaging.Worker] sockets have accepted what
// the reactor offers, until ctx ends. A broker has when the first heartbeat or request of
// a session comes: it may send one at once, and does within a heartbeat. Without such
// sockets it returns at once. An error says why a broker has not; it comes before ctx
// ends if Run has, as it does with the broker's error if that will never accept the
// offer: with code INVALID_ARGUMENT, PERMISSION_DENIED, UNIMPLEMENTED or
// FAILED_PRECONDITION, or with ALREADY_EXISTS.
func (r *Reactor) WaitJoined(ctx context.Context) error {
	for _, s := range r.stations {
		if s.member == nil {
			continue
		}
		if err := s.member.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}
