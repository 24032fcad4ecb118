package native

import (
	"context"
	"sync"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
	"github.com/mittere/mittere/comm/internal/zmtp"
)

// socket implements engine.Socket.
type socket struct {
	ctx       *engineContext
	config    engine.Config
	handshake zmtp.Config // what its handshakes say
	limits    zmtp.Limits // what its peers may send
	bounds    bounds
	counters  engine.Counters
	failures  failures  // of connections from this side
	ends      broadcast // of connections

	in inbox

	sendMu  sync.Mutex // guards what follows
	pattern pattern
	peers   map[*peer]struct{} // that there are, connected or not
	senders waitlist           // who waits for room or for a peer
	rooms   waitlist           // who waits in WaitRoom
	roomed  bool               // there is room somewhere that nobody was told of
	touched []*peer            // who has something to flush
	stopped bool               // nothing is sent any more

	life    context.Context // of all connections; it ends when nothing is left to be sent
	end     context.CancelFunc
	running sync.WaitGroup // goroutines of listeners, dialers and connections
	done    chan struct{}  // closed by Close
	gone    chan struct{}  // closed when no goroutine is left

	mu      sync.Mutex // guards what follows; it comes before sendMu
	closed  bool
	binds   []*bind
	dialers []*dialer
}

// newSocket returns a socket without endpoints.
func newSocket(ctx *engineContext, c engine.Config) *socket {
	s := &socket{
		ctx: ctx, config: c, limits: limitsFor(c.MaxFrameSize), bounds: bounds{handshakeTime, maxConnections}, peers: map[*peer]struct{}{},
		handshake: zmtp.Config{Type: socketTypes[c.Pattern], Identity: []byte(c.RoutingID)},
		done:      make(chan struct{}), gone: make(chan struct{}),
	}
	if !s.sends() {
		s.config.Linger = 0
	}
	s.in.counters, s.in.most = &s.counters, maxReceived
	s.pattern = newPattern(s)
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// socketTypes are what handshakes call the patterns.
var socketTypes = [...]zmtp.SocketType{
	engine.Pub: zmtp.Pub, engine.Sub: zmtp.Sub, engine.XPub: zmtp.XPub, engine.XSub: zmtp.XSub,
	engine.Dealer: zmtp.Dealer, engine.Router: zmtp.Router, engine.Push: zmtp.Push, engine.Pull: zmtp.Pull, engine.Pair: zmtp.Pair,
}

// sends says whether the socket sends messages, and not only subscriptions.
func (s *socket) sends() bool {
	switch s.config.Pattern {
	case engine.Sub, engine.XSub, engine.Pull:
		return false
	}
	return true
}

// receives says whether the socket's user receives messages.
func (s *socket) receives() bool {
	return s.config.Pattern != engine.Pub && s.config.Pattern != engine.Push
}

// publishes says whether peers subscribe here.
func (s *socket) publishes() bool {
	return s.config.Pattern == engine.Pub || s.config.Pattern == engine.XPub
}

// wants says whether a message that begins with this frame is received.
func (s *socket) wants(first []byte) bool {
	sub, ok := s.pattern.(*subscribing)
	return !ok || sub.wants(first)
}

// received returns a received message, of frames that are its own.
func (s *socket) received(frames [][]byte) item {
	if s.ctx.config.Poison {
		return item{message: engine.Received(frames, poisoner{}, 0)}
	}
	return item{message: engine.Received(frames, nil, 0)}
}

// poisoner overwrites what is released.
type poisoner struct{}

func (poisoner) Release(_ uint64, frames [][]byte) { engine.Poison(frames) }

func (s *socket) Recv(ctx context.Context) (engine.Message, error) {
	var one [1]engine.Message
	_, err := s.in.recv(ctx, one[:])
	return one[0], err
}

func (s *socket) RecvBatch(ctx context.Context, batch []engine.Message) (int, error) {
	return s.in.recv(ctx, batch)
}

func (s *socket) Stats() engine.Stats { return s.counters.Stats() }

func (s *socket) Waiting() (receivers, senders int) {
	s.in.mu.Lock()
	receivers = s.in.receivers.n
	s.in.mu.Unlock()
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	return receivers, s.senders.n + s.rooms.n
}

// closedError is the error of a call on a closed socket.
func closedError(op string) error { return &engine.Error{Op: op, Reason: engine.Closed} }

func (s *socket) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	binds, dialers := s.binds, s.dialers
	s.mu.Unlock()

	s.stopSending() // before anybody is told that the socket is closed
	close(s.done)
	s.ctx.names.leave(s)
	s.in.close()
	for _, b := range binds {
		b.retire(s)
	}
	for _, d := range dialers {
		d.retire()
	}
	s.dropPipes("")
	s.finish()
	return nil
}

// stopSending ends the calls that wait to send.
func (s *socket) stopSending() {
	s.sendMu.Lock()
	defer s.sendMu.Unlock()
	s.stopped = true
	s.senders.wakeAll()
	s.rooms.wakeAll()
}

// finish lets the goroutines of the socket send what is left, for the linger time at
// most, and then forgets the socket.
func (s *socket) finish() {
	late := time.AfterFunc(s.config.Linger, s.end)
	go func() {
		s.running.Wait()
		late.Stop()
		s.end()
		s.ctx.forget(s)
		close(s.gone)
	}()
}
