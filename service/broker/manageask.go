package broker

import (
	"time"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// Questions are asked as often as peers like, and may be about all that there is. So each
// takes the broker's lock for what it needs of it, and no more: names are looked up in sets,
// orders and answers are made outside of it, and what is done to many workers is done to a
// few at a time.

const (
	// shortLook is how long the lock may be held without a pause after it.
	shortLook = time.Millisecond
	// atOnce is how many workers something is done to under one lock.
	atOnce = 100
)

// inspect calls f under the broker's lock. One question does so at a time, and when it took
// long, the next one waits: all questions take at most a tenth of the time.
func (m manager) inspect(f func()) {
	m.b.asking.Lock()
	defer m.b.asking.Unlock()
	if took := m.b.hold(f); took > shortLook {
		time.Sleep(9 * took)
	}
}

// hold calls f under the broker's lock, and returns how long it had that.
func (b *Broker) hold(f func()) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	began := time.Now()
	f()
	return time.Since(began)
}

// checkNames returns what is wrong with names of workers that a request asks for.
func (m manager) checkNames(names []string) error {
	if most := m.b.deskLimits().Workers; len(names) > most {
		return messaging.Errorf(messaging.InvalidArgument, "%d names of workers, want %d at most", len(names), most)
	}
	return nil
}

// information is what is known of a worker, and of it as a peer.
type information struct {
	desk.WorkerView
	dialect        string
	received, sent uint64
}

// find returns the workers of these names, or all if there are none, in no order, the names
// that no worker has, each once, and the time of the look.
func (m manager) find(names []string) (found []information, unknown []string, now time.Duration) {
	seen := make(map[string]bool, len(names))
	m.inspect(func() {
		now = m.b.now()
		if len(names) == 0 {
			found = make([]information, 0, m.b.desk.Load().Workers)
			for w := range m.b.desk.EachWorker {
				found = append(found, m.b.inform(w))
			}
		}
		for _, name := range names {
			if seen[name] {
				continue
			}
			seen[name] = true
			if w, is := m.b.desk.Worker(name); is {
				found = append(found, m.b.inform(w))
			} else {
				unknown = append(unknown, name)
			}
		}
	})
	return found, unknown, now
}

// inform returns what is known of a worker, under the lock.
func (b *Broker) inform(w desk.WorkerView) information {
	i := information{WorkerView: w}
	if p := b.peers[w.Peer]; p != nil {
		i.dialect, i.received, i.sent = p.dialect, p.received, p.sent
	}
	return i
}
