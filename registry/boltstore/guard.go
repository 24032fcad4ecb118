package boltstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"syscall"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/mittere/mittere/messaging/message"
)

// guard runs f on the file and returns what goes wrong with its code. bbolt
// trusts its file: where that is damaged it panics, and where it is too short the
// memory that it is mapped to faults. Both are errors here.
func guard(what string, f func() error) (err error) {
	_, err = guarded(what, f)
	return err
}

// guard is the function of this name for a store that is open: one in which bbolt has
// panicked fails at once from then on, where bbolt would wait for ever for its own locks.
func (s *Store) guard(what string, f func() error) error {
	if s.lost.Load() {
		return message.Errorf(message.DataLoss, "boltstore: %s: the file was found to be damaged", what)
	}
	panicked, err := guarded(what, f)
	if panicked {
		s.lost.Store(true)
	}
	return err
}

// guarded is guard that also says whether bbolt panicked.
func guarded(what string, f func() error) (panicked bool, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if damage := recover(); damage != nil {
			err = message.Errorf(message.DataLoss, "boltstore: %s: the file is damaged: %v", what, damage)
			panicked = true
		}
	}()
	if err := f(); err != nil {
		return false, message.Errorf(codeOf(err), "boltstore: %s: %w", what, explain(err))
	}
	return false, nil // and no nil *message.Error
}

// codeOf returns the code of an error of bbolt, of the system or of ours. What is
// none of those bbolt found wrong with the file.
func codeOf(err error) message.Code {
	var ours *message.Error
	var system syscall.Errno
	switch {
	case errors.As(err, &ours):
		return ours.Code
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return message.CodeOf(err)
	case errors.Is(err, bolterrors.ErrTimeout) || errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return message.Unavailable
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return message.ResourceExhausted
	case errors.Is(err, syscall.ELOOP): // of O_NOFOLLOW
		return message.FailedPrecondition
	case errors.Is(err, os.ErrPermission):
		return message.PermissionDenied
	case errors.Is(err, syscall.EFBIG): // a page whose number was damaged
		return message.DataLoss
	case errors.As(err, &system):
		return message.Unavailable
	default:
		return message.DataLoss
	}
}

// explain adds to an error of bbolt what it means here.
func explain(err error) error {
	var opening *os.PathError
	switch {
	case errors.As(err, &opening): // who calls guard says what was tried, and where
		return opening.Err
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("another process has the file open: %w", err)
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return fmt.Errorf("the store is closed: %w", net.ErrClosed)
	case errors.Is(err, syscall.ELOOP):
		return fmt.Errorf("it is a symbolic link, which is not followed; want the path of the file itself: %w", err)
	default:
		return err
	}
}

// checkPages returns DATA_LOSS unless the pages lie in the file one behind the
// other, each of a known kind. When bbolt frees a page, it counts through as many
// as that says it has, which may be billions in one that is damaged.
func checkPages(tx *bolt.Tx, pageSize int) error {
	pages := int(tx.Size()) / pageSize
	for id := 0; id < pages; id++ {
		page, err := tx.Page(id)
		if err != nil || page == nil {
			return message.Errorf(message.DataLoss, "page %d of %d cannot be read: %v", id, pages, err)
		}
		switch page.Type {
		case "free", "meta": // what a free one says of itself is old
		case "branch", "leaf", "freelist":
			id += page.OverflowCount
		default:
			return message.Errorf(message.DataLoss, "page %d is of no known kind", id)
		}
		if id >= pages {
			return message.Errorf(message.DataLoss, "page %d ends behind the file's end", page.ID)
		}
	}
	return nil
}
