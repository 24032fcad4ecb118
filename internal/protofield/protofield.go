// Package protofield reads and writes the fields of protobuf messages by hand. It
// is below the codecs that are too hot, or too exact about their bytes, for
// protobuf's own: those of envelopes and of commands.
package protofield

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field is one field of a message. It aliases the bytes that it was read from.
type Field struct {
	Number protowire.Number // of the field
	Type   protowire.Type   // how it is encoded
	Value  []byte           // as it is encoded, behind the tag
	Whole  []byte           // tag and value
}

// Next reads the field at the front of b. What is left begins behind Whole.
func Next(b []byte) (Field, error) {
	number, kind, n := protowire.ConsumeTag(b)
	switch {
	case n < 0:
		return Field{}, protowire.ParseError(n)
	case number > protowire.MaxValidNumber:
		// protowire lets it pass; protobuf's own decoders do not.
		return Field{}, fmt.Errorf("field number %d is out of range", number)
	}
	size := protowire.ConsumeFieldValue(number, kind, b[n:])
	if size < 0 {
		return Field{}, protowire.ParseError(size)
	}
	return Field{Number: number, Type: kind, Value: b[n : n+size], Whole: b[:n+size]}, nil
}

// Bytes returns the content of a field of type bytes, string or message.
func (f Field) Bytes() []byte {
	b, _ := protowire.ConsumeBytes(f.Value)
	return b
}

// Varint returns the content of a field of a type of number.
func (f Field) Varint() uint64 {
	v, _ := protowire.ConsumeVarint(f.Value)
	return v
}

// AppendString appends a string field unless it is empty.
func AppendString(b []byte, number protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), s)
}

// AppendVarint appends a number field unless it is zero.
func AppendVarint(b []byte, number protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), v)
}

// AppendFixed64 appends a number field of eight bytes unless it is zero.
func AppendFixed64(b []byte, number protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendFixed64(protowire.AppendTag(b, number, protowire.Fixed64Type), v)
}

// SizeString is what AppendString appends, in bytes, for a number up to 15.
func SizeString(s string) int {
	if s == "" {
		return 0
	}
	return 1 + protowire.SizeBytes(len(s))
}

// SizeVarint is what AppendVarint appends, in bytes, for a number up to 15.
func SizeVarint(v uint64) int {
	if v == 0 {
		return 0
	}
	return 1 + protowire.SizeVarint(v)
}

// SizeFixed64 is what AppendFixed64 appends, in bytes, for a number up to 15.
func SizeFixed64(v uint64) int {
	if v == 0 {
		return 0
	}
	return 1 + protowire.SizeFixed64()
}
