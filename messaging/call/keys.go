package call

import (
	"crypto/rand"
	"sync"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Keys names the requests of one client, over all of its connections: a request
// has the same key on every try, by which servers recognise it. All methods may
// be called by any number of goroutines at once.
type Keys struct {
	instance []byte

	mu   sync.Mutex
	last uint64
	low  uint64 // all below are settled
	open map[uint64]struct{}
}

// instanceSize is the length of the random bytes that name a client.
const instanceSize = 16

// NewKeys returns the keys of a new client.
func NewKeys() *Keys {
	k := &Keys{instance: make([]byte, instanceSize), low: 1, open: map[uint64]struct{}{}}
	_, _ = rand.Read(k.instance) // it never fails
	return k
}

// Begin returns the key of a new request, which must be given to End.
func (k *Keys) Begin() *mitterev1.Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last++
	k.open[k.last] = struct{}{}
	return &mitterev1.Key{Instance: k.instance, Number: k.last, Settled: k.low}
}

// End notes that the client waits no longer for the answer to a request.
func (k *Keys) End(key *mitterev1.Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.open, key.GetNumber())
	for k.low <= k.last {
		if _, waits := k.open[k.low]; waits {
			return
		}
		k.low++
	}
}
