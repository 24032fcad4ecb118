package serving

import (
	"context"
	"sync"
	"time"

	"github.com/mittere/mittere/internal/broadcast"
	"github.com/mittere/mittere/messaging"
)

// membership is what is known of the session with a broker: the connection that it is tried or
// kept on, and whether there is one. Others may wait for it.
type membership struct {
	mu      sync.Mutex // guards what follows
	line    string     // the Peer of the connection; empty if there is none
	end     context.CancelCauseFunc
	agreed  bool          // the broker has welcomed us
	met     chan struct{} // closed when it then speaks to us
	joined  bool          // there is a session
	why     error         // why there is none
	over    bool          // and there will not be one again
	changed broadcast.Signal
	free    chan struct{} // closed when the broker gives us nothing further
}

// newMembership returns that of a worker that has not joined.
func newMembership(worker *messaging.Worker) membership {
	return membership{
		free: make(chan struct{}),
		why:  messaging.Errorf(messaging.Unavailable, "%v: not joined yet", worker),
	}
}

// try notes that a session is tried on a connection, whose end ends it. It returns
// what is closed when the broker has accepted us.
func (m *membership) try(line string, end context.CancelCauseFunc) (met <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.line, m.end, m.agreed, m.met = line, end, false, make(chan struct{})
	return m.met
}

// agree notes that the broker has welcomed us, and returns what is to be closed when it
// next speaks: it does so once it has taken our offer, or else leaves us. Nil means that
// nobody waited for a welcome, or not any more.
func (m *membership) agree(line string) (met chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if line == "" || m.line != line || m.agreed {
		return nil
	}
	m.agreed = true
	return m.met
}

// giveUp ends the try to get a session, unless the broker has agreed.
func (m *membership) giveUp(line string, why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.line == line && !m.agreed {
		m.end(why)
	}
}

// enter notes that there is a session.
func (m *membership) enter(line string) {
	m.change(func() {
		if m.line == line && !m.joined {
			m.joined, m.why = true, nil
		}
	})
}

// part ends the session on a connection, or the try to get one.
func (m *membership) part(line string, why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if line != "" && m.line == line {
		m.end(why)
	}
}

// leave notes that there is no session any more.
func (m *membership) leave(why error) {
	m.change(func() { m.line, m.end, m.joined, m.why = "", nil, false, why })
}

// finish notes that there will be none again; the first reason counts.
func (m *membership) finish(why error) {
	m.change(func() {
		if !m.over {
			m.over, m.joined, m.why = true, false, why
		}
	})
}

// release notes that the broker gives us nothing further.
func (m *membership) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.released() {
		close(m.free)
	}
}

// released reports whether the broker gives us nothing further.
func (m *membership) released() bool {
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
func (m *membership) awaitRelease(ctx context.Context) {
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
func (m *membership) welcome() (welcome bool, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.line != "" && m.agreed, m.changed.Changed()
}

// change changes what others wait for, and tells them.
func (m *membership) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	m.changed.Notify()
}

// state returns whether there is a session, or else whether that is for good and why,
// and what tells of a change.
func (m *membership) state() (joined, over bool, changed <-chan struct{}, why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.joined, m.over, m.changed.Changed(), m.why
}

// wait waits for a session.
func (m *membership) wait(ctx context.Context) error {
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
