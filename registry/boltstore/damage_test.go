package boltstore_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry/boltstore"
	"github.com/mittere/mittere/registry/store"
	"github.com/mittere/mittere/registry/storetest"
)

func TestChangedValueIsDataLoss(t *testing.T) {
	path := newPath(t)
	filled(t, path, 10)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.ReplaceAll(content, []byte("127.0.0.1:5555"), []byte("127.0.0.1:5556"))
	if err := os.WriteFile(path, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, path).Load(t.Context()); messaging.CodeOf(err) != messaging.DataLoss {
		t.Errorf("the error is %v", err)
	}
}

func TestTruncatedFileIsDataLoss(t *testing.T) {
	path := newPath(t)
	filled(t, path, 300)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := info.Size() - 4096; size > 0; size -= 4096 {
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		wantAllOrError(t, path, nil)
	}
}

// A damage must never be taken for entries that nobody put, and never end the
// process. That entries are missing cannot always be found: an old version of a
// page is a page too.
func TestRandomDamageIsAnErrorOrHarmless(t *testing.T) {
	path := newPath(t)
	entries := filled(t, path, 300)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 150 {
		damaged := bytes.Clone(content)
		for range 1 + random.IntN(20) {
			damage(random, damaged)
		}
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		wantAllOrError(t, path, entries)
	}
}

// damage changes one byte of a page: of its head, where most is decided, or of
// what follows. The pages that lead to others keep their contents: one that leads
// to itself would lead bbolt in circles, and nobody could tell it from outside.
func damage(random *rand.Rand, content []byte) {
	const pageSize, headSize, branch = 4096, 16, 1
	page := content[random.IntN(len(content)/pageSize)*pageSize:][:pageSize]
	at := random.IntN(headSize)
	if random.IntN(2) == 0 && page[8] != branch {
		at = random.IntN(256)
	}
	page[at] = byte(random.Uint32())
}

// wantAllOrError opens a file that may be damaged, loads, and writes if that is
// well. What is loaded must be among the entries, if those are given.
func wantAllOrError(t *testing.T, path string, entries map[store.Key]*mitterev1.Entry) {
	t.Helper()
	opened, err := boltstore.Open(t.Context(), path)
	if messaging.CodeOf(err) == messaging.FailedPrecondition {
		return // the name of the bucket was damaged
	}
	if err != nil {
		wantDataLoss(t, err)
		return
	}
	defer opened.Close()
	loaded, err := opened.Load(t.Context())
	if err != nil {
		wantDataLoss(t, err)
		return // and nobody would write to it
	}
	for _, entry := range loaded {
		if entries != nil && !proto.Equal(entry, entries[store.KeyOf(entry)]) {
			t.Errorf("loaded %v, which nobody put", entry)
		}
	}
	wantDataLoss(t, opened.Put(t.Context(), storetest.Entry("name", "new", 1)))
}

// wantDataLoss checks an error, if there is one.
func wantDataLoss(t *testing.T, err error) {
	t.Helper()
	if err != nil && messaging.CodeOf(err) != messaging.DataLoss {
		t.Errorf("the error is %v", err)
	}
}
