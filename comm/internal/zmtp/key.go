package zmtp

import (
	"io"

	"golang.org/x/crypto/curve25519"
)

// KeySize is the bytes of a key of CURVE.
const KeySize = 32

// Key is a public or a secret key of CURVE.
type Key [KeySize]byte

// KeyPair is a key that may be told and the one that must not be.
type KeyPair struct {
	Public Key // for everybody
	Secret Key // for its owner alone
}

// NewKeyPair makes a key pair from 32 random bytes of random.
func NewKeyPair(random io.Reader) (KeyPair, error) {
	var secret Key
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return KeyPair{}, err
	}
	return KeyPairOf(secret), nil
}

// KeyPairOf returns the pair of a secret key.
func KeyPairOf(secret Key) KeyPair {
	pair := KeyPair{Secret: secret}
	curve25519.ScalarBaseMult((*[KeySize]byte)(&pair.Public), (*[KeySize]byte)(&secret))
	return pair
}
