package native

import (
	"sync"
	"time"

	"github.com/mittere/mittere/comm/internal/engine"
	"github.com/mittere/mittere/comm/internal/zmtp"
)

// subscribing is the pattern of SUB and XSUB, which send nothing but subscriptions, to
// all peers.
type subscribing struct {
	socket *socket
	counts map[string]int // how often to each prefix; SUB's user once at most

	mu     sync.RWMutex // guards what follows; sendMu is held too to change it
	filter *subscriptions[struct{}]
}

func newSubscribing(s *socket) *subscribing {
	const unbounded = int(^uint(0) >> 1)
	return &subscribing{socket: s, counts: map[string]int{}, filter: newSubscriptions[struct{}](allowance{unbounded, unbounded})}
}

func (*subscribing) join(*peer, string, time.Time) (*peer, error) { return nil, nil }
func (*subscribing) leave(*peer)                                  {}
func (*subscribing) roomy(*peer)                                  {}

// greet has a new peer know of all subscriptions.
func (s *subscribing) greet(dst []byte, minor byte) []byte {
	for _, prefix := range s.filter.all() {
		dst = zmtp.AppendSubscribe(dst, minor, prefix)
	}
	return dst
}

// send sends a subscription of an XSUB's user. Repetitions of one prefix stay here.
func (s *subscribing) send(frames [][]byte) verdict {
	subscribes, prefix, _ := engine.ReadSubscription(frames)
	before := s.counts[string(prefix)]
	switch {
	case subscribes:
		s.counts[string(prefix)]++
	case before > 1:
		s.counts[string(prefix)]--
		return sent
	default:
		delete(s.counts, string(prefix))
	}
	if subscribes != (before > 0) {
		s.tell(subscribes, prefix)
	}
	return sent
}

// ask is what the user of a SUB does: twice is once.
func (s *subscribing) ask(subscribes bool, prefix []byte) {
	if _, known := s.counts[string(prefix)]; known == subscribes {
		return
	}
	if subscribes {
		s.counts[string(prefix)] = 1
	} else {
		delete(s.counts, string(prefix))
	}
	s.tell(subscribes, prefix)
}

// tell has all peers know.
func (s *subscribing) tell(subscribes bool, prefix []byte) {
	s.mu.Lock()
	if subscribes {
		s.filter.add(struct{}{}, prefix)
	} else {
		s.filter.remove(struct{}{}, prefix)
	}
	s.mu.Unlock()
	for p := range s.socket.peers {
		p.link.tell(subscribes, prefix)
		s.socket.touch(p)
	}
}

// wants says whether a message is received. A publisher may send what was asked for
// before, or by others; the user of an XSUB has it all.
func (s *subscribing) wants(first []byte) bool {
	if s.socket.config.Pattern == engine.XSub {
		return true
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.filter.matches(first)
}
