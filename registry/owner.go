package registry

import (
	"bytes"
	"crypto/subtle"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry/store"
)

// Owner says who registers an instance. The zero value is an owner without a token,
// as those of dīvidere and of older peers are: the entry belongs to its name and id
// alone, and anybody may replace it.
type Owner struct {
	// Token is known to this registration alone. It is the table's from then on.
	Token []byte
	// Age is how long ago the registry first took this registration; 0 if it never
	// did.
	Age time.Duration
}

// check returns INVALID_ARGUMENT for an owner that cannot be.
func (o Owner) check() error {
	if o.Age < 0 {
		return messaging.Errorf(messaging.InvalidArgument, "a registration of the age %v", o.Age)
	}
	return store.CheckToken(o.Token)
}

// ownedBy reports whether a token is that of an entry, which may be none.
func (e *entry) ownedBy(token []byte) bool {
	return subtle.ConstantTimeCompare(e.token, token) == 1
}

// replaceable returns ALREADY_EXISTS if a registration must not take the place of an
// entry that is there: one that is older, which would come back by itself after it was
// replaced, and one without a token if the entry has one.
func (e *entry) replaceable(by *entry) error {
	switch {
	case e.ownedBy(by.token):
		return nil
	case len(by.token) == 0 || by.since.Before(e.since):
		return e.taken()
	default:
		return nil
	}
}

// taken is the error of everyone but the owner of an entry.
func (e *entry) taken() error {
	return messaging.Errorf(messaging.AlreadyExists, "instance %.40q of %.40q was registered anew by another owner, at %.80q",
		e.instance.GetId(), e.instance.GetName(), e.instance.GetEndpoints())
}

// ForStore returns a change as a store keeps it: with the token of the registration,
// which no other is told. It must be called before the next change.
func (t *Table) ForStore(change *mitterev1.WatchResponse) *mitterev1.WatchResponse {
	entry := change.GetChange().GetEntry()
	e := t.find(entry.GetInstance().GetName(), entry.GetInstance().GetId())
	if e == nil || len(e.token) == 0 || change.GetChange().GetKind() != mitterev1.Change_KIND_PUT {
		return change
	}
	return &mitterev1.WatchResponse{Epoch: change.GetEpoch(), Revision: change.GetRevision(), Change: &mitterev1.Change{
		Kind: mitterev1.Change_KIND_PUT,
		Entry: &mitterev1.Entry{
			Instance: entry.GetInstance(), LeaseNano: entry.GetLeaseNano(), LeftNano: entry.GetLeftNano(),
			Revision: entry.GetRevision(), Token: bytes.Clone(e.token),
		},
	}}
}
