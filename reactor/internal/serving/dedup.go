package serving

import (
	"container/list"
	"hash/maphash"
	"time"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging"
)

// dedup is the deduplication cache: it recognises repeated requests by their keys, those that
// run and for a while the answers of those that have ended. It is pure state, and bounded. A
// client tells below which number it waits for nothing any more, so that seldom more is kept
// than is on its way.
type dedup struct {
	age     time.Duration // how long an answer is kept
	most    int           // bytes of all answers
	bytes   int
	clients map[string]*history
	answers *list.List   // of *cached, oldest first
	seed    maphash.Seed // of digests
}

const (
	// answerAge is how long the answer to a request is kept.
	answerAge = 10 * time.Second
	// answerBytes bounds the answers that are kept.
	answerBytes = 64 << 20
	// answerOverhead is about what an answer takes up beside its content.
	answerOverhead = 256
	// maxClients bounds how many clients are known; others are not recognised.
	maxClients = 100_000
)

// history is what is known of the requests of one client.
type history struct {
	running   map[uint64]*call
	done      map[uint64]*list.Element
	settled   uint64        // it waits for nothing below
	forgotten uint64        // the highest number whose answer is not kept any more
	last      time.Duration // when something of it came or ended
}

// cached is the answer to a request that has ended.
type cached struct {
	client *history
	number uint64
	digest uint64 // of the request
	at     time.Duration
	size   int
	answer messaging.Command // a Reply
}

// newDedup returns an empty cache.
func newDedup() dedup {
	return dedup{age: answerAge, most: answerBytes, clients: map[string]*history{}, answers: list.New(), seed: maphash.MakeSeed()}
}

// digest returns a hash of what a request asks for, which no peer can compute. It needs
// no lock.
func (d *dedup) digest(method string, body []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(d.seed)
	_, _ = h.WriteString(method) // which never fails
	_ = h.WriteByte(0)
	_, _ = h.Write(body)
	return h.Sum64()
}

// recall is what is known of a request that came.
type recall struct {
	running *call              // it runs
	answer  *messaging.Command // it has ended, with this
	lost    bool               // it has ended, and the answer is not known any more
	other   bool               // its key is that of a request that asked for something else
}

// find returns what is known of a request, and notes what its client waits for no
// longer. A key that is none has no past. The digest is that of what it asks for: nobody
// gets the answer to what another one asked.
func (d *dedup) find(now time.Duration, key *mitterev1.Key, attempt uint32, digest uint64) (r recall) {
	if !command.ValidKey(key) {
		return r
	}
	c := d.clients[string(key.GetInstance())]
	if c == nil {
		return r
	}
	c.last = now
	d.settle(c, key.GetSettled())
	if w := c.running[key.GetNumber()]; w != nil {
		if w.digest != digest {
			return recall{other: true}
		}
		return recall{running: w}
	}
	if e := c.done[key.GetNumber()]; e != nil {
		if e.Value.(*cached).digest != digest {
			return recall{other: true}
		}
		return recall{answer: &e.Value.(*cached).answer}
	}
	return recall{lost: attempt > 1 && key.GetNumber() <= c.forgotten}
}

// settle forgets the answers that a client waits for no longer.
func (d *dedup) settle(c *history, settled uint64) {
	if settled <= c.settled {
		return
	}
	if settled-c.settled <= uint64(len(c.done)) { // usually a few, of many that are kept
		for ; c.settled < settled; c.settled++ {
			if e := c.done[c.settled]; e != nil {
				d.forget(e)
			}
		}
		return
	}
	c.settled = settled
	for number, e := range c.done {
		if number < settled {
			d.forget(e)
		}
	}
}

// begin notes that a request runs.
func (d *dedup) begin(now time.Duration, key *mitterev1.Key, w *call) {
	if !command.ValidKey(key) {
		return
	}
	c := d.clients[string(key.GetInstance())]
	if c == nil && len(d.clients) >= maxClients {
		return
	}
	if c == nil {
		c = &history{running: map[uint64]*call{}, done: map[uint64]*list.Element{}}
		d.clients[string(key.GetInstance())] = c
	}
	c.last = now
	c.running[key.GetNumber()] = w
}

// end notes how a request ended. One that was refused may come again as if it had
// never come.
func (d *dedup) end(now time.Duration, key *mitterev1.Key, answer messaging.Command, refused bool) {
	c := d.clients[string(key.GetInstance())]
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
	r := &cached{client: c, number: number, digest: ended.digest, at: now, size: sizeOf(answer), answer: answer}
	if r.size > d.most {
		c.forgotten = max(c.forgotten, number)
		return
	}
	c.done[number] = d.answers.PushBack(r)
	d.bytes += r.size
	for d.bytes > d.most {
		d.forget(d.answers.Front())
	}
}

// lose notes that a request has ended without an answer for a retry.
func (d *dedup) lose(now time.Duration, key *mitterev1.Key) {
	d.end(now, key, messaging.Command{}, true)
	if c := d.clients[string(key.GetInstance())]; c != nil && command.ValidKey(key) {
		c.forgotten = max(c.forgotten, key.GetNumber())
	}
}

// running returns the work of a request that runs, nil if none does.
func (d *dedup) running(key *mitterev1.Key) *call {
	if c := d.clients[string(key.GetInstance())]; c != nil {
		return c.running[key.GetNumber()]
	}
	return nil
}

// keep notes that a client is there, though it asks for nothing.
func (d *dedup) keep(now time.Duration, instance string) {
	if c := d.clients[instance]; c != nil {
		c.last = now
	}
}

// sizeOf returns about how many bytes an answer takes up. An error may have details
// of any size.
func sizeOf(answer messaging.Command) int {
	return len(answer.Body) + proto.Size(answer.Kind) + answerOverhead
}

// forget drops an answer.
func (d *dedup) forget(e *list.Element) {
	r := d.answers.Remove(e).(*cached)
	d.bytes -= r.size
	delete(r.client.done, r.number)
	r.client.forgotten = max(r.client.forgotten, r.number)
}

// expire drops what is too old, and clients of whom nothing came for so long that
// their answers were gone before: that one is lost is known for a while.
func (d *dedup) expire(now time.Duration) {
	for e := d.answers.Front(); e != nil && now-e.Value.(*cached).at > d.age; e = d.answers.Front() {
		d.forget(e)
	}
	for instance, c := range d.clients {
		if len(c.running) == 0 && len(c.done) == 0 && now-c.last > 2*d.age {
			delete(d.clients, instance)
		}
	}
}
