package boltstore_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry/boltstore"
	"github.com/mittere/mittere/registry/store"
	"github.com/mittere/mittere/registry/storetest"
)

func TestFileIsADurableStore(t *testing.T) {
	storetest.RunDurable(t, func(t *testing.T) func() (store.Store, error) {
		path := newPath(t)
		return func() (store.Store, error) { return boltstore.Open(t.Context(), path) }
	})
}

// newPath returns a path where no file is.
func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "registry.db") }

// open opens a file that must open.
func open(t testing.TB, path string) *boltstore.Store {
	t.Helper()
	store, err := boltstore.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// wantCode checks the code of the error of opening a file.
func wantCode(t *testing.T, path string, code messaging.Code) {
	t.Helper()
	store, err := boltstore.Open(t.Context(), path)
	if err == nil {
		store.Close()
	}
	if messaging.CodeOf(err) != code {
		t.Errorf("the error is %v, want %v", err, code)
	}
}

func TestFileThatIsOpenElsewhereIsAnErrorSoon(t *testing.T) {
	path := newPath(t)
	store := open(t, path)
	begun := time.Now()
	wantCode(t, path, messaging.Unavailable)
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := boltstore.Open(ctx, path); err == nil {
		t.Error("a file that is open elsewhere was opened")
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestFileOfSomethingElseIsAnErrorAndLeftAlone(t *testing.T) {
	for name, content := range map[string]string{
		"text":  "no file of bbolt's\n",
		"zeros": string(make([]byte, 64<<10)),
		"large": string(make([]byte, 4096)) + "no file of bbolt's\n" + string(make([]byte, 64<<10)),
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			wantCode(t, path, messaging.DataLoss)
			if after, err := os.ReadFile(path); err != nil || string(after) != content {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func TestBoltFileOfAnotherProgramIsAnError(t *testing.T) {
	path := newPath(t)
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket([]byte("theirs"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wantCode(t, path, messaging.FailedPrecondition)
}

func TestPathThatCannotBeOpenedIsAnError(t *testing.T) {
	wantCode(t, filepath.Join(t.TempDir(), "no", "folder"), messaging.Unavailable)
	wantCode(t, t.TempDir(), messaging.Unavailable)
}

func TestEmptyFileIsANewStore(t *testing.T) {
	path := newPath(t)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, open(t, path), nil)
}

func TestOpenWithEndedContextIsAnError(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	path := newPath(t)
	if _, err := boltstore.Open(ctx, path); messaging.CodeOf(err) != messaging.DeadlineExceeded {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was made")
	}
}

// filled makes a file with entries, and returns them.
func filled(t testing.TB, path string, number int) map[store.Key]*mitterev1.Entry {
	t.Helper()
	opened := open(t, path)
	entries := map[store.Key]*mitterev1.Entry{}
	for i := range number {
		entry := storetest.Entry("name", string(rune('A'+i%26))+string(rune('a'+i/26)), uint64(i))
		entries[store.KeyOf(entry)] = entry
		if err := opened.Put(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	return entries
}
