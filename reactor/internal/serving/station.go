package serving

import (
	"context"
	"log/slog"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor/internal/outbox"
)

// Socket is what a station receives from; see reactor.Socket.
type Socket interface {
	// Recv waits for a message.
	Recv(context.Context) (*messaging.Delivery, error)
	// Traits says what else the socket can do.
	Traits() messaging.Traits
	// String names it.
	String() string
}

// Station is one socket on the road.
type Station struct {
	Socket
	road   *Road
	reader reader
	outbox *outbox.Outbox
	calls  calls
	side   side
	// refuses reports whether messages come among the commands of sessions, so that none may
	// wait for room: what finds none is refused.
	refuses bool
}

// side is what a socket is to its peers: one for clients, one that leads to a broker, or one
// without sessions.
type side interface {
	// keep starts what keeps the connections of sessions.
	keep()
	// greet handles what begins or changes a session; false means that the command is for
	// none of it.
	greet(d *messaging.Delivery) bool
	// frameSize is how many bytes a frame may have.
	frameSize() int
	// serves reports whether requests for a service are served besides those that all of the
	// reactor serves.
	serves(service string) bool
	// owns reports whether the key of a request is of the client whose session it is.
	owns(s *session, key *mitterev1.Key) bool
	// coming reports whether requests are served though the reactor drains.
	coming() bool
	// unknown tells a peer that it has no session, and why.
	unknown(path messaging.ReturnPath, why *messaging.Error)
	// ended is told that a session of a peer has ended, or that the peer hung up. The lock
	// of the calls may be held.
	ended(peer string, why error)
	// unread is told that an answer was dropped that a peer would wait for without end.
	unread(peer string)
	// drain tells the peer of a session to send no further requests.
	drain(s *session)
	// quickly returns a context for what is sent only if there is room.
	quickly(ctx context.Context) (context.Context, context.CancelFunc)
	// parts reports whether its peers end their sessions when they have read the last word.
	parts() bool
}

// newStation returns a socket that nothing is done with yet.
func newStation(r *Road, socket Socket) *Station {
	traits := socket.Traits()
	s := &Station{Socket: socket, road: r}
	s.reader.station = s
	s.calls = newCalls(s)
	s.outbox = outbox.New(outbox.Config{
		WaitRoom: traits.WaitRoom, Limit: r.Outbox, Bytes: r.OutboxBytes,
		Sent: messageLog{r.Log}.sent, Evicted: s.evicted,
	})
	s.refuses = traits.Worker != nil || traits.Server != nil
	switch {
	case traits.Worker != nil:
		m := newMember(s, traits.Worker)
		s.side, r.members = m, append(r.members, m)
	case traits.Server != nil:
		s.side = &clients{s, traits.Server}
	default:
		s.side = sessionless{}
	}
	return s
}

// LogValue returns the socket's name, for lines that are logged and not for those that are
// left out.
func (s *Station) LogValue() slog.Value { return slog.StringValue(s.String()) }

// start starts what serves the socket.
func (s *Station) start() {
	if s.refuses {
		s.road.senders.Go(heartbeats{s}.run)
	}
	s.side.keep()
	s.reader.start()
	s.road.senders.Go(s.empty)
}

// empty sends what the outbox keeps, until no handler runs any more and it is empty or time is
// up.
func (s *Station) empty() {
	left := s.outbox.Run(s.road.working, s.road.handling.Done(), func(err error) {
		s.road.stats.Undeliverable.Add(1)
		if !messaging.IsUnreachable(err) {
			s.calls.dropped.Store(true)
		}
		s.road.warn("reply not sent", "socket", s, "error", err)
	})
	s.road.stats.Undeliverable.Add(uint64(left))
}

// evicted counts what was kept for a slow consumer that made place for others, and ends its
// session: its calls would wait for answers that never come.
func (s *Station) evicted(peer string, messages int) {
	s.road.stats.Undeliverable.Add(uint64(messages))
	s.road.warn("a peer that takes nothing is given up", "socket", s, "answers", messages)
	s.side.unread(peer)
}

// drain tells all peers to send no further requests.
func (s *Station) drain() {
	for _, session := range s.calls.all() {
		s.side.drain(session)
	}
}

// Take walks the road with messages that arrived together, on the goroutine that read them, and
// does not wait but for handlers that run inline. False means that the socket shall be left
// unread until there is room: nothing of the batch is left, but no more fits.
func (s *Station) Take(batch []*messaging.Delivery) (more bool) {
	more = true
	log := messageLog{s.road.Log}
	shown := log.on()
	for i, d := range batch {
		if shown {
			log.received(d)
		}
		alone := i == len(batch)-1 && !d.More()
		if d.Command != nil {
			commands{s}.take(d, alone)
			continue
		}
		more = s.takePlain(d, alone) && more
	}
	return more
}

// takePlain takes a plain envelope.
func (s *Station) takePlain(d *messaging.Delivery, alone bool) (more bool) {
	s.road.activity.begin(&s.road.phases)
	h, unknown := s.road.Handlers.ofType(d.Type)
	p := s.newPlain(d, h)
	switch {
	case s.road.working.Err() != nil:
		s.road.stats.Refused.Add(1)
		p.refuse("message refused", ErrStopped)
	case unknown != nil:
		s.road.stats.Unknown.Add(1)
		p.reject("no handler", unknown)
	default:
		if refused := s.admit(&p.Request, times{}, 0); refused != nil {
			p.refuse("message refused", refused)
			break
		}
		return s.schedule(&p.Request, alone)
	}
	p.leave()
	return true
}

// sessionless is the side of a socket without sessions.
type sessionless struct{}

func (sessionless) keep()                                          {}
func (sessionless) greet(*messaging.Delivery) bool                 { return false }
func (sessionless) frameSize() int                                 { return 0 }
func (sessionless) serves(string) bool                             { return false }
func (sessionless) owns(*session, *mitterev1.Key) bool             { return false }
func (sessionless) coming() bool                                   { return false }
func (sessionless) unknown(messaging.ReturnPath, *messaging.Error) {}
func (sessionless) ended(string, error)                            {}
func (sessionless) unread(string)                                  {}
func (sessionless) drain(*session)                                 {}
func (sessionless) parts() bool                                    { return false }
func (sessionless) quickly(ctx context.Context) (context.Context, context.CancelFunc) {
	return ctx, func() {}
}
