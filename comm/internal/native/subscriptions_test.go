package native

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var plenty = allowance{prefixes: 1 << 20, bytes: 1 << 30}

// matching returns the peers whose prefixes a topic has, in order.
func matching(s *subscriptions[string], topic string) string {
	var peers []string
	s.match([]byte(topic), func(p string) { peers = append(peers, p) })
	slices.Sort(peers)
	if found := s.matches([]byte(topic)); found != (len(peers) > 0) {
		panic("match and matches differ")
	}
	return strings.Join(peers, "")
}

func TestTopicsMatchTheirPrefixes(t *testing.T) {
	s := newSubscriptions[string](plenty)
	for _, sub := range []string{"a:", "b:news", "c:newspaper", "d:new", "a:news", "a:news", "e:other"} {
		p, prefix, _ := strings.Cut(sub, ":")
		s.add(p, []byte(prefix))
	}
	for topic, want := range map[string]string{
		"": "a", "n": "a", "ne": "a", "new": "ad", "news": "aabd", "newspaper": "aabcd", "newspape": "aabd", "newt": "ad", "othe": "a", "others": "ae",
	} {
		if got := matching(s, topic); got != want {
			t.Errorf("%q matches %q, want %q", topic, got, want)
		}
	}
}

func TestSubscriptionsOfOnePeerAreASet(t *testing.T) {
	s := newSubscriptions[string](plenty)
	for _, want := range []bool{true, false} {
		if added, ok := s.add("a", []byte("x")); added != want || !ok {
			t.Errorf("added: %v, want %v", added, want)
		}
	}
	for _, want := range []bool{true, false} {
		if s.remove("a", []byte("x")) != want {
			t.Errorf("removed: %v, want %v", !want, want)
		}
	}
	if s.remove("b", []byte("x")) || s.remove("a", []byte("xyz")) {
		t.Error("removed what was not there")
	}
}

func TestOnePeerMayNotAskForTooMuch(t *testing.T) {
	s := newSubscriptions[string](allowance{prefixes: 2, bytes: 10})
	for prefix, want := range map[string]bool{"1": true, "12345678901": false} {
		if _, ok := s.add("a", []byte(prefix)); ok != want {
			t.Errorf("%q: %v, want %v", prefix, ok, want)
		}
	}
	s.add("a", []byte("2"))
	if _, ok := s.add("a", []byte("3")); ok {
		t.Error("it has three")
	}
	if _, ok := s.add("b", []byte("3")); !ok {
		t.Error("another peer has none")
	}
	s.remove("a", []byte("1"))
	if _, ok := s.add("a", []byte("3")); !ok || matching(s, "3") != "ab" {
		t.Error("there is no room")
	}
}

// A trie is a table of prefixes that is fast. This one is compared with a slow one.
func TestTrieIsATableOfPrefixes(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	text := func() string {
		b := make([]byte, random.IntN(6))
		for i := range b {
			b[i] = "abc"[random.IntN(3)]
		}
		return string(b)
	}
	s, table := newSubscriptions[string](plenty), map[string]map[string]bool{}
	for range 20_000 {
		p, prefix := fmt.Sprint(random.IntN(5)), text()
		if table[p] == nil {
			table[p] = map[string]bool{}
		}
		switch k := random.IntN(100); {
		case k < 50:
			s.add(p, []byte(prefix))
			table[p][prefix] = true
		case k < 98:
			if s.remove(p, []byte(prefix)) != table[p][prefix] {
				t.Fatal("a subscription is in one table only")
			}
			delete(table[p], prefix)
		default:
			if got := s.leave(p); len(got) != len(table[p]) || !slices.IsSorted(got) {
				t.Fatalf("%d subscriptions left, want %d", len(got), len(table[p]))
			}
			delete(table, p)
		}
		topic, want := text(), ""
		for p, prefixes := range table {
			for prefix := range prefixes {
				if strings.HasPrefix(topic, prefix) {
					want += p
				}
			}
		}
		if got := matching(s, topic); got != sorted(want) {
			t.Fatalf("%q matches %q, want %q", topic, got, sorted(want))
		}
	}
	for p := range table {
		s.leave(p)
	}
	if len(s.root.children) > 0 || len(s.root.peers) > 0 || len(s.peers) > 0 {
		t.Error("something is left")
	}
}

func sorted(s string) string {
	b := []byte(s)
	slices.Sort(b)
	return string(b)
}

func TestAllPrefixesAreListedOnce(t *testing.T) {
	s := newSubscriptions[string](plenty)
	for _, prefix := range []string{"b", "", "abc", "abd", "b"} {
		s.add("1", []byte(prefix))
		s.add("2", []byte(prefix))
	}
	var got []string
	for _, prefix := range s.all() {
		got = append(got, string(prefix))
	}
	if want := []string{"", "abc", "abd", "b"}; !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
}

func BenchmarkMatch(b *testing.B) {
	s := newSubscriptions[int](plenty)
	for i := range 10_000 {
		s.add(i, fmt.Appendf(nil, "topic/%d/", i))
	}
	topic := []byte("topic/4711/temperature")
	for b.Loop() {
		s.match(topic, func(int) {})
	}
}
