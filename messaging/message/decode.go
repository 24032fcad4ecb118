package message

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mittere/mittere/internal/protofield"
)

// Decode reads a frame. The envelope's Body is a part of it. A frame that is no
// envelope gives an error with code [InvalidArgument]: field 1 or 2 missing or
// twice, a name that is not the end of the type URL, a type URL without a valid
// name, truncation, invalid UTF-8.
// Fields it does not know are kept for Append.
func Decode(frame []byte) (Envelope, error) {
	d := decoder{frame: frame}
	for rest := frame; len(rest) > 0; {
		f, err := nextField(rest)
		if err == nil {
			err = d.field(f)
		}
		if err != nil {
			return Envelope{}, err
		}
		rest = rest[len(f.Whole):]
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

// field takes one field of the envelope. What it does not know is kept.
func (d *decoder) field(f protofield.Field) error {
	if f.Type != protowire.BytesType || f.Number > fieldSubject {
		d.e.unknown = append(d.e.unknown, f.Whole...)
		return nil
	}
	return d.known(f.Number, f.Bytes())
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
		f, err := nextField(b)
		if err != nil {
			return err
		}
		b = b[len(f.Whole):]
		switch {
		case f.Type != protowire.BytesType:
		case f.Number == fieldTypeURL && d.typeURL == nil:
			d.typeURL = f.Bytes()
		case f.Number == fieldValue && !hasValue:
			d.e.Body, hasValue = f.Bytes(), true
		case f.Number == fieldTypeURL || f.Number == fieldValue:
			return Errorf(InvalidArgument, "envelope: field %d of the message stands twice", f.Number)
		}
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

// nextField reads the field at the front of b.
func nextField(b []byte) (protofield.Field, error) {
	f, err := protofield.Next(b)
	if err != nil {
		return f, Errorf(InvalidArgument, "envelope: %w", err)
	}
	return f, nil
}

// notUTF8 returns the error of a string that is none.
func notUTF8(what string) *Error {
	return Errorf(InvalidArgument, "envelope: the %s is not valid UTF-8", what)
}
