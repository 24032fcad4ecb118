package boltstore

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging/message"
	"github.com/mittere/mittere/registry/store"
)

// lockPatience is how long Open waits for another process to close the file:
// enough for one that is about to end.
const lockPatience = time.Second

// bucket is where the entries are. Its name has the version of what is in it.
const bucket = "mittere.registry.v1"

// Store is a [store.Store] in a file; see there for what may be called
// concurrently, who owns what, and the errors. A write that has begun is not
// interrupted when its context ends.
type Store struct {
	db   *bolt.DB
	file *os.File      // is bbolt's; see release
	turn chan struct{} // holds a token while no call writes
	lost atomic.Bool   // bbolt panicked: its locks are taken for ever, and it is not used again
}

// Open opens the file at a path, or makes it. It waits a second at most for
// another process that has it open, or until the context's deadline, and then
// returns UNAVAILABLE. DATA_LOSS means that the file is damaged, or not one of
// bbolt's, and FAILED_PRECONDITION that it is of another program, or a symbolic link,
// which is not followed. Such a file is neither repaired nor overwritten. The file is
// readable and writable by its owner alone.
func Open(ctx context.Context, path string) (*Store, error) {
	patience := lockPatience
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline))
	}
	switch {
	case ctx.Err() != nil:
		return nil, message.AsError(ctx.Err())
	case patience <= 0: // though the context's own timer has not noticed yet
		return nil, message.AsError(context.DeadlineExceeded)
	}
	s := &Store{turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	if err := guard("open "+path, func() error { return s.openFile(path, patience) }); err != nil {
		release(s.file)
		return nil, err
	}
	if err := guard("prepare "+path, func() error { return prepare(s.db, path) }); err != nil {
		_ = s.Close() // what went wrong first is the error
		return nil, err
	}
	return s, nil
}

// openFile opens the file, and notes it even if bbolt panics then.
func (s *Store) openFile(path string, patience time.Duration) (err error) {
	s.db, err = bolt.Open(path, 0o600, &bolt.Options{
		Timeout: patience,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			// A program that may write to the folder could have a link lead to any file.
			if s.file, err = os.OpenFile(name, flag|syscall.O_NOFOLLOW, mode); err == nil {
				_ = s.file.Chmod(mode) // of one that was there; it has tokens, and may be another's
			}
			return s.file, err
		},
	})
	return err
}

// release closes a file that bbolt has left open in a panic; one that is closed
// it leaves. The memory that the file is mapped to stays, since only bbolt knows
// of it, and would hold the lock, so that is given back first.
func release(file *os.File) {
	if file == nil {
		return
	}
	if connection, err := file.SyscallConn(); err == nil {
		_ = connection.Control(func(fd uintptr) { _ = syscall.Flock(int(fd), syscall.LOCK_UN) })
	}
	_ = file.Close()
}

// prepare makes the bucket, in a file that is new, and looks at one that is not.
func prepare(db *bolt.DB, path string) error {
	found, foreign := false, false
	err := db.View(func(tx *bolt.Tx) error {
		if err := checkPages(tx, db.Info().PageSize); err != nil {
			return err
		}
		found = tx.Bucket([]byte(bucket)) != nil
		first, _ := tx.Cursor().First()
		foreign = !found && first != nil
		return nil
	})
	switch {
	case err != nil || found:
		return err
	case foreign:
		return message.Errorf(message.FailedPrecondition, "it is a file of another program")
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket([]byte(bucket))
		return err
	})
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes sure that a new file is found after a loss of power.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// Load returns all entries.
func (s *Store) Load(ctx context.Context) (entries []*mitterev1.Entry, err error) {
	err = s.guard("load", func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			entries, err = load(ctx, tx.Bucket([]byte(bucket)).Cursor())
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// load reads all entries. Keys that do not rise are a damage that might lead in
// circles.
func load(ctx context.Context, c *bolt.Cursor) (entries []*mitterev1.Entry, err error) {
	var last []byte
	for key, value := c.First(); key != nil; key, value = c.Next() {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if bytes.Compare(key, last) <= 0 {
			return nil, message.Errorf(message.DataLoss, "key %.40q is behind key %.40q", key, last)
		}
		entry, err := decode(key, value)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
		last = append(last[:0], key...)
	}
	return entries, nil
}

// Put keeps entries, with one fsync for all of them.
func (s *Store) Put(ctx context.Context, entries ...*mitterev1.Entry) error {
	keys, values := make([][]byte, len(entries)), make([][]byte, len(entries))
	for i, entry := range entries {
		if err := store.CheckEntry(entry); err != nil {
			return err
		}
		var err error
		if keys[i], values[i], err = encode(entry); err != nil {
			return err
		}
	}
	return s.write(ctx, "put", func(b *bolt.Bucket) error {
		for i, key := range keys {
			if err := b.Put(key, values[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Delete removes entries, with one fsync for all of them.
func (s *Store) Delete(ctx context.Context, keys ...store.Key) error {
	return s.write(ctx, "delete", func(b *bolt.Bucket) error {
		for _, key := range keys {
			if err := b.Delete(encodeKey(key)); err != nil {
				return err
			}
		}
		return nil
	})
}

// write runs one transaction when it is its turn.
func (s *Store) write(ctx context.Context, what string, f func(*bolt.Bucket) error) error {
	if ctx.Err() != nil {
		return message.AsError(ctx.Err())
	}
	select {
	case <-s.turn:
		defer func() { s.turn <- struct{}{} }()
	case <-ctx.Done():
		return message.AsError(ctx.Err())
	}
	return s.guard(what, func() error {
		return s.db.Update(func(tx *bolt.Tx) error { return f(tx.Bucket([]byte(bucket))) })
	})
}

// Close closes the file when the calls under way have ended. One that was found to be
// damaged is let go as it is.
func (s *Store) Close() error {
	if s.lost.Load() {
		release(s.file)
		return nil // it was said
	}
	err := guard("close", s.db.Close)
	if err != nil {
		release(s.file)
	}
	return err
}
