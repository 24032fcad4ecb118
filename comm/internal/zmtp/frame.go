package zmtp

import (
	"encoding/binary"
	"math"
)

// The flags of a frame (RFC 23, "Framing"). Other bits are ignored, as libzmq does.
const (
	flagMore    = 1 << 0
	flagLong    = 1 << 1
	flagCommand = 1 << 2
)

// A header is the flags and a size of one byte, or of eight.
const (
	shortHeader = 2
	longHeader  = 9
)

// MaxHeader is the most bytes that a frame has in front of its body.
const MaxHeader = longHeader

// AppendPart appends one part of a message. more says that further parts follow.
func AppendPart(dst, body []byte, more bool) []byte {
	return append(AppendPartHeader(dst, len(body), more), body...)
}

// AppendPartHeader appends the header of a part. The caller writes the body of
// size bytes behind it.
func AppendPartHeader(dst []byte, size int, more bool) []byte {
	if more {
		return appendHeader(dst, flagMore, size)
	}
	return appendHeader(dst, 0, size)
}

// PartSize returns the bytes that AppendPart appends for a body of size bytes.
func PartSize(size int) int {
	if size <= math.MaxUint8 {
		return shortHeader + size
	}
	return longHeader + size
}

// PeekFrame returns the bytes of the frame whose header is at the front of b, with the
// header, and whether further parts of its message follow. The size is 0 if more of b is
// needed to tell. It is for who decides how much room a frame needs, or looks through
// frames that the Append functions wrote; what a peer sent is to be held against the
// limits first, by [Decoder.Next].
func PeekFrame(b []byte) (size int, more bool) {
	h, err := parseHeader(b)
	if err != nil || h.length == 0 || h.size > math.MaxInt-longHeader {
		return 0, false
	}
	return h.length + int(h.size), h.flags&flagMore != 0
}

func appendHeader(dst []byte, flags byte, size int) []byte {
	if size <= math.MaxUint8 {
		return append(dst, flags, byte(size))
	}
	return binary.BigEndian.AppendUint64(append(dst, flags|flagLong), uint64(size))
}

// header is the header at the front of b. length is its own size, or 0 if more
// bytes are needed to tell.
type header struct {
	flags  byte
	size   uint64
	length int
}

func parseHeader(b []byte) (header, error) {
	switch {
	case len(b) < shortHeader:
		return header{}, nil
	case b[0]&flagLong == 0:
		return header{flags: b[0], size: uint64(b[1]), length: shortHeader}, nil
	case len(b) < longHeader:
		return header{}, nil
	}
	size := binary.BigEndian.Uint64(b[1:])
	if size > math.MaxInt64 {
		return header{}, fail(Malformed, "a frame says that it has %d bytes", size)
	}
	return header{flags: b[0], size: size, length: longHeader}, nil
}

// whole returns the body of the frame at the front of b, and the bytes that the
// frame takes. The count is 0 if the frame is incomplete.
func (h header) whole(b []byte) (body []byte, n int) {
	if h.length == 0 || uint64(len(b)-h.length) < h.size {
		return nil, 0
	}
	n = h.length + int(h.size)
	return b[h.length:n:n], n
}
