package main

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// What one message and one value take when they are decoded, beside the bytes of text,
// roughly, in bytes.
const (
	messageWeight = 160
	valueWeight   = 24
)

// weigher finds out how much memory a message takes before it is decoded: two bytes
// on the wire may be a message in memory.
type weigher struct {
	types resolver
	room  int // what is left; below zero it is too much
}

// message weighs the fields of a message in b, up to the end of a group if it is in
// one, and returns the rest. Where b is broken it stops: the decoder says so.
func (w *weigher) message(b []byte, md protoreflect.MessageDescriptor, depth int) (rest []byte) {
	w.room -= messageWeight
	for len(b) > 0 && w.room >= 0 && depth <= maxDepth {
		number, kind, n := protowire.ConsumeTag(b)
		switch b = b[max(n, 0):]; {
		case n < 0:
			return nil
		case kind == protowire.EndGroupType:
			return b
		case kind == protowire.StartGroupType:
			w.room -= len(b) // the decoder looks for its end, at each depth again
			b = w.group(b, w.field(md, number), depth)
		default:
			b = w.value(b, number, kind, w.field(md, number), depth)
		}
	}
	return nil
}

// group weighs a group and returns the rest.
func (w *weigher) group(b []byte, fd protoreflect.FieldDescriptor, depth int) []byte {
	var md protoreflect.MessageDescriptor
	if fd != nil {
		md = fd.Message()
	}
	return w.message(b, md, depth+1)
}

// value weighs the value of a field and returns the rest.
func (w *weigher) value(b []byte, number protowire.Number, kind protowire.Type, fd protoreflect.FieldDescriptor, depth int) []byte {
	n := protowire.ConsumeFieldValue(number, kind, b)
	if n < 0 {
		return nil
	}
	w.room -= valueWeight
	if kind == protowire.BytesType {
		body, _ := protowire.ConsumeBytes(b)
		switch {
		case fd != nil && fd.Message() != nil:
			w.message(body, fd.Message(), depth+1)
		case fd != nil && fd.IsList() && packable(fd.Kind()):
			w.room -= valueWeight * len(body) / width(fd.Kind())
		default:
			w.room -= len(body)
		}
	}
	return b[n:]
}

// field returns the field of a number, nil if it is not known.
func (w *weigher) field(md protoreflect.MessageDescriptor, number protowire.Number) protoreflect.FieldDescriptor {
	if md == nil {
		return nil
	}
	if fd := md.Fields().ByNumber(number); fd != nil {
		return fd
	}
	if extension, err := w.types.FindExtensionByNumber(md.FullName(), number); err == nil {
		return extension.TypeDescriptor()
	}
	return nil
}

// packable reports whether a list of a kind may be sent as one value.
func packable(kind protoreflect.Kind) bool {
	return kind != protoreflect.StringKind && kind != protoreflect.BytesKind
}

// width returns the least bytes of a number that is packed.
func width(kind protoreflect.Kind) int {
	switch kind {
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return 4
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return 8
	default:
		return 1
	}
}
