package main

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// fields writes the fields of a message, in their order, and then its extensions by
// name.
func (r *renderer) fields(m protoreflect.Message) error {
	all := m.Descriptor().Fields()
	for i := range all.Len() {
		if fd := all.Get(i); m.Has(fd) || !fd.HasPresence() {
			if err := r.field(m, fd); err != nil {
				return err
			}
		}
	}
	extensions := map[string]protoreflect.FieldDescriptor{}
	m.Range(func(fd protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if fd.IsExtension() {
			extensions[fd.JSONName()] = fd
		}
		return true
	})
	for _, name := range slices.Sorted(maps.Keys(extensions)) {
		if err := r.field(m, extensions[name]); err != nil {
			return err
		}
	}
	return nil
}

// field writes one field.
func (r *renderer) field(m protoreflect.Message, fd protoreflect.FieldDescriptor) error {
	r.name(fd.JSONName())
	switch {
	case fd.IsMap():
		return r.entries(m.Get(fd).Map(), fd.MapValue())
	case fd.IsList():
		return r.list(m.Get(fd).List(), fd)
	default:
		return r.singular(m.Get(fd), fd)
	}
}

// name writes the name of a field.
func (r *renderer) name(name string) {
	r.comma('{')
	r.value(name)
	r.out.WriteByte(':')
}

// comma writes a comma, unless the next is the first after a bracket.
func (r *renderer) comma(bracket byte) {
	if text := r.out.Bytes(); text[len(text)-1] != bracket {
		r.out.WriteByte(',')
	}
}

// list writes a list.
func (r *renderer) list(list protoreflect.List, fd protoreflect.FieldDescriptor) error {
	r.out.WriteByte('[')
	for i := range list.Len() {
		r.comma('[')
		if err := r.singular(list.Get(i), fd); err != nil {
			return err
		}
	}
	r.out.WriteByte(']')
	return nil
}

// entries writes a map, in the order of its keys.
func (r *renderer) entries(m protoreflect.Map, fd protoreflect.FieldDescriptor) error {
	keys := make([]protoreflect.MapKey, 0, m.Len())
	m.Range(func(key protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, key)
		return true
	})
	slices.SortFunc(keys, compareKeys)
	r.out.WriteByte('{')
	for _, key := range keys {
		if !utf8.ValidString(key.String()) {
			return errNoJSON
		}
		r.name(key.String())
		if err := r.singular(m.Get(key), fd); err != nil {
			return err
		}
	}
	r.out.WriteByte('}')
	return nil
}

// compareKeys compares two keys of a map.
func compareKeys(a, b protoreflect.MapKey) int {
	switch a.Interface().(type) {
	case int32, int64:
		return cmp.Compare(a.Int(), b.Int())
	case uint32, uint64:
		return cmp.Compare(a.Uint(), b.Uint())
	default: // false is before true
		return cmp.Compare(a.String(), b.String())
	}
}

// singular writes one value of a field.
func (r *renderer) singular(v protoreflect.Value, fd protoreflect.FieldDescriptor) error {
	switch fd.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return r.message(v.Message())
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind,
		protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		r.value(v.String())
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		r.float(v)
	case protoreflect.EnumKind:
		r.enum(v.Enum(), fd.Enum())
	case protoreflect.StringKind:
		r.text(v.String())
	case protoreflect.BytesKind:
		r.value(orEmpty(v.Bytes()))
	default:
		r.value(v.Interface())
	}
	return nil
}

// float writes a number, its name if it is none.
func (r *renderer) float(v protoreflect.Value) {
	switch f := v.Float(); {
	case math.IsNaN(f):
		r.value("NaN")
	case math.IsInf(f, 1):
		r.value("Infinity")
	case math.IsInf(f, -1):
		r.value("-Infinity")
	default:
		r.value(v.Interface())
	}
}

// enum writes the name of a number, the number if it has none.
func (r *renderer) enum(number protoreflect.EnumNumber, ed protoreflect.EnumDescriptor) {
	switch named := ed.Values().ByNumber(number); {
	case ed.FullName() == "google.protobuf.NullValue":
		r.value(nil)
	case named != nil:
		r.value(string(named.Name()))
	default:
		r.value(int32(number))
	}
}

// text writes a string, its bytes if it is no text.
func (r *renderer) text(s string) {
	if utf8.ValidString(s) {
		r.value(s)
		return
	}
	r.out.WriteString(`{"bytes":`)
	r.value([]byte(s))
	r.out.WriteByte('}')
}
