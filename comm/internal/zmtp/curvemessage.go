package zmtp

import (
	"encoding/binary"

	"golang.org/x/crypto/nacl/box"
)

// The flags in the box of a MESSAGE are libzmq's own. RFC 26 knows only MORE.
const (
	innerMore    = 1 << 0
	innerCommand = 1 << 1
)

// counter makes the nonces of one direction.
type counter struct {
	nonce nonce
	last  uint64
}

func newCounter(prefix string, last uint64) counter {
	return counter{nonce: *counterNonce(prefix, last), last: last}
}

// of returns the nonce of number n, until the next call.
func (c *counter) of(n uint64) *nonce {
	binary.BigEndian.PutUint64(c.nonce[len(c.nonce)-shortNonce:], n)
	return &c.nonce
}

// Sealer encrypts frames for one peer. Frames have to leave in the order in
// which they were sealed.
type Sealer struct {
	shared  *shared
	counter counter
}

// Size returns the bytes that [Sealer.Seal] appends at most for size bytes of
// frames, of which there are count.
func (s *Sealer) Size(size, count int) int {
	return size + count*(curveOverhead+longHeader-shortHeader)
}

// Seal appends the encryption of whole frames in the clear, as the Append
// functions wrote them. It writes over clear, which must not overlap dst.
func (s *Sealer) Seal(dst, clear []byte) []byte {
	for len(clear) > 0 {
		h, _ := parseHeader(clear)
		body, n := h.whole(clear)
		// The flags stand in front of the body in the box, and the last byte of
		// the header stands there here.
		boxed := clear[h.length-1 : n]
		boxed[0] = innerFlags(h.flags)
		dst = s.seal(dst, boxed, len(body))
		clear = clear[n:]
	}
	return dst
}

func (s *Sealer) seal(dst, boxed []byte, size int) []byte {
	s.counter.last++
	// libzmq drops MESSAGE frames that have the COMMAND flag, which RFC 26 wants.
	dst = appendHeader(dst, 0, curveOverhead+size)
	dst = append(append(dst, byte(len(nameMessage))), nameMessage...)
	dst = binary.BigEndian.AppendUint64(dst, s.counter.last)
	return box.SealAfterPrecomputation(dst, boxed, s.counter.of(s.counter.last), s.shared)
}

func innerFlags(flags byte) byte {
	var inner byte
	if flags&flagMore != 0 {
		inner |= innerMore
	}
	if flags&flagCommand != 0 {
		inner |= innerCommand
	}
	return inner
}

func outerFlags(inner byte) byte {
	var flags byte
	if inner&innerMore != 0 {
		flags |= flagMore
	}
	if inner&innerCommand != 0 {
		flags |= flagCommand
	}
	return flags
}

// opener decrypts what a Sealer of the peer encrypted.
type opener struct {
	shared  *shared
	counter counter
}

// open returns the flags and the body in the body of a MESSAGE frame. Only
// alloc's bytes are returned.
func (o *opener) open(body []byte, alloc func(int) []byte) (flags byte, clear []byte, err error) {
	if len(body) < curveOverhead || int(body[0]) != len(nameMessage) || string(body[1:messageHead]) != nameMessage {
		return 0, nil, fail(Malformed, "a frame that is no MESSAGE of CURVE")
	}
	number := binary.BigEndian.Uint64(body[messageHead:])
	if number <= o.counter.last {
		return 0, nil, fail(Malformed, "a MESSAGE of CURVE that comes again: %d after %d", number, o.counter.last)
	}
	sealed := body[messageHead+shortNonce:]
	room := alloc(len(sealed) - box.Overhead)
	opened, ok := box.OpenAfterPrecomputation(room[:0], sealed, o.counter.of(number), o.shared)
	if !ok {
		return 0, nil, fail(Malformed, "a MESSAGE of CURVE that does not open")
	}
	o.counter.last = number
	return outerFlags(opened[0]), opened[1:], nil
}
