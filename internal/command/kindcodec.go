package command

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// How the kinds of commands are written and read. Calls are made of a Request and a
// Reply, whose codec is written by hand, since there are two for each call. It knows
// only what usual ones have. Everything seldom, such as metadata, an
// error, a target or fields of later versions, and everything that is wrong, is left
// to protobuf's own, so that there is one place that says what it means.

// sizeKind returns how many bytes appendKind writes.
func sizeKind(kind proto.Message) int {
	switch k := kind.(type) {
	case *mitterev1.Request:
		if usualRequest(k) {
			return sizeRequest(k)
		}
	case *mitterev1.Reply:
		if usualReply(k) {
			return sizeReply(k)
		}
	}
	return proto.Size(kind)
}

// appendKind appends a kind whose size was asked for before.
func appendKind(b []byte, kind proto.Message) ([]byte, error) {
	switch k := kind.(type) {
	case *mitterev1.Request:
		if usualRequest(k) {
			return appendRequest(b, k), nil
		}
	case *mitterev1.Reply:
		if usualReply(k) {
			return appendReply(b, k), nil
		}
	}
	return proto.MarshalOptions{Deterministic: true, UseCachedSize: true}.MarshalAppend(b, kind)
}

// readKind reads the kind in a field; nil is none that is known.
func readKind(number protowire.Number, b []byte) (proto.Message, error) {
	switch number {
	case kindRequest:
		if k := readRequest(b); k != nil {
			return k, nil
		}
	case kindReply:
		if k := readReply(b); k != nil {
			return k, nil
		}
	}
	kind := newKind(number)
	if kind == nil {
		return nil, nil
	}
	return kind, proto.Unmarshal(b, kind)
}

// hasUnknown reports whether a message has fields of later versions.
func hasUnknown(m proto.Message) bool { return len(m.ProtoReflect().GetUnknown()) > 0 }

// field is one field of a message while it is read.
type field struct {
	tag    byte   // its number and how it is written
	number uint64 // what it has, if that is a number
	bytes  []byte // the same, if that is a text or a message
}

// The ways in which the fields of usual messages are written, to be added to eight
// times the number of the field.
const (
	asVarint = byte(protowire.VarintType)
	asFixed  = byte(protowire.Fixed64Type)
	asBytes  = byte(protowire.BytesType)
)

// nextField reads the first field of b, which is n bytes long; 0 is a field that usual
// messages do not have, or none at all.
func nextField(b []byte) (f field, n int) {
	f.tag = b[0]
	switch f.tag & 7 { // a number above 15 has further bytes, and so the highest bit
	case asVarint:
		f.number, n = protowire.ConsumeVarint(b[1:])
	case asFixed:
		f.number, n = protowire.ConsumeFixed64(b[1:])
	case asBytes:
		f.bytes, n = protowire.ConsumeBytes(b[1:])
	}
	if n <= 0 {
		return f, 0
	}
	return f, n + 1
}

// text reads a text; false if it is none.
func (f *field) text(to *string) bool {
	*to = string(f.bytes)
	return utf8.Valid(f.bytes)
}
