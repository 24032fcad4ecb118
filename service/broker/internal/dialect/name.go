package dialect

import (
	"crypto/sha256"
	"encoding/hex"
	"unicode"
	"unicode/utf8"
)

// LongestName bounds the names of services and workers, in bytes. It is the desk's
// bound.
const LongestName = 255

// WorkerName returns the name of a worker whose protocol has none, as MDP and the
// pirates: its routing id if that can be shown, else the hex of it, or of its SHA-256
// if that would be too long for a name.
func WorkerName(routingID string) string {
	if Printable(routingID) {
		return routingID
	}
	if hex.EncodedLen(len(routingID)) > LongestName {
		hash := sha256.Sum256([]byte(routingID))
		return hex.EncodeToString(hash[:])
	}
	return hex.EncodeToString([]byte(routingID))
}

// Printable reports whether all of a text can be shown: valid UTF-8 without control
// characters.
func Printable(text string) bool {
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(text)
}
