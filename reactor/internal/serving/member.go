package serving

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/outbox"
)

// member is the side of a [messaging.Worker], which goes to a broker.
type member struct {
	*Station
	worker *messaging.Worker
	state  membership

	telling sync.Mutex // guards name, and is held while the broker is told what is offered
	name    string     // at the broker
}

// newMember returns a member that has not joined.
func newMember(s *Station, worker *messaging.Worker) *member {
	return &member{Station: s, state: newMembership(worker), worker: worker, name: s.road.Offer.Name}
}

func (m *member) parts() bool                  { return false }
func (m *member) frameSize() int               { return m.worker.MaxFrameSize() }
func (m *member) ended(peer string, why error) { m.state.part(peer, why) }
func (m *member) unread(string)                {} // a broker reads, or is lost
func (m *member) keep()                        { m.road.senders.Go(joining{m}.run) }

// owns is true: a broker has seen to that for the clients whose requests it hands on.
func (m *member) owns(*session, *mitterev1.Key) bool { return true }

// coming reports whether requests may still come of a broker that has not answered our Drain.
// They are served: it may have nobody else to give them to.
func (m *member) coming() bool { return !m.state.released() }

// serves implements side: a request comes under any name that was offered.
func (m *member) serves(service string) bool { return slices.Contains(m.road.Offer.Services, service) }

// unknown tells nobody: the session that we have with the broker is another one.
func (m *member) unknown(messaging.ReturnPath, *messaging.Error) {}

// drain tells the broker that nothing is offered any more.
func (m *member) drain(s *session) {
	_ = m.tell(s.path, s.ID) // what cannot be told is of a session that is lost
}

// lastWord is how long a command may wait for room that is worth little.
const lastWord = 10 * time.Millisecond

// quickly returns a context that ends soon: sending waits.
func (m *member) quickly(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, lastWord)
}

// longestName is how many bytes of a name stay before a random ending: a broker takes 255.
const longestName = 240

// newName gives the worker another name, which begins with its own.
func (m *member) newName() (former, name string) {
	m.telling.Lock()
	defer m.telling.Unlock()
	former, name = m.name, m.road.Offer.Name
	m.name = strings.ToValidUTF8(name[:min(len(name), longestName)], "") + "-" + strings.ToLower(rand.Text()[:8])
	return former, m.name
}

// greet takes what a broker says of a session.
func (m *member) greet(d *messaging.Delivery) bool {
	switch k := d.Command.Kind.(type) {
	case *mitterev1.Welcome:
		m.welcome(d.ReturnPath(), k)
	case *mitterev1.Drain:
		if m.calls.hear(d.Peer(), k.GetSession(), 0) && m.road.draining.Load() {
			m.state.release() // no request comes behind that
		}
	default:
		return false
	}
	return true
}

// welcome begins a session with the broker, and offers what there is to offer. A second
// Welcome, or one of a former connection, is ignored.
func (m *member) welcome(path messaging.ReturnPath, k *mitterev1.Welcome) {
	met := m.state.agree(path.Peer())
	if met == nil {
		return
	}
	if wrong := command.CheckWelcome(k); wrong != nil {
		m.state.part(path.Peer(), wrong)
		return
	}
	m.worker.LimitFrames(k.GetLimits().GetFrameBytes())
	path = path.Limited(command.FrameLimit(m.frameSize()))
	m.calls.welcome(path, k, met)
	if m.road.quits() { // and it is too late to join
		m.state.part(path.Peer(), ErrStopped)
		return
	}
	if err := m.tell(path, k.GetSession()); err != nil {
		m.state.part(path.Peer(), err)
	}
}

// tell tells the broker what is offered, or that nothing is. The lock keeps what was true first
// from being said last.
func (m *member) tell(path messaging.ReturnPath, session uint64) error {
	m.telling.Lock()
	defer m.telling.Unlock()
	kind := m.road.Offer.Ready(session, m.name)
	if m.road.quits() || m.road.withheld.Load() {
		kind = &mitterev1.Drain{Session: session}
	}
	return m.outbox.Send(m.road.sending, &outgoing{path, messaging.Command{Kind: kind}}, outbox.Last)
}
