package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// view is what is printed of one thing, by names: an object of JSON for programs, cells of
// a table for people.
type view []property

// property is a name in JSON and its value: a string, a number, a span, an absence, a time, a
// list of strings, a map of strings or of numbers, a failure, a view or a list of them.
type property struct {
	name  string
	value any
}

// span is a duration: in JSON a number of seconds.
type span time.Duration

// MarshalJSON returns the seconds.
func (s span) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).Seconds()) }

// absence is null in JSON, and a word for people.
type absence string

// MarshalJSON returns null.
func (absence) MarshalJSON() ([]byte, error) { return []byte("null"), nil } //nolint:unparam // as json.Marshaler wants

// viewOf returns the fields of a message that are named, separated by spaces, in that order.
// A field of nanoseconds is named by seconds, inNano is inSeconds, and a time loses its
// unit. Lists and maps are never null.
func viewOf(m proto.Message, names string) view {
	r := m.ProtoReflect()
	fields := r.Descriptor().Fields()
	all := make(view, fields.Len())
	for i := range all {
		all[i] = propertyOf(fields.Get(i), r.Get(fields.Get(i)))
	}
	if names == everything {
		return all
	}
	return all.only(names)
}

// everything names all fields of a message.
const everything = "*"

// propertyOf returns a field of a message.
func propertyOf(fd protoreflect.FieldDescriptor, v protoreflect.Value) property {
	name := fd.JSONName()
	if at, isTime := strings.CutSuffix(name, "UnixNano"); isTime {
		return property{at, time.Unix(0, v.Int())}
	}
	if what, isSpan := strings.CutSuffix(name, "Nano"); isSpan {
		return property{what + "Seconds", span(v.Int())}
	}
	switch {
	case fd.IsMap():
		texts := map[string]string{}
		v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			texts[k.String()] = v.String()
			return true
		})
		return property{name, texts}
	case fd.IsList() && fd.Kind() == protoreflect.StringKind:
		texts := make([]string, v.List().Len())
		for i := range texts {
			texts[i] = v.List().Get(i).String()
		}
		return property{name, texts}
	case fd.Kind() == protoreflect.EnumKind:
		return property{name, wordOf(fd.Enum(), v.Enum())}
	case fd.Kind() == protoreflect.BytesKind:
		return property{name, hex.EncodeToString(v.Bytes())}
	default:
		return property{name, v.Interface()}
	}
}

// viewsOf is viewOf of each message of a list.
func viewsOf[M proto.Message](list []M, names string) []view {
	views := make([]view, len(list))
	for i, m := range list {
		views[i] = viewOf(m, names)
	}
	return views
}

// get returns the value of a name, nil if there is none.
func (v view) get(name string) any {
	if i := slices.IndexFunc(v, func(p property) bool { return p.name == name }); i >= 0 {
		return v[i].value
	}
	return nil
}

// only returns the properties of names that are separated by spaces, those that there are.
func (v view) only(names string) (chosen view) {
	for name := range strings.FieldsSeq(names) {
		if value := v.get(name); value != nil {
			chosen = append(chosen, property{name, value})
		}
	}
	return chosen
}

// with returns the view with a property more, or another value of one.
func (v view) with(name string, value any) view {
	changed := slices.Clone(v)
	if i := slices.IndexFunc(v, func(p property) bool { return p.name == name }); i >= 0 {
		changed[i].value = value
		return changed
	}
	return append(changed, property{name, value})
}

// renamed returns the view with another name for a property.
func (v view) renamed(from, to string) view {
	changed := slices.Clone(v)
	for i := range changed {
		if changed[i].name == from {
			changed[i].name = to
		}
	}
	return changed
}

// failing returns the view with an error, if there is one.
func (v view) failing(err error) view {
	if err == nil {
		return v
	}
	return v.with("error", failureOf(err))
}

// MarshalJSON returns an object, whose members are in order.
func (v view) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range v {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := objectJSON(p.value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", p.name, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// cell returns a value as people read it.
func (v view) cell(name string) string {
	switch value := v.get(name).(type) {
	case nil:
		return ""
	case span:
		return short(time.Duration(value))
	case time.Time:
		return value.Format(time.RFC3339)
	case []string:
		return joined(value)
	case map[string]string:
		return pairsText(value)
	case map[string]uint64:
		return pairsText(value)
	case *failureJSON:
		return strings.TrimPrefix(value.Code+": "+value.Message, ": ")
	default:
		return fmt.Sprint(value)
	}
}

// pairsText returns a map on one line, in order.
func pairsText[V any](pairs map[string]V) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		parts = append(parts, fmt.Sprintf("%s=%v", key, pairs[key]))
	}
	return strings.Join(parts, " ")
}

// row returns the cells of names that are separated by spaces.
func (v view) row(names string) (cells []string) {
	for name := range strings.FieldsSeq(names) {
		cells = append(cells, v.cell(name))
	}
	return cells
}

// table is rows of cells.
type table [][]string

// columns returns views as a table with a column for each name.
func columns(views []view, names string) table {
	var titles []string
	for name := range strings.FieldsSeq(names) {
		titles = append(titles, strings.ToUpper(spaced(name)))
	}
	t := table{titles}
	for _, v := range views {
		t = append(t, v.row(names))
	}
	return t
}

// titled returns a table with a row of titles.
func titled(t table, titles ...string) table { return append(table{titles}, t...) }

// text returns the properties on one line.
func (v view) text() string {
	var parts []string
	for _, p := range v {
		parts = append(parts, p.name+"="+v.cell(p.name))
	}
	return strings.Join(parts, " ")
}

// lines returns the properties as rows of a name and a value.
func (v view) lines() (t table) {
	for _, p := range v {
		t = append(t, []string{spaced(p.name), v.cell(p.name)})
	}
	return t
}

// spaced returns a name in JSON as words, without its unit: inFlight is in flight.
func spaced(name string) string {
	var b strings.Builder
	for _, r := range strings.TrimSuffix(name, "Seconds") {
		if unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// wordOf returns the word for a value of an enum, such as serving.
func wordOf(ed protoreflect.EnumDescriptor, number protoreflect.EnumNumber) string {
	zero := string(ed.Values().ByNumber(0).Name())
	value := ed.Values().ByNumber(number)
	switch {
	case value == nil:
		return fmt.Sprint(number)
	case number != 0:
		return strings.ToLower(strings.TrimPrefix(string(value.Name()), strings.TrimSuffix(zero, "UNSPECIFIED")))
	case ed.Name() == "Dialect":
		return "mittere"
	case ed.Name() == "Kind":
		return "service"
	default:
		return "unknown"
	}
}

// list prints views, in a table with these columns.
func (p printer) list(views []view, names string) error {
	return p.show(views, columns(views, names))
}

// show prints views for programs, or tables for people.
func (p printer) show(views []view, tables ...table) error {
	if p.json() {
		return objects(p, views)
	}
	for i, t := range tables {
		if i > 0 {
			if err := p.text("\n"); err != nil {
				return err
			}
		}
		if err := p.rows(t...); err != nil {
			return err
		}
	}
	return nil
}
