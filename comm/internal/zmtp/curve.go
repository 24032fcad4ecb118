package zmtp

import (
	"crypto/rand"
	"encoding/binary"
	"io"

	"golang.org/x/crypto/nacl/box"
)

const curveName = "CURVE"

// The prefixes of nonces (RFC 26). The rest of the 24 bytes is a counter or
// random bytes.
const (
	nonceHello         = "CurveZMQHELLO---"
	nonceWelcome       = "WELCOME-"
	nonceCookie        = "COOKIE--"
	nonceInitiate      = "CurveZMQINITIATE"
	nonceVouch         = "VOUCH---"
	nonceReady         = "CurveZMQREADY---"
	nonceClientMessage = "CurveZMQMESSAGEC"
	nonceServerMessage = "CurveZMQMESSAGES"
)

// Sizes in bytes of what commands are made of.
const (
	shortNonce = 8  // a counter on the wire
	longNonce  = 16 // random bytes on the wire

	helloPadding = 72 // between the version and the key
	helloZeros   = 64 // the content of HELLO's box
	helloSize    = 2 + helloPadding + KeySize + shortNonce + helloZeros + box.Overhead

	cookieSize  = longNonce + 2*KeySize + box.Overhead
	welcomeSize = longNonce + KeySize + cookieSize + box.Overhead

	vouchSize    = longNonce + 2*KeySize + box.Overhead
	initiateSize = cookieSize + shortNonce + KeySize + vouchSize + box.Overhead // and the metadata
	readySize    = shortNonce + box.Overhead                                    // and the metadata

	messageHead = 1 + len(nameMessage)
	// curveOverhead is what CURVE adds to the body of a frame: the name, the
	// counter, the flags and the tag.
	curveOverhead = messageHead + shortNonce + 1 + box.Overhead
)

// random is where keys and nonces come from. It is a field of each side so that
// tests can replay a handshake.
type random struct{ source io.Reader }

// fill fills b. The system's source never fails.
func (r random) fill(b []byte) { _, _ = io.ReadFull(r.source, b) }

func (r random) keyPair() KeyPair {
	var secret Key
	r.fill(secret[:])
	return KeyPairOf(secret)
}

var systemRandom = random{rand.Reader}

// nonce is what a box is sealed with, once for each key.
type nonce = [24]byte

func nonceOf(prefix string, rest []byte) *nonce {
	var n nonce
	copy(n[copy(n[:], prefix):], rest)
	return &n
}

func counterNonce(prefix string, counter uint64) *nonce {
	return nonceOf(prefix, binary.BigEndian.AppendUint64(nil, counter))
}

// shared is what both ends make of their own secret key and the other's public
// one.
type shared = [KeySize]byte

func precompute(public, secret Key) *shared {
	var s shared
	box.Precompute(&s, (*[KeySize]byte)(&public), (*[KeySize]byte)(&secret))
	return &s
}

// seal appends the box of message, from the holder of secret to that of public.
func seal(dst, message []byte, n *nonce, public, secret Key) []byte {
	return box.Seal(dst, message, n, (*[KeySize]byte)(&public), (*[KeySize]byte)(&secret))
}

func open(sealed []byte, n *nonce, public, secret Key) ([]byte, bool) {
	return box.Open(nil, sealed, n, (*[KeySize]byte)(&public), (*[KeySize]byte)(&secret))
}

func sealShared(dst, message []byte, n *nonce, s *shared) []byte {
	return box.SealAfterPrecomputation(dst, message, n, s)
}

func openShared(sealed []byte, n *nonce, s *shared) ([]byte, bool) {
	return box.OpenAfterPrecomputation(nil, sealed, n, s)
}
