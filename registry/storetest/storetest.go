package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging/message"
	"github.com/mittere/mittere/registry/store"
)

// Run tests what a store does while it is open. open returns a new, empty one;
// the suite closes it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		test func(*suite)
	}{
		{"new store is empty", (*suite).empty},
		{"what is put is loaded", (*suite).put},
		{"put replaces the same name and id only", (*suite).replace},
		{"last of the same key in one put wins", (*suite).twice},
		{"delete removes what it names only", (*suite).remove},
		{"names and ids do not run into each other", (*suite).apart},
		{"entry is kept whole", (*suite).whole},
		{"put of an invalid entry keeps nothing", (*suite).invalid},
		{"store does not hold on to entries", (*suite).aliases},
		{"ended context is an error", (*suite).cancelled},
		{"closed store is an error", (*suite).closed},
		{"random writes leave what a map would", (*suite).random},
		{"many at once lose nothing", (*suite).concurrent},
		{"close while others write is clean", (*suite).closeMeanwhile},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &suite{T: t, store: open(t), want: map[store.Key]*mitterev1.Entry{}}
			defer s.store.Close()
			c.test(s)
		})
	}
}

// suite is one store under test, with what it should hold.
type suite struct {
	*testing.T
	store store.Store
	want  map[store.Key]*mitterev1.Entry
}

// Entry returns an entry that a store must take.
func Entry(name, id string, revision uint64) *mitterev1.Entry {
	return &mitterev1.Entry{
		Instance:  &mitterev1.Instance{Name: name, Id: id, Endpoints: []string{"tcp://127.0.0.1:5555"}},
		LeaseNano: 5e9,
		Revision:  revision,
		Token:     []byte("token of " + id),
	}
}

// puts puts entries that must be taken.
func (s *suite) puts(entries ...*mitterev1.Entry) {
	s.Helper()
	if err := s.store.Put(s.Context(), entries...); err != nil {
		s.Fatal(err)
	}
	for _, entry := range entries {
		s.want[store.KeyOf(entry)] = proto.CloneOf(entry)
	}
}

// deletes deletes entries.
func (s *suite) deletes(keys ...store.Key) {
	s.Helper()
	if err := s.store.Delete(s.Context(), keys...); err != nil {
		s.Fatal(err)
	}
	for _, key := range keys {
		delete(s.want, key)
	}
}

// check compares the store with what it should hold.
func (s *suite) check() {
	s.Helper()
	Check(s.T, s.store, s.want)
}

// Check fails the test unless the store holds exactly these entries. What is left
// of a lease does not count.
func Check(t *testing.T, tested store.Store, want map[store.Key]*mitterev1.Entry) {
	t.Helper()
	loaded, err := tested.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded) != len(want) {
		t.Errorf("%d entries, want %d", len(loaded), len(want))
	}
	seen := map[store.Key]bool{}
	for _, entry := range loaded {
		key := store.KeyOf(entry)
		expected := proto.CloneOf(want[key])
		if expected != nil {
			expected.LeftNano = entry.GetLeftNano()
		}
		if seen[key] || !proto.Equal(entry, expected) {
			t.Errorf("loaded %v, want %v (seen before: %v)", entry, expected, seen[key])
		}
		seen[key] = true
	}
}

// wantCode checks the code of an error, and that it is of the one type.
func (s *suite) wantCode(err error, code message.Code) {
	s.Helper()
	var typed *message.Error
	if !errors.As(err, &typed) || typed.Code != code {
		s.Errorf("the error is %v (%T), want %v", err, err, code)
	}
}

func (s *suite) empty() {
	s.check()
	s.deletes(store.Key{Name: "nobody", ID: "1"})
	s.deletes()
	s.puts()
	s.check()
}

func (s *suite) put() {
	s.puts(Entry("a", "1", 1), Entry("a", "2", 2), Entry("b", "1", 3))
	s.puts(Entry("c", "1", 4))
	s.check()
}

func (s *suite) replace() {
	s.puts(Entry("a", "1", 1), Entry("a", "2", 2))
	s.puts(Entry("a", "1", 3))
	s.check()
}

func (s *suite) twice() {
	s.puts(Entry("a", "1", 1), Entry("a", "1", 2))
	s.check()
}

func (s *suite) remove() {
	s.puts(Entry("a", "1", 1), Entry("a", "2", 2), Entry("b", "1", 3))
	s.deletes(store.Key{Name: "a", ID: "1"}, store.Key{Name: "b", ID: "2"}, store.Key{Name: "b"})
	s.check()
	s.deletes(store.Key{Name: "a", ID: "1"})
	s.check()
}

func (s *suite) apart() {
	s.puts(Entry("ab", "c", 1), Entry("a", "bc", 2), Entry("a", "b", 3), Entry("A", "b", 4), Entry("a/b", "c", 5), Entry("a", "/b/c", 6))
	s.check()
	s.deletes(store.Key{Name: "a", ID: "bc"})
	s.check()
}

func (s *suite) whole() {
	long := strings.Repeat("ī", store.MaxNameBytes/2)
	s.puts(
		&mitterev1.Entry{
			Instance: &mitterev1.Instance{
				Name: long, Id: long, Endpoints: []string{"tcp://[::1]:1", "ipc:///tmp/x"}, Version: "v1",
				Labels: map[string]string{"zone": "b", "": ""}, Health: mitterev1.Health_HEALTH_DRAINING,
				Dialect: mitterev1.Dialect_DIALECT_PLAIN, Kind: mitterev1.Kind_KIND_PUBLISHER,
				Services: []string{"a.v1.B"}, Host: "h",
			},
			LeaseNano: 1, LeftNano: 1, Revision: 1<<64 - 1,
		},
		&mitterev1.Entry{Instance: &mitterev1.Instance{Name: "n", Id: "dividere", Endpoints: []string{"tcp://h:1"}}},
		&mitterev1.Entry{Instance: &mitterev1.Instance{
			Name: "large", Id: "1", Endpoints: []string{"tcp://h:1"}, Version: strings.Repeat("v", store.MaxInstanceBytes-100),
		}},
	)
	s.check()
}

func (s *suite) invalid() {
	s.puts(Entry("a", "1", 1))
	negative := Entry("b", "1", 2)
	negative.LeaseNano = -1
	for _, wrong := range []*mitterev1.Entry{nil, {}, Entry("", "1", 1), Entry("b", "", 1), Entry("b\xff", "1", 1), Entry(strings.Repeat("n", 256), "1", 1), negative} {
		s.wantCode(s.store.Put(s.Context(), Entry("b", "0", 2), wrong), message.InvalidArgument)
	}
	s.check()
}

func (s *suite) aliases() {
	entry := Entry("a", "1", 1)
	s.puts(entry)
	entry.Instance.Version = "changed after put"
	s.check()
	loaded, err := s.store.Load(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	for _, entry := range loaded {
		entry.Instance.Version = "changed after load"
	}
	s.check()
}

func (s *suite) cancelled() {
	s.puts(Entry("a", "1", 1))
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	_, err := s.store.Load(ctx)
	s.wantCode(err, message.Cancelled)
	s.wantCode(s.store.Put(ctx, Entry("b", "1", 1)), message.Cancelled)
	s.wantCode(s.store.Delete(ctx, store.Key{Name: "a", ID: "1"}), message.Cancelled)
	s.check()
}

func (s *suite) closed() {
	for range 2 {
		if err := s.store.Close(); err != nil {
			s.Error(err)
		}
	}
	_, err := s.store.Load(s.Context())
	for _, err := range []error{err, s.store.Put(s.Context(), Entry("a", "1", 1)), s.store.Delete(s.Context(), store.Key{Name: "a", ID: "1"})} {
		s.wantCode(err, message.Unavailable)
		if !errors.Is(err, net.ErrClosed) {
			s.Errorf("%v is not net.ErrClosed", err)
		}
	}
}

// random writes few keys often, in batches of changes as a table makes them.
func (s *suite) random() {
	seed := rand.Uint64()
	s.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for step := range uint64(200) {
		var changes []*mitterev1.WatchResponse
		for range random.IntN(8) {
			entry := Entry(fmt.Sprint("name", random.IntN(5)), fmt.Sprint(random.IntN(5)), step)
			kind := mitterev1.Change_Kind(1 + random.IntN(3))
			changes = append(changes, &mitterev1.WatchResponse{Change: &mitterev1.Change{Kind: kind, Entry: entry}})
			delete(s.want, store.KeyOf(entry))
			if kind == mitterev1.Change_KIND_PUT {
				s.want[store.KeyOf(entry)] = entry
			}
		}
		if err := store.Save(s.Context(), s.store, changes...); err != nil {
			s.Fatal(err)
		}
		if step%20 == 0 {
			s.check()
		}
	}
	s.check()
}

// concurrent has writers with keys of their own, and readers.
func (s *suite) concurrent() {
	var all sync.WaitGroup
	for writer := range 8 {
		name := fmt.Sprint("writer", writer)
		for i := range 20 {
			entry := Entry(name, fmt.Sprint(i), uint64(i))
			if i%4 != 3 { // the others are deleted again
				s.want[store.KeyOf(entry)] = entry
			}
		}
		all.Go(func() { s.writeTwenty(name) })
		all.Go(func() {
			if _, err := s.store.Load(s.Context()); err != nil {
				s.Error(err)
			}
		})
	}
	all.Wait()
	s.check()
}

func (s *suite) writeTwenty(name string) {
	for i := range 20 {
		entry := Entry(name, fmt.Sprint(i), uint64(i))
		err := s.store.Put(s.Context(), entry)
		if err == nil && i%4 == 3 {
			err = s.store.Delete(s.Context(), store.KeyOf(entry))
		}
		if err != nil {
			s.Error(err)
			return
		}
	}
}

func (s *suite) closeMeanwhile() {
	var all sync.WaitGroup
	begun := make(chan struct{}, 4)
	for writer := range 4 {
		all.Go(func() {
			for i := uint64(0); ; i++ {
				if err := s.store.Put(s.Context(), Entry(fmt.Sprint(writer), "1", i)); err != nil {
					s.wantCode(err, message.Unavailable)
					return
				}
				if i == 0 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range 4 {
		<-begun
	}
	if err := s.store.Close(); err != nil {
		s.Error(err)
	}
	all.Wait()
}
