package call

import (
	"testing"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// FuzzGroup has a broker send anything for a call of several workers, while its
// caller reads or not: what is held is bounded, each worker has its own credit for
// what was read of it, and the call ends once.
func FuzzGroup(f *testing.F) {
	f.Add([]byte{0, 16, 17, 32, 64, 33, 64, 48, 49}, true)
	f.Add([]byte{0, 0}, true)
	f.Add([]byte{0, 48, 52, 48}, false)
	// The last open member fails: by a gap, before and after the other one ends, or as what cannot be read.
	f.Add([]byte{0x02, 0x40, 0x18, 0x35}, true)
	f.Add([]byte{0x02, 0x35, 0x40, 0x18}, true)
	f.Add([]byte{0x02, 0x35, 0x10, 0x60, 0x60, 0x50}, true)
	f.Add([]byte{2, 16, 17, 16, 80, 96, 96, 17, 53}, true)
	f.Add([]byte{2, 16, 16, 16, 96, 96, 96, 16, 16, 16, 16, 48}, true)
	f.Fuzz(func(t *testing.T, script []byte, streaming bool) {
		const window = 3
		names := []string{"a", "b", "c", ""}
		r := &Request{Method: Method{Streaming: streaming}, Progress: func(string, *messaging.Envelope) {}, Several: &Several{}}
		g := newGroup(r, window)
		credit, given, read, ended := map[string]int{}, map[string]int{}, map[string]int{}, 0
		for i, b := range script {
			name := names[b&3]
			a := answer{body: []byte{1}}
			switch b >> 4 {
			case 0:
				a.accepted = &mitterev1.Accepted{Instances: names[:b&3]}
			case 1, 2:
				given[name]++
				index := uint64(given[name])
				if b&8 != 0 {
					index = uint64(i)
				}
				a.item = &mitterev1.Item{Instance: name, Index: index}
			case 3:
				a.reply = &mitterev1.Reply{Instance: name, More: b&4 != 0, Index: uint64(given[name])}
				if b&8 != 0 {
					a.reply.Status = &mitterev1.Status{Code: 14}
				}
			case 4:
				a.event = &mitterev1.Event{Instance: name}
			default:
				n, found, _ := g.take()
				if !found {
					continue
				}
				if ended > 0 {
					t.Fatal("something follows the end")
				}
				if n.last {
					ended++
					continue
				}
				if n.item == nil {
					if c := g.paid(n); c != nil {
						t.Fatalf("%v for what is no item", c)
					}
					continue
				}
				from := n.part.worker
				read[from]++
				if b>>4 == 5 {
					g.stop(n.part)
				}
				if c := g.paid(n); c != nil && (c.GetInstance() != from || !n.part.live) {
					t.Fatalf("%v for an item of %q, live %v", c, from, n.part.live)
				} else {
					credit[from] += int(c.GetItems())
				}
				if left := window + credit[from] - read[from]; left > window || n.part.live && 2*left <= window {
					t.Fatalf("%q has credit for %d, with a window of %d", from, left, window)
				}
				continue
			}
			live := a.item != nil && !g.over && g.parts[name] != nil && g.parts[name].live
			fits, may := g.put(a), given[name] <= window+credit[name]
			if fits && live && streaming && !may || !fits && may {
				t.Fatalf("item %d of %q fits: %v, with credit for %d", given[name], name, fits, window+credit[name])
			}
			if !fits {
				return // the session is over
			}
			if len(g.waiting) > 2+3*(window+2)+progressWaiting {
				t.Fatalf("%d wait", len(g.waiting))
			}
		}
		live, open := 0, 0
		for _, p := range g.parts {
			if p.live {
				live++
			}
			if !p.answered {
				open++
			}
		}
		if !g.over && (g.live != live || g.open != open || g.parts != nil && live == 0) {
			t.Fatalf("live %d, open %d, want %d, %d", g.live, g.open, live, open)
		}
	})
}
