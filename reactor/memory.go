package reactor

import (
	"container/list"
	"hash/maphash"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
)

// memory recognises requests that come again by their keys: those that run, and
// for a while the answers of those that have ended. It is pure state, and bounded.
// A client tells below which number it waits for nothing any more, so that seldom
// more is kept than is on its way.
type memory struct {
	age     time.Duration // how long an answer is kept
	most    int           // bytes of all answers
	bytes   int
	clients map[string]*client
	answers *list.List   // of *remembered, oldest first
	seed    maphash.Seed // of digests
}

const (
	// memoryAge is how long the answer to a request is kept.
	memoryAge = 10 * time.Second
	// memoryBytes bounds the answers that are kept.
	memoryBytes = 64 << 20
	// rememberedOverhead is about what an answer takes up beside its content.
	rememberedOverhead = 256
	// maxClients bounds how many clients are known; others are not recognised.
	maxClients = 100_000
)

// client is what is known of the requests of one client.
type client struct {
	running   map[uint64]*work
	done      map[uint64]*list.Element
	settled   uint64        // it waits for nothing below
	forgotten uint64        // the highest number whose answer is not kept any more
	last      time.Duration // when something of it came or ended
}

// remembered is the answer to a request that has ended.
type remembered struct {
	client *client
	number uint64
	digest uint64 // of the request
	at     time.Duration
	size   int
	answer messaging.Command // a Reply
}

// newMemory returns an empty memory.
func newMemory() memory {
	return memory{age: memoryAge, most: memoryBytes, clients: map[string]*client{}, answers: list.New(), seed: maphash.MakeSeed()}
}

// digest returns a hash of what a request asks for, which no peer can compute. It needs
// no lock.
func (m *memory) digest(method string, body []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(m.seed)
	_, _ = h.WriteString(method) // which never fails
	_ = h.WriteByte(0)
	_, _ = h.Write(body)
	return h.Sum64()
}

// recall is what is known of a request that came.
type recall struct {
	running *work              // it runs
	answer  *messaging.Command // it has ended, with this
	lost    bool               // it has ended, and the answer is not known any more
	other   bool               // its key is that of a request that asked for something else
}

// find returns what is known of a request, and notes what its client waits for no
// longer. A key that is none has no past. The digest is that of what it asks for: nobody
// gets the answer to what another one asked.
func (m *memory) find(now time.Duration, key *mitterev1.Key, attempt uint32, digest uint64) (r recall) {
	if !command.ValidKey(key) {
		return r
	}
	c := m.clients[string(key.GetInstance())]
	if c == nil {
		return r
	}
	c.last = now
	m.settle(c, key.GetSettled())
	if w := c.running[key.GetNumber()]; w != nil {
		if w.digest != digest {
			return recall{other: true}
		}
		return recall{running: w}
	}
	if e := c.done[key.GetNumber()]; e != nil {
		if e.Value.(*remembered).digest != digest {
			return recall{other: true}
		}
		return recall{answer: &e.Value.(*remembered).answer}
	}
	return recall{lost: attempt > 1 && key.GetNumber() <= c.forgotten}
}

// settle forgets the answers that a client waits for no longer.
func (m *memory) settle(c *client, settled uint64) {
	if settled <= c.settled {
		return
	}
	if settled-c.settled <= uint64(len(c.done)) { // usually a few, of many that are kept
		for ; c.settled < settled; c.settled++ {
			if e := c.done[c.settled]; e != nil {
				m.forget(e)
			}
		}
		return
	}
	c.settled = settled
	for number, e := range c.done {
		if number < settled {
			m.forget(e)
		}
	}
}

// begin notes that a request runs.
func (m *memory) begin(now time.Duration, key *mitterev1.Key, w *work) {
	if !command.ValidKey(key) {
		return
	}
	c := m.clients[string(key.GetInstance())]
	if c == nil && len(m.clients) >= maxClients {
		return
	}
	if c == nil {
		c = &client{running: map[uint64]*work{}, done: map[uint64]*list.Element{}}
		m.clients[string(key.GetInstance())] = c
	}
	c.last = now
	c.running[key.GetNumber()] = w
}

// end notes how a request ended. One that was refused may come again as if it had
// never come.
func (m *memory) end(now time.Duration, key *mitterev1.Key, answer messaging.Command, refused bool) {
	c := m.clients[string(key.GetInstance())]
	if !command.ValidKey(key) || c == nil {
		return
	}
	c.last = now
	number := key.GetNumber()
	ended := c.running[number]
	delete(c.running, number)
	if refused || number < c.settled || ended == nil {
		return
	}
	r := &remembered{client: c, number: number, digest: ended.digest, at: now, size: sizeOf(answer), answer: answer}
	if r.size > m.most {
		c.forgotten = max(c.forgotten, number)
		return
	}
	c.done[number] = m.answers.PushBack(r)
	m.bytes += r.size
	for m.bytes > m.most {
		m.forget(m.answers.Front())
	}
}

// lose notes that a request has ended without an answer for those who ask again.
func (m *memory) lose(now time.Duration, key *mitterev1.Key) {
	m.end(now, key, messaging.Command{}, true)
	if c := m.clients[string(key.GetInstance())]; c != nil && command.ValidKey(key) {
		c.forgotten = max(c.forgotten, key.GetNumber())
	}
}

// running returns the work of a request that runs, nil if none does.
func (m *memory) running(key *mitterev1.Key) *work {
	if c := m.clients[string(key.GetInstance())]; c != nil {
		return c.running[key.GetNumber()]
	}
	return nil
}

// keep notes that a client is there, though it asks for nothing.
func (m *memory) keep(now time.Duration, instance string) {
	if c := m.clients[instance]; c != nil {
		c.last = now
	}
}

// sizeOf returns about how many bytes an answer takes up. An error may have details
// of any size.
func sizeOf(answer messaging.Command) int {
	return len(answer.Body) + proto.Size(answer.Kind) + rememberedOverhead
}

// forget drops an answer.
func (m *memory) forget(e *list.Element) {
	r := m.answers.Remove(e).(*remembered)
	m.bytes -= r.size
	delete(r.client.done, r.number)
	r.client.forgotten = max(r.client.forgotten, r.number)
}

// expire drops what is too old, and clients of whom nothing came for so long that
// their answers were gone before: that one is lost is known for a while.
func (m *memory) expire(now time.Duration) {
	for e := m.answers.Front(); e != nil && now-e.Value.(*remembered).at > m.age; e = m.answers.Front() {
		m.forget(e)
	}
	for instance, c := range m.clients {
		if len(c.running) == 0 && len(c.done) == 0 && now-c.last > 2*m.age {
			delete(m.clients, instance)
		}
	}
}
