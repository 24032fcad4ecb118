package main

import (
	"math"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// wellKnown returns what writes the types whose JSON is not that of their fields, nil
// for all others. A schema has them as protobuf defines them; see [trusted].
func wellKnown(md protoreflect.MessageDescriptor) func(*renderer, protoreflect.Message) error {
	if md.FullName().Parent() != wellKnownPackage {
		return nil
	}
	switch md.Name() {
	case "Any":
		return (*renderer).any
	case "Timestamp", "Duration", "FieldMask":
		return (*renderer).library
	case "Struct", "ListValue":
		return (*renderer).only
	case "Value":
		return (*renderer).dynamic
	case "BoolValue", "Int32Value", "Int64Value", "UInt32Value", "UInt64Value",
		"FloatValue", "DoubleValue", "StringValue", "BytesValue":
		return (*renderer).only
	default:
		return nil
	}
}

// library writes what protojson writes.
func (r *renderer) library(m protoreflect.Message) error {
	text, err := protojson.Marshal(m.Interface())
	if err != nil {
		return errNoJSON
	}
	r.out.Write(text)
	return nil
}

// only writes the value of the one field that a message has.
func (r *renderer) only(m protoreflect.Message) error {
	fd := m.Descriptor().Fields().Get(0)
	switch {
	case fd.IsMap():
		return r.entries(m.Get(fd).Map(), fd.MapValue())
	case fd.IsList():
		return r.list(m.Get(fd).List(), fd)
	default:
		return r.singular(m.Get(fd), fd)
	}
}

// dynamic writes a google.protobuf.Value.
func (r *renderer) dynamic(m protoreflect.Message) error {
	fd := m.WhichOneof(m.Descriptor().Oneofs().Get(0))
	if fd == nil {
		return errNoJSON
	}
	v := m.Get(fd)
	if fd.Kind() == protoreflect.DoubleKind && (math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0)) {
		return errNoJSON // as a string it would mean something else
	}
	return r.singular(v, fd)
}

// any writes a google.protobuf.Any: what is in it, and the type.
func (r *renderer) any(m protoreflect.Message) error {
	url, body, _ := unpack(m)
	if url == "" && len(body) == 0 {
		r.out.WriteString("{}")
		return nil
	}
	mt, err := r.types.FindMessageByURL(url)
	if err != nil {
		return errNoJSON
	}
	if r.room -= len(body); r.room < 0 {
		return errNoRoom
	}
	packed, err := r.open(mt, body)
	switch {
	case err == errNoRoom:
		return err
	case err != nil:
		return errNoJSON
	}
	r.out.WriteString(`{"@type":`)
	r.value(url)
	if wellKnown(mt.Descriptor()) == nil {
		err = r.fields(packed)
	} else {
		r.name("value")
		err = r.exact(packed)
	}
	r.out.WriteByte('}')
	return err
}

// unpack returns what a google.protobuf.Any holds.
func unpack(m protoreflect.Message) (url string, body []byte, ok bool) {
	if m.Descriptor().FullName() != wellKnownPackage+".Any" {
		return "", nil, false
	}
	fields := m.Descriptor().Fields()
	return m.Get(fields.ByNumber(1)).String(), m.Get(fields.ByNumber(2)).Bytes(), true
}
