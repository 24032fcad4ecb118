package call

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
)

// Key names a request of a client on every try, so that a server recognises one that it has
// executed. Each server knows the client itself by another name, which a connection adds.
type Key struct {
	// Number counts the client's requests, from 1; 0 is no key.
	Number uint64
	// Settled is the least number whose caller still waits: the server may forget the
	// answers to all below.
	Settled uint64
}

// Keys names the requests of one client, over all of its connections: a request
// has the same number on every try, and the client the same instance in all sessions
// with one server, by which that recognises it. No two servers know the client by the
// same instance, so that none of them can pass for it at another one. All methods may
// be called by any number of goroutines at once.
type Keys struct {
	secret []byte // of which the instances are made

	mu   sync.Mutex
	last uint64
	low  uint64 // all below are settled
	open map[uint64]struct{}
}

// instanceSize is the length of the bytes that name a client to a server.
const instanceSize = 16

// NewKeys returns the keys of a new client.
func NewKeys() *Keys {
	k := &Keys{secret: make([]byte, sha256.Size), low: 1, open: map[uint64]struct{}{}}
	_, _ = rand.Read(k.secret) // it never fails
	return k
}

// instanceAt returns what the client is called at an endpoint. Without the secret it cannot be
// told that two of them are of one client.
func (k *Keys) instanceAt(endpoint string) []byte {
	mac := hmac.New(sha256.New, k.secret)
	_, _ = mac.Write([]byte(endpoint)) // it never fails
	return mac.Sum(nil)[:instanceSize]
}

// Begin returns the key of a new request, which must be given to End.
func (k *Keys) Begin() Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last++
	k.open[k.last] = struct{}{}
	return Key{Number: k.last, Settled: k.low}
}

// End notes that the client waits no longer for the answer to a request.
func (k *Keys) End(key Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.open, key.Number)
	for k.low <= k.last {
		if _, waits := k.open[k.low]; waits {
			return
		}
		k.low++
	}
}
