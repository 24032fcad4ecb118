package message

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Envelope is one message with what a receiver must know before it reads it.
// Its wire form is mittere.v1.Envelope, always written in the order of fields 1,
// 4, 2, 3; docs/wire.md is normative. Fields 1 and 2 are dīvidere's msgEnvelope.
type Envelope struct {
	// Type is the full name of the message's type, such as "calc.v1.AddRequest".
	Type string
	// ShortName says that field 1 holds only the last segment of Type, as
	// dīvidere writes it.
	ShortName bool
	// Subject is the key that the sender chose; usually there is none.
	Subject []string
	// Body is the serialized message. After [Decode] it is a part of the frame.
	Body []byte
	// Meta is what is known beside the content; its zero value is not written.
	Meta Meta

	unknown []byte // fields of later versions, kept for whom this is passed on to
}

// The field numbers of mittere.v1.Envelope and google.protobuf.Any.
const (
	fieldName    protowire.Number = 1
	fieldMsg     protowire.Number = 2
	fieldMeta    protowire.Number = 3
	fieldSubject protowire.Number = 4

	fieldTypeURL protowire.Number = 1
	fieldValue   protowire.Number = 2
)

// typeURLPrefix is what stands before the type's name in a type URL. Any prefix
// that ends in a slash is accepted.
const typeURLPrefix = "type.googleapis.com/"

// Name returns what is written in field 1.
func (e *Envelope) Name() string {
	if e.ShortName {
		return e.Type[strings.LastIndexByte(e.Type, '.')+1:]
	}
	return e.Type
}

// Append appends the envelope's frame to b and returns the whole.
func (e *Envelope) Append(b []byte) []byte {
	b = e.AppendHead(b)
	b = appendAnyHead(b, e.Type, len(e.Body))
	b = append(b, e.Body...)
	return e.AppendTail(b)
}

// AppendHead appends what subscriptions select by, with which the frame begins: name
// and subject.
func (e *Envelope) AppendHead(b []byte) []byte {
	b = protowire.AppendTag(b, fieldName, protowire.BytesType)
	b = protowire.AppendString(b, e.Name())
	return appendSubject(b, e.Subject)
}

// AppendHeadEnd appends what follows the head in every frame, by which a topic of one
// subject is told from those of its subtree.
func AppendHeadEnd(b []byte) []byte { return protowire.AppendTag(b, fieldMsg, protowire.BytesType) }

// appendSubject appends the segments of a subject.
func appendSubject(b []byte, segments []string) []byte {
	for _, segment := range segments {
		b = protowire.AppendTag(b, fieldSubject, protowire.BytesType)
		b = protowire.AppendString(b, segment)
	}
	return b
}

// appendAnyHead appends field 2 up to the body, which is size bytes long.
func appendAnyHead(b []byte, typeName string, size int) []byte {
	url := len(typeURLPrefix) + len(typeName)
	length := 1 + protowire.SizeBytes(url)
	if size > 0 {
		length += 1 + protowire.SizeBytes(size)
	}
	b = protowire.AppendTag(b, fieldMsg, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(length))
	b = protowire.AppendTag(b, fieldTypeURL, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(url))
	b = append(append(b, typeURLPrefix...), typeName...)
	if size > 0 {
		b = protowire.AppendTag(b, fieldValue, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(size))
	}
	return b
}

// AppendTail appends what follows the body: Meta, and fields of later versions.
func (e *Envelope) AppendTail(b []byte) []byte {
	if !e.Meta.isZero() {
		b = protowire.AppendTag(b, fieldMeta, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(e.Meta.size()))
		b = e.Meta.append(b)
	}
	return append(b, e.unknown...)
}
