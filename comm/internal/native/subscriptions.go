package native

import (
	"bytes"
	"maps"
	"slices"
)

// subscriptions are the prefixes that peers asked for (RFC 29), in one trie for all of
// them, so that a message is matched once and not against each subscription. The
// subscriptions of one peer are a set, as libzmq has it: asking twice is asking once.
type subscriptions[P comparable] struct {
	root  node[P]
	peers map[P]*interests
	most  allowance
}

// allowance is how much one peer may ask for.
type allowance struct {
	prefixes int
	bytes    int // of all prefixes
}

// interests is what one peer asked for.
type interests struct {
	prefixes map[string]struct{}
	bytes    int
}

// node is a place in the trie: edge is what leads here from the node above, which has
// children that differ in the first byte of their edges.
type node[P comparable] struct {
	edge     []byte
	children []*node[P] // sorted by the first byte of their edges
	peers    []P        // who asked for the prefix that ends here
}

// newSubscriptions returns a table without peers.
func newSubscriptions[P comparable](most allowance) *subscriptions[P] {
	return &subscriptions[P]{peers: map[P]*interests{}, most: most}
}

// add enters a prefix that a peer asks for. added is false if it has it already, ok if it
// has too many.
func (s *subscriptions[P]) add(p P, prefix []byte) (added, ok bool) {
	has := s.peers[p]
	if has == nil {
		has = &interests{prefixes: map[string]struct{}{}}
		s.peers[p] = has
	}
	if _, known := has.prefixes[string(prefix)]; known {
		return false, true
	}
	if len(has.prefixes) == s.most.prefixes || has.bytes+len(prefix) > s.most.bytes {
		return false, false
	}
	has.prefixes[string(prefix)] = struct{}{}
	has.bytes += len(prefix)
	n := s.root.place(prefix)
	n.peers = append(n.peers, p)
	return true, true
}

// remove takes a prefix of a peer out, and says whether it had it.
func (s *subscriptions[P]) remove(p P, prefix []byte) bool {
	has := s.peers[p]
	if has == nil {
		return false
	}
	if _, known := has.prefixes[string(prefix)]; !known {
		return false
	}
	delete(has.prefixes, string(prefix))
	has.bytes -= len(prefix)
	s.root.leave(p, prefix)
	return true
}

// leave takes a peer out and returns the prefixes that it had, in order.
func (s *subscriptions[P]) leave(p P) []string {
	has := s.peers[p]
	if has == nil {
		return nil
	}
	delete(s.peers, p)
	prefixes := slices.Sorted(maps.Keys(has.prefixes))
	for _, prefix := range prefixes {
		s.root.leave(p, []byte(prefix))
	}
	return prefixes
}

// match calls f for each subscription that is a prefix of topic; for one peer as often
// as it has such prefixes.
func (s *subscriptions[P]) match(topic []byte, f func(P)) {
	for n := &s.root; n != nil; {
		for _, p := range n.peers {
			f(p)
		}
		n, topic = n.follow(topic)
	}
}

// matches says whether anybody asked for a prefix of topic.
func (s *subscriptions[P]) matches(topic []byte) bool {
	for n := &s.root; n != nil; n, topic = n.follow(topic) {
		if len(n.peers) > 0 {
			return true
		}
	}
	return false
}

// all returns every prefix that anybody asked for, in order.
func (s *subscriptions[P]) all() (prefixes [][]byte) {
	s.root.walk(nil, func(prefix []byte, n *node[P]) {
		if len(n.peers) > 0 {
			prefixes = append(prefixes, bytes.Clone(prefix))
		}
	})
	return prefixes
}

// child returns where the child is, or would be, whose edge begins with b.
func (n *node[P]) child(b byte) (i int, found bool) {
	return slices.BinarySearchFunc(n.children, b, func(c *node[P], b byte) int { return int(c.edge[0]) - int(b) })
}

// follow returns the child whose edge topic begins with, and what is left of topic.
func (n *node[P]) follow(topic []byte) (*node[P], []byte) {
	if len(topic) == 0 {
		return nil, nil
	}
	i, found := n.child(topic[0])
	if !found || !bytes.HasPrefix(topic, n.children[i].edge) {
		return nil, nil
	}
	return n.children[i], topic[len(n.children[i].edge):]
}

// place returns the node where prefix ends, which it makes if need be.
func (n *node[P]) place(prefix []byte) *node[P] {
	for len(prefix) > 0 {
		i, found := n.child(prefix[0])
		if !found {
			made := &node[P]{edge: bytes.Clone(prefix)}
			n.children = slices.Insert(n.children, i, made)
			return made
		}
		child := n.children[i]
		if common := commonPrefix(child.edge, prefix); common < len(child.edge) {
			child = child.split(common)
			n.children[i] = child
		}
		n, prefix = child, prefix[len(child.edge):]
	}
	return n
}

// split returns a node in front of n that takes the first bytes of its edge.
func (n *node[P]) split(at int) *node[P] {
	front := &node[P]{edge: n.edge[:at:at], children: []*node[P]{n}}
	n.edge = n.edge[at:]
	return front
}

// leave takes a peer out where prefix ends, and the nodes that nobody needs after that.
func (n *node[P]) leave(p P, prefix []byte) {
	if len(prefix) == 0 {
		i := slices.Index(n.peers, p)
		n.peers[i] = n.peers[len(n.peers)-1]
		clear(n.peers[len(n.peers)-1:])
		n.peers = n.peers[:len(n.peers)-1]
		return
	}
	i, _ := n.child(prefix[0])
	n.children[i].leave(p, prefix[len(n.children[i].edge):])
	n.tidy(i)
}

// tidy takes a child out if nobody needs it, and joins it with its only child.
func (n *node[P]) tidy(i int) {
	child := n.children[i]
	switch {
	case len(child.peers) > 0 || len(child.children) > 1:
	case len(child.children) == 0:
		n.children = slices.Delete(n.children, i, i+1)
	default:
		only := child.children[0]
		only.edge = slices.Concat(child.edge, only.edge)
		n.children[i] = only
	}
}

// walk calls f for n and all nodes below, in the order of their prefixes.
func (n *node[P]) walk(prefix []byte, f func([]byte, *node[P])) {
	prefix = append(prefix, n.edge...)
	f(prefix, n)
	for _, child := range n.children {
		child.walk(prefix, f)
	}
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
