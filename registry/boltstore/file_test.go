package boltstore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry/boltstore"
	"github.com/mittere/mittere/registry/storetest"
)

func TestSymbolicLinkIsNotFollowed(t *testing.T) {
	path := newPath(t)
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	_, err := boltstore.Open(t.Context(), link)
	if messaging.CodeOf(err) != messaging.FailedPrecondition || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("opened: %v", err)
	}
}

func TestFileIsItsOwnersAlone(t *testing.T) {
	path := newPath(t)
	for range 2 { // a new one, and one that everybody might read
		if err := open(t, path).Close(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("the file is %v (%v)", info.Mode(), err)
		}
		if err := os.Chmod(path, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStoreWhoseFileIsCutBeneathItFailsAtOnceAndCloses cuts the file that bbolt has mapped.
func TestStoreWhoseFileIsCutBeneathItFailsAtOnceAndCloses(t *testing.T) {
	path := newPath(t)
	store := open(t, path)
	if err := store.Put(t.Context(), storetest.Entry("calc", "1", 1)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 3 {
			if err := store.Put(t.Context(), storetest.Entry("calc", "2", 2)); messaging.CodeOf(err) != messaging.DataLoss {
				t.Errorf("put: %v", err)
			}
		}
		_ = store.Close()
	}()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("waited too long: the store fails and is closed")
	}
}
