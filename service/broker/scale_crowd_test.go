package broker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/internal/faulttest"
	"github.com/mittere/mittere/messaging"
)

// crowded is the service of a crowd's workers, which its clients ask once each.
const crowded = "crowded"

// crowdView is what has become of a crowd.
type crowdView struct {
	Joined   int // peers with a session
	Answered int // clients
	Beats    int // heartbeats of the broker to the peer that got the fewest
	Lost     []string
}

// crowd is many peers in one process, which speak by themselves: a socket and a
// goroutine each.
type crowd struct {
	zmq *comm.Context
	task

	mu      sync.Mutex // guards what follows
	members []*crowdMember
	lost    []string
}

// crowdMember is one of a crowd. Its goroutine alone uses it but for what is counted.
type crowdMember struct {
	*crowd
	*comm.Dealer
	name    string
	role    mitterev1.Role
	session uint64
	heard   time.Time

	joined, answered bool // under the crowd's lock
	beats            int
}

// beCrowd has many peers keep a session until the process is terminated.
func beCrowd(zmq *comm.Context, do task) error {
	c := &crowd{zmq: zmq, task: do}
	var all sync.WaitGroup
	ctx, cancel := faulttest.UntilTerminated()
	defer cancel()
	for i := range do.Workers + do.Clients {
		m := &crowdMember{crowd: c, name: fmt.Sprintf("%s-%d", do.ID, i), role: mitterev1.Role_ROLE_CLIENT}
		if i < do.Workers {
			m.role = mitterev1.Role_ROLE_WORKER
		}
		c.members = append(c.members, m)
	}
	faulttest.Tell(c.view)
	fmt.Println("begins")
	for _, m := range c.members {
		all.Go(func() {
			if err := m.live(ctx); ctx.Err() == nil {
				c.lose(fmt.Sprintf("%s: %v", m.name, err))
			}
		})
	}
	all.Wait()
	return nil
}

// lose notes that a peer is lost.
func (c *crowd) lose(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = append(c.lost, why)
}

// view returns what has become of the crowd.
func (c *crowd) view() crowdView {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := crowdView{Lost: c.lost, Beats: c.members[0].beats}
	for _, m := range c.members {
		v.Beats = min(v.Beats, m.beats)
		if m.joined {
			v.Joined++
		}
		if m.answered {
			v.Answered++
		}
	}
	return v
}

// note changes what is counted.
func (m *crowdMember) note(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// live keeps a session until ctx ends, or returns why that is lost.
func (m *crowdMember) live(ctx context.Context) (err error) {
	if m.Dealer, err = comm.NewDealer(m.zmq, m.Endpoint, comm.WithLinger(0)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	hello := &mitterev1.Hello{Instance: []byte(m.name), Role: m.role, HeartbeatNano: int64(m.Heartbeat), SentAtNano: now()}
	if err := m.say(ctx, hello, nil); err != nil {
		return err
	}
	m.heard = time.Now()
	for next := time.Now().Add(m.every()); ; {
		if err := m.hear(ctx, next); err != nil {
			return err
		}
		if silence := time.Since(m.heard); m.session != 0 && silence > 3*m.Heartbeat {
			return fmt.Errorf("the broker was silent for %v", silence)
		}
		if m.session != 0 && !time.Now().Before(next) {
			next = next.Add(m.every())
			if err := m.say(ctx, &mitterev1.Heartbeat{Session: m.session, SentAtNano: now()}, nil); err != nil {
				return err
			}
		}
	}
}

// every is how often a peer says that it lives.
func (c *crowd) every() time.Duration { return c.Heartbeat * 3 / 4 }

// now is the clock of the peers.
func now() int64 { return time.Now().UnixNano() }

// say sends a command.
func (m *crowdMember) say(ctx context.Context, kind proto.Message, body []byte) error {
	c := messaging.Command{Kind: kind, Body: body}
	frames, err := c.Frames()
	if err != nil {
		return err
	}
	return m.Send(ctx, comm.NewMessage(frames...))
}

// hear takes the next command, if there is one until then.
func (m *crowdMember) hear(ctx context.Context, until time.Time) error {
	short, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	got, err := m.Recv(short)
	switch {
	case short.Err() != nil && err != nil:
		return ctx.Err()
	case err != nil:
		return err
	}
	c, err := command.Decode(got.Frames)
	if err != nil {
		return err
	}
	m.heard = time.Now()
	return m.take(ctx, c)
}

// take does what a command asks for.
func (m *crowdMember) take(ctx context.Context, c messaging.Command) error {
	switch k := c.Kind.(type) {
	case *mitterev1.Welcome:
		m.session = k.GetSession()
		m.note(func() { m.joined = true })
		return m.begin(ctx)
	case *mitterev1.Heartbeat:
		m.note(func() { m.beats++ })
	case *mitterev1.Request:
		return m.say(ctx, &mitterev1.Reply{Call: k.GetCall()}, c.Body)
	case *mitterev1.Reply:
		if k.GetStatus() != nil {
			return fmt.Errorf("the answer is %v", k.GetStatus())
		}
		m.note(func() { m.answered = true })
	case *mitterev1.Disconnect:
		return fmt.Errorf("the broker disconnects: %v", k.GetStatus())
	}
	return nil
}

// begin has a worker offer the service of the crowd, and a client ask for it.
func (m *crowdMember) begin(ctx context.Context) error {
	if m.role == mitterev1.Role_ROLE_WORKER {
		return m.say(ctx, &mitterev1.Ready{Session: m.session, Instance: m.name, Services: []string{crowded}, Capacity: 4}, nil)
	}
	e, err := messaging.Pack(wrapperspb.String(m.name))
	if err != nil {
		return err
	}
	return m.say(ctx, &mitterev1.Request{Call: 1, Session: m.session, Service: crowded, SentAtNano: now(), TimeoutNano: int64(time.Minute)}, e.Append(nil))
}
