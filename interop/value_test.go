//go:build interop

package interop_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// value is a message on the control channel. python/values.py is its other end
// and says what it looks like.
type value struct {
	Type   string         `json:"type"`
	Fields map[string]any `json:"fields"`
}

// toValue returns a message as a value.
func toValue(m proto.Message) *value {
	r := m.ProtoReflect()
	return &value{Type: string(r.Descriptor().FullName()), Fields: fieldsOf(r)}
}

// fieldsOf returns all fields of a message, set or not.
func fieldsOf(r protoreflect.Message) map[string]any {
	fields := map[string]any{}
	for f := range each(r) {
		fields[string(f.Name())] = fieldOf(r, f)
	}
	return fields
}

// each yields the fields that a message can have.
func each(r protoreflect.Message) func(yield func(protoreflect.FieldDescriptor) bool) {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		all := r.Descriptor().Fields()
		for i := 0; i < all.Len() && yield(all.Get(i)); i++ {
		}
	}
}

// fieldOf returns one field.
func fieldOf(r protoreflect.Message, f protoreflect.FieldDescriptor) any {
	switch {
	case f.IsList():
		elements := []any{}
		for i := range r.Get(f).List().Len() {
			elements = append(elements, elementOf(f, r.Get(f).List().Get(i)))
		}
		return elements
	case f.Message() != nil && !r.Has(f):
		return nil
	default:
		return elementOf(f, r.Get(f))
	}
}

// elementOf returns the value of a singular field, or one of a repeated field.
func elementOf(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return fieldsOf(v.Message())
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return strconv.FormatFloat(v.Float(), 'x', -1, 64)
	case protoreflect.BytesKind:
		return hex.EncodeToString(v.Bytes())
	case protoreflect.BoolKind, protoreflect.StringKind:
		return v.Interface()
	default:
		return fmt.Sprint(v.Interface())
	}
}

// toMessage returns the message that a value stands for. A value without all of
// its type's fields is an error.
func toMessage(t testing.TB, v *value) proto.Message {
	t.Helper()
	m := newMessage(t, v.Type, "")
	if err := fill(m.ProtoReflect(), v.Fields); err != nil {
		t.Fatalf("value of a %s: %v", v.Type, err)
	}
	return m
}

// fill sets all fields of a message.
func fill(r protoreflect.Message, fields map[string]any) error {
	for f := range each(r) {
		v, there := fields[string(f.Name())]
		if !there {
			return fmt.Errorf("the field %s is missing", f.Name())
		}
		if err := setField(r, f, v); err != nil {
			return fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	return nil
}

// setField sets one field.
func setField(r protoreflect.Message, f protoreflect.FieldDescriptor, v any) error {
	switch {
	case f.IsList():
		list := r.Mutable(f).List()
		for _, element := range v.([]any) {
			made, err := toElement(f, list.NewElement(), element)
			if err != nil {
				return err
			}
			list.Append(made)
		}
		return nil
	case f.Message() != nil && v == nil:
		return nil
	default:
		made, err := toElement(f, r.NewField(f), v)
		if err == nil {
			r.Set(f, made)
		}
		return err
	}
}

// toElement returns the protobuf value that v stands for; made is an empty one.
func toElement(f protoreflect.FieldDescriptor, made protoreflect.Value, v any) (protoreflect.Value, error) {
	switch v := v.(type) {
	case map[string]any:
		return made, fill(made.Message(), v)
	case bool:
		return protoreflect.ValueOfBool(v), nil
	case string:
		return parse(f.Kind(), v)
	default:
		return made, fmt.Errorf("a %T on the control channel", v)
	}
}

// parse reads the text of a scalar.
func parse(kind protoreflect.Kind, text string) (v protoreflect.Value, err error) {
	var float float64
	var signed int64
	var unsigned uint64
	switch kind {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text), nil
	case protoreflect.BytesKind:
		b, err := hex.DecodeString(text)
		return protoreflect.ValueOfBytes(b), err
	case protoreflect.DoubleKind:
		float, err = strconv.ParseFloat(text, 64)
		return protoreflect.ValueOfFloat64(float), err
	case protoreflect.FloatKind:
		float, err = strconv.ParseFloat(text, 64)
		return protoreflect.ValueOfFloat32(float32(float)), err
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		signed, err = strconv.ParseInt(text, 10, 32)
		return protoreflect.ValueOfInt32(int32(signed)), err
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		signed, err = strconv.ParseInt(text, 10, 64)
		return protoreflect.ValueOfInt64(signed), err
	case protoreflect.EnumKind:
		signed, err = strconv.ParseInt(text, 10, 32)
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(signed)), err
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		unsigned, err = strconv.ParseUint(text, 10, 32)
		return protoreflect.ValueOfUint32(uint32(unsigned)), err
	default:
		unsigned, err = strconv.ParseUint(text, 10, 64)
		return protoreflect.ValueOfUint64(unsigned), err
	}
}

// wantMessage compares a message with what it should be, field by field.
func wantMessage(t testing.TB, got, want proto.Message) {
	t.Helper()
	if got == nil {
		t.Fatalf("got no message, want a %s", want.ProtoReflect().Descriptor().FullName())
	}
	g, w := got.ProtoReflect(), want.ProtoReflect()
	if g.Descriptor().FullName() != w.Descriptor().FullName() {
		t.Fatalf("got a %s, want a %s", g.Descriptor().FullName(), w.Descriptor().FullName())
	}
	compare(t, string(w.Descriptor().Name()), fieldsOf(g), fieldsOf(w))
}

// compare compares two parts of values. NaN equals NaN, and 0 is not -0.
func compare(t testing.TB, path string, got, want any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok || len(got) != len(want) {
			t.Errorf("%s: got %v, want %v", path, got, want)
			return
		}
		for name := range want {
			compare(t, path+"."+name, got[name], want[name])
		}
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			t.Errorf("%s: got %v, want %v", path, got, want)
			return
		}
		for i := range want {
			compare(t, fmt.Sprintf("%s[%d]", path, i), got[i], want[i])
		}
	default:
		if got != want {
			t.Errorf("%s: got %.200v, want %.200v", path, got, want)
		}
	}
}

func TestValuesOfTheControlChannelKeepEveryBit(t *testing.T) {
	for name, content := range scalars() {
		m := newMessage(t, "AllScalars", "")
		content(m.ProtoReflect())
		t.Run(name, func(t *testing.T) { wantMessage(t, toMessage(t, toValue(m)), m) })
	}
	nan := newMessage(t, "AllScalars", "double_value: nan")
	wantMessage(t, toMessage(t, toValue(nan)), nan)
	if f := nan.ProtoReflect(); !math.IsNaN(f.Get(f.Descriptor().Fields().ByName("double_value")).Float()) {
		t.Error("NaN became a number")
	}
}
