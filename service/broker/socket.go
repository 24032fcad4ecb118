package broker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/dialect"
	"github.com/mittere/mittere/service/broker/internal/dialect/mdp"
	"github.com/mittere/mittere/service/broker/internal/dialect/native"
	"github.com/mittere/mittere/service/broker/internal/dialect/pirate"
	"github.com/mittere/mittere/service/broker/internal/dialect/plain"
)

// socket is one of a broker's, with the dialects that are spoken there.
type socket struct {
	router   *comm.Router
	dialects []dialect.Dialect // the first that speaks a peer's first message has the peer
}

// pair is two sockets for one service.
type pair struct{ front, back, service string }

// openSockets makes the sockets. Those that were made are there also if another fails.
func (b *Broker) openSockets(zctx *comm.Context, endpoints string) error {
	if err := b.listen(zctx, endpoints); err != nil {
		return err
	}
	main := b.sockets[0]
	b.router, main.dialects = main.router, b.dialects(main.router.MaxFrameSize())
	if err := b.router.Bind(b.private.endpoint); err != nil {
		return err
	}
	for _, p := range b.pairs {
		if err := b.listen(zctx, p.front, pirate.Front(p.service)); err != nil {
			return err
		}
		if err := b.listen(zctx, p.back, pirate.Back(p.service, b.heartbeat, b.liveness)); err != nil {
			return err
		}
	}
	return nil
}

// listen makes a socket.
func (b *Broker) listen(zctx *comm.Context, endpoints string, dialects ...dialect.Dialect) error {
	router, err := comm.NewRouter(zctx, endpoints, b.socket...)
	if err == nil {
		b.sockets = append(b.sockets, &socket{router: router, dialects: dialects})
	}
	return err
}

// dialects returns those of the main socket, in the order in which they are asked.
func (b *Broker) dialects(frameBytes int) []dialect.Dialect {
	heartbeat := mdp.WithHeartbeat(b.heartbeat, b.liveness)
	return []dialect.Dialect{
		native.New(native.WithName(b.name), native.WithHeartbeat(b.session), native.WithOwn(b.private.secret),
			native.WithLimits(frameBytes, b.desk.Limits().Requests)),
		mdp.V1(heartbeat),
		mdp.V2(heartbeat),
		plain.New(), // the last, for it has no signature
	}
}

// Pirates is where the two sockets of [WithPirate] listen, with real ports.
type Pirates struct {
	Service     string   // that is asked for at the front, and offered at the back
	Front, Back []string // endpoints
}

// Pirates returns the sockets that were added with [WithPirate], in that order.
func (b *Broker) Pirates() []Pirates {
	var all []Pirates
	for i, p := range b.pairs {
		front, back := b.sockets[1+2*i], b.sockets[2+2*i]
		all = append(all, Pirates{p.service, front.router.Endpoints(), back.router.Endpoints()})
	}
	return all
}

// arrival is a batch of messages of one socket.
type arrival struct {
	socket   int
	messages []comm.Message
}

// batchSize is how many messages are taken off a socket at once.
const batchSize = 64

// receive hands messages of a socket to the loop until that has ended, or the socket
// fails. A message that is too large is dropped by the socket, which works on.
func (l *loop) receive(index int, s *socket) error {
	batch := make([]comm.Message, batchSize)
	for {
		n, err := s.router.RecvBatch(l.serving, batch)
		if n > 0 {
			messages := slices.Clone(batch[:n]) // seldom are there many
			clear(batch[:n])
			select {
			case l.received <- arrival{index, messages}:
			case <-l.serving.Done():
				return nil
			}
		}
		switch {
		case l.serving.Err() != nil:
			return nil
		case err != nil && !errors.Is(err, comm.TooLarge):
			return messaging.FromComm(err)
		}
	}
}

// leastProbe stands between the end of a connection and a look at which peers are
// still there, and so between two such looks.
const leastProbe = 50 * time.Millisecond

// watch sends something to all who expect it soon after a connection ended: those
// that cannot be reached are gone. It takes at most a tenth of the time, however
// often connections end. Not at once: libzmq tells of the end before the socket
// itself knows, which until then takes what is sent to a peer that is gone.
func (l *loop) watch(index int, s *socket) {
	pause := leastProbe
	for seen := uint64(0); ; {
		var err error
		if seen, err = s.router.WaitDisconnect(l.serving, seen); err != nil {
			return
		}
		if !sleep(l.serving, pause) {
			return
		}
		began := time.Now()
		l.probe(index)
		pause = max(9*time.Since(began), leastProbe)
	}
}

// sleep waits for a while; false means that ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
