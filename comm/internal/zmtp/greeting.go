package zmtp

import "bytes"

// The greeting (RFC 23, "Greeting"): a signature of ten bytes, the version, the
// mechanism, the role, and filler.
const (
	greetingSize  = 64
	signatureSize = 10
	majorAt       = 10
	minorAt       = 11
	mechanismAt   = 12
	mechanismSize = 20
	serverAt      = 32

	signatureFirst = 0xff
	signatureLast  = 0x7f

	major = 3
	minor = 1
)

// greeting is what a peer says first.
type greeting struct {
	minor     byte
	mechanism string
	server    bool // a hint: libzmq never sets it
}

// append appends all 64 bytes at once. A libzmq peer sends its own in stages,
// each after the other side's, and takes ours whole.
func (g greeting) append(dst []byte) []byte {
	var b [greetingSize]byte
	b[0], b[signatureSize-2], b[signatureSize-1] = signatureFirst, 1, signatureLast
	b[majorAt], b[minorAt] = major, g.minor
	copy(b[mechanismAt:mechanismAt+mechanismSize], g.mechanism)
	if g.server {
		b[serverAt] = 1
	}
	return append(dst, b[:]...)
}

// parseGreeting reads the greeting at the front of b. whole is false if it is
// incomplete. What is wrong is told by the first byte that shows it, so that
// nobody waits for the rest of a greeting that never comes.
func parseGreeting(b []byte) (g greeting, whole bool, err error) {
	switch {
	case len(b) > 0 && b[0] != signatureFirst:
		return greeting{}, false, fail(UnsupportedVersion, "no ZeroMQ greeting: the first byte is %#02x", b[0])
	case len(b) >= signatureSize && b[signatureSize-1]&1 == 0:
		return greeting{}, false, fail(UnsupportedVersion, "ZMTP 1.0")
	case len(b) > majorAt && b[majorAt] < major:
		return greeting{}, false, fail(UnsupportedVersion, "ZMTP 2.0 (%d)", b[majorAt])
	case len(b) < greetingSize:
		return greeting{}, false, nil
	}
	name, padding, _ := bytes.Cut(b[mechanismAt:mechanismAt+mechanismSize], []byte{0})
	if len(name) == 0 || len(bytes.Trim(padding, "\x00")) > 0 || !printable(name) {
		return greeting{}, false, fail(Malformed, "the mechanism %q", name)
	}
	g = greeting{minor: b[minorAt], mechanism: string(name), server: b[serverAt] == 1}
	if b[majorAt] > major {
		g.minor = minor // a later version speaks ours
	}
	return g, true, nil
}

func printable(b []byte) bool {
	return !bytes.ContainsFunc(b, func(r rune) bool { return r <= ' ' || r > '~' })
}
