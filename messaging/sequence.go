package messaging

import (
	"bytes"
	"maps"
	"sync"

	"github.com/mittere/mittere/messaging/message"
)

// How lost messages are seen. A publisher numbers its messages from 1, apart for
// each type and subject: the finest thing a subscription can select, so that no
// subscription sees gaps where nothing is lost. A subscriber compares each
// number with the last one it had.

// sequenceKeys bounds the keys remembered at either end, in each of two
// generations. A publisher that forgets a key starts it again at 1, as a new
// publisher would; a subscriber that forgets one takes any number as its first.
const sequenceKeys = 8192

// longestKey is the longest key that is remembered, in bytes. Messages with
// longer ones are sent without number, which bounds the memory too.
const longestKey = 1024

// recent is a map that forgets what was not used for long. It keeps two
// generations: when the young one is full it becomes the old one, and the old
// one goes. It is not safe for concurrent use.
type recent struct {
	young, old map[string]*uint64
}

// at returns the number under a key; it is new if found is false.
func (r *recent) at(key []byte) (number *uint64, found bool) {
	if number, found = r.young[string(key)]; found {
		return number, true
	}
	if number, found = r.old[string(key)]; !found {
		number = new(uint64)
	}
	if r.young == nil || len(r.young) >= sequenceKeys {
		r.young, r.old = map[string]*uint64{}, r.young
	}
	r.young[string(key)] = number
	return number, found
}

// gaps compares the numbers that a subscriber gets.
type gaps struct {
	mu   sync.Mutex
	last recent // by publisher, type and subject
	key  []byte
}

// admit notes a delivery and sets how many were missed before it. It returns
// false for a retained message that was there before.
func (g *gaps) admit(d *Delivery) bool {
	if d.Meta.Sequence == 0 {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.key = d.AppendHead(append(g.key[:0], d.Meta.Publisher[:]...))
	if len(g.key) > longestKey {
		return true
	}
	last, known := g.last.at(g.key)
	missed, keep := compare(*last, d.Meta.Sequence, known, d.Meta.Retained)
	if keep {
		d.Missed = missed
		*last = d.Meta.Sequence
	}
	return keep
}

// forget drops the keys of messages that begin with prefix and that nothing
// selected so far: from now on any number is their first. selected gets the
// beginning of a frame, up to its field 2.
func (g *gaps) forget(prefix []byte, selected func(head []byte) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, generation := range []map[string]*uint64{g.last.young, g.last.old} {
		maps.DeleteFunc(generation, func(key string, _ *uint64) bool {
			head := message.AppendHeadEnd([]byte(key[len(PublisherID{}):]))
			return bytes.HasPrefix(head, prefix) && !selected(head)
		})
	}
}

// compare holds a number against the last one. A number that is not higher is
// the publisher starting again, unless the message is retained.
func compare(last, number uint64, known, retained bool) (missed uint64, keep bool) {
	switch {
	case !known:
		return 0, true
	case number > last:
		return number - last - 1, true
	default:
		return 0, !retained
	}
}
