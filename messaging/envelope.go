package messaging

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
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
	b = e.appendHead(b)
	b = appendAnyHead(b, e.Type, len(e.Body))
	b = append(b, e.Body...)
	return e.appendTail(b)
}

// appendHead appends what subscriptions select by: name and subject.
func (e *Envelope) appendHead(b []byte) []byte {
	b = protowire.AppendTag(b, fieldName, protowire.BytesType)
	b = protowire.AppendString(b, e.Name())
	return appendSubject(b, e.Subject)
}

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

// appendTail appends what follows the body.
func (e *Envelope) appendTail(b []byte) []byte {
	if !e.Meta.isZero() {
		b = protowire.AppendTag(b, fieldMeta, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(e.Meta.size()))
		b = e.Meta.append(b)
	}
	return append(b, e.unknown...)
}

// Decode reads a frame. The envelope's Body is a part of it. A frame that is no
// envelope gives an error with code [InvalidArgument]: field 1 or 2 missing or
// twice, a name that is not the end of the type URL, a type URL without a valid
// name, truncation, invalid UTF-8.
// Fields it does not know are kept for Append.
func Decode(frame []byte) (Envelope, error) {
	d := decoder{frame: frame}
	for rest := frame; len(rest) > 0; {
		n, err := d.field(rest)
		if err != nil {
			return Envelope{}, err
		}
		rest = rest[n:]
	}
	return d.finish()
}

// decoder is an envelope while it is read.
type decoder struct {
	frame   []byte
	e       Envelope
	name    []byte // field 1; nil if absent
	typeURL []byte // within field 2; nil if absent
	hasMsg  bool
}

// field reads the first field of b and returns its length.
func (d *decoder) field(b []byte) (int, error) {
	number, kind, n, err := consumeTag(b)
	if err != nil {
		return 0, err
	}
	if kind != protowire.BytesType || number > fieldSubject {
		size := protowire.ConsumeFieldValue(number, kind, b[n:])
		if size < 0 {
			return 0, malformed(size)
		}
		d.e.unknown = append(d.e.unknown, b[:n+size]...)
		return n + size, nil
	}
	value, size := protowire.ConsumeBytes(b[n:])
	if size < 0 {
		return 0, malformed(size)
	}
	return n + size, d.known(number, value)
}

// known takes one of the envelope's own fields.
func (d *decoder) known(number protowire.Number, value []byte) error {
	switch number {
	case fieldName:
		if d.name != nil {
			return Errorf(InvalidArgument, "envelope: field 1, the name, stands twice")
		}
		d.name = value
	case fieldMsg:
		if d.hasMsg {
			return Errorf(InvalidArgument, "envelope: field 2, the message, stands twice")
		}
		d.hasMsg = true
		return d.any(value)
	case fieldMeta:
		return d.e.Meta.decode(value)
	case fieldSubject:
		if !utf8.Valid(value) {
			return notUTF8("subject")
		}
		d.e.Subject = append(d.e.Subject, string(value))
	}
	return nil
}

// any reads the google.protobuf.Any in field 2.
func (d *decoder) any(b []byte) error {
	hasValue := false
	for len(b) > 0 {
		number, kind, n, err := consumeTag(b)
		if err != nil {
			return err
		}
		size := protowire.ConsumeFieldValue(number, kind, b[n:])
		if size < 0 {
			return malformed(size)
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(b[n:])
			switch {
			case number == fieldTypeURL && d.typeURL == nil:
				d.typeURL = value
			case number == fieldValue && !hasValue:
				d.e.Body, hasValue = value, true
			case number == fieldTypeURL || number == fieldValue:
				return Errorf(InvalidArgument, "envelope: field %d of the message stands twice", number)
			}
		}
		b = b[n+size:]
	}
	return nil
}

// finish checks the whole.
func (d *decoder) finish() (Envelope, error) {
	switch {
	case len(d.name) == 0:
		return Envelope{}, Errorf(InvalidArgument, "envelope: field 1, the name, is missing")
	case len(d.typeURL) == 0:
		return Envelope{}, Errorf(InvalidArgument, "envelope: field 2, the message, is missing or has no type URL")
	case !utf8.Valid(d.typeURL):
		return Envelope{}, notUTF8("type URL")
	}
	url := string(d.typeURL)
	d.e.Type = url[strings.LastIndexByte(url, '/')+1:]
	switch {
	case !protoreflect.FullName(d.e.Type).IsValid():
		return Envelope{}, Errorf(InvalidArgument, "envelope: the type URL %q ends in no name of a type", url)
	case !d.agrees():
		return Envelope{}, Errorf(InvalidArgument, "envelope: the name %q and the type URL %q disagree", d.name, url)
	}
	return d.e, nil
}

// agrees reports whether the name is the type's, or its last segments.
func (d *decoder) agrees() bool {
	before, ok := strings.CutSuffix(d.e.Type, string(d.name))
	if !ok {
		return false
	}
	d.e.ShortName = before != ""
	return before == "" || strings.HasSuffix(before, ".")
}

// consumeTag reads a field's tag, which is n bytes long.
func consumeTag(b []byte) (number protowire.Number, kind protowire.Type, n int, err error) {
	number, kind, n = protowire.ConsumeTag(b)
	switch {
	case n < 0:
		return 0, 0, 0, malformed(n)
	case number > protowire.MaxValidNumber:
		// protowire lets it pass; protobuf's own decoders do not.
		return 0, 0, 0, Errorf(InvalidArgument, "envelope: field number %d is out of range", number)
	default:
		return number, kind, n, nil
	}
}

// malformed returns the error of bytes that are no protobuf.
func malformed(n int) *Error {
	return &Error{Code: InvalidArgument, Message: "envelope: " + protowire.ParseError(n).Error(), cause: protowire.ParseError(n)}
}

// notUTF8 returns the error of a string that is none.
func notUTF8(what string) *Error {
	return Errorf(InvalidArgument, "envelope: the %s is not valid UTF-8", what)
}
