package registry

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// The defaults of Limits.
const (
	// DefaultLease is the lease of instances that ask for none.
	DefaultLease = 5 * time.Second
	// DefaultMinLease is the shortest lease.
	DefaultMinLease = time.Second
	// DefaultMaxLease is the longest lease.
	DefaultMaxLease = time.Hour
	// DefaultPlainLease is the lease of a dīvidere service that answers questions.
	DefaultPlainLease = 15 * time.Second
	// DefaultMaxInstances is how many instances a table holds.
	DefaultMaxInstances = 100_000
	// DefaultMaxPlain is how many of those may be services of RegisterService messages.
	DefaultMaxPlain = 1000
	// DefaultMaxBytes is how many bytes the instances of a table have together.
	DefaultMaxBytes = 256 << 20
	// DefaultHistory is how many changes a watcher may be behind.
	DefaultHistory = 4096
)

// Limits are the bounds of a [Table]. A field that is 0 has its default.
type Limits struct {
	// DefaultLease is the lease of instances that ask for none; default [DefaultLease].
	DefaultLease time.Duration
	// MinLease is the shortest lease; default [DefaultMinLease].
	MinLease time.Duration
	// MaxLease is the longest lease, and that of a service of a RegisterService message
	// which has not shown that it answers questions; default [DefaultMaxLease].
	MaxLease time.Duration
	// PlainLease is the lease of a dīvidere service that has shown that it answers
	// questions; default [DefaultPlainLease]. It should hold several of them.
	PlainLease time.Duration
	// MaxInstances is how many instances there may be; default [DefaultMaxInstances].
	MaxInstances int
	// MaxPlain is how many of those may be services that were registered by a
	// RegisterService message; default [DefaultMaxPlain].
	MaxPlain int
	// MaxBytes bounds the size of all instances together, as they are marshalled;
	// default [DefaultMaxBytes].
	MaxBytes int
	// History is how many changes are kept for watchers; default [DefaultHistory].
	History int
}

// complete returns the limits with their defaults, and everything that is wrong.
func (l Limits) complete() (Limits, error) {
	l = Limits{
		DefaultLease: cmp.Or(l.DefaultLease, DefaultLease),
		MinLease:     cmp.Or(l.MinLease, DefaultMinLease),
		MaxLease:     cmp.Or(l.MaxLease, DefaultMaxLease),
		PlainLease:   cmp.Or(l.PlainLease, DefaultPlainLease),
		MaxInstances: cmp.Or(l.MaxInstances, DefaultMaxInstances),
		MaxPlain:     cmp.Or(l.MaxPlain, DefaultMaxPlain),
		MaxBytes:     cmp.Or(l.MaxBytes, DefaultMaxBytes),
		History:      cmp.Or(l.History, DefaultHistory),
	}
	var wrong []error
	if l.MinLease < 0 || l.MinLease > l.DefaultLease || l.DefaultLease > l.MaxLease {
		wrong = append(wrong, fmt.Errorf("leases of %v at least, %v by default and %v at most", l.MinLease, l.DefaultLease, l.MaxLease))
	}
	if l.PlainLease < 0 {
		wrong = append(wrong, fmt.Errorf("a lease of %v for dīvidere's services", l.PlainLease))
	}
	if l.MaxInstances < 0 || l.MaxPlain < 0 || l.MaxBytes < 0 || l.History < 0 {
		wrong = append(wrong, fmt.Errorf("%d instances, %d of them plain, %d bytes and %d changes at most", l.MaxInstances, l.MaxPlain, l.MaxBytes, l.History))
	}
	return l, errors.Join(wrong...)
}

// lease returns the lease that is given where one is asked for.
func (l Limits) lease(asked time.Duration) time.Duration {
	return min(max(cmp.Or(asked, l.DefaultLease), l.MinLease), l.MaxLease)
}
