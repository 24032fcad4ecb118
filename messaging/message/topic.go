package message

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Topic is what a subscription selects: everything, a type, a type with one
// subject, or a type with a subject and all below it. On the wire it is a prefix
// of the envelope, exact because lengths come first: "Tick" never selects
// "TickEvent", nor ["room","7"] the subject ["room","70"].
type Topic struct {
	name    string   // full name; empty selects everything
	subject []string // segments
	exact   bool     // no further segments
}

// Everything selects all messages.
func Everything() Topic { return Topic{} }

// OfType selects messages of the type of m, whatever their subject. m may be a
// nil pointer of a generated type.
func OfType(m proto.Message) Topic { return Topic{name: string(nameOf(m))} }

// OfSubject selects messages of the type of m with exactly this subject; no
// segments select those without one.
func OfSubject(m proto.Message, segments ...string) Topic {
	return Topic{name: string(nameOf(m)), subject: segments, exact: true}
}

// OfSubtree selects messages of the type of m whose subject begins with these
// segments.
func OfSubtree(m proto.Message, segments ...string) Topic {
	return Topic{name: string(nameOf(m)), subject: segments}
}

// Prefix returns the bytes with which selected frames begin.
func (t Topic) Prefix() []byte { return t.prefix(t.name) }

// Prefixes returns all bytes with which selected frames begin: those of short names,
// as dīvidere writes them, only if asked for.
func (t Topic) Prefixes(shortNames bool) [][]byte {
	if !shortNames {
		return [][]byte{t.Prefix()}
	}
	return [][]byte{t.Prefix(), t.shortPrefix()}
}

// Check returns an error for what no frame could have.
func (t Topic) Check() error {
	for _, segment := range t.subject {
		if !utf8.ValidString(segment) {
			return notUTF8("subject")
		}
	}
	return nil
}

// shortPrefix returns the bytes with which selected frames of dīvidere begin,
// which has no packages in names.
func (t Topic) shortPrefix() []byte { return t.prefix(t.name[strings.LastIndexByte(t.name, '.')+1:]) }

// prefix returns the prefix for one way to write the name.
func (t Topic) prefix(name string) []byte {
	if name == "" {
		return nil
	}
	b := protowire.AppendTag(nil, fieldName, protowire.BytesType)
	b = appendSubject(protowire.AppendString(b, name), t.subject)
	if t.exact {
		b = AppendHeadEnd(b)
	}
	return b
}

// String returns the topic for people: "calc.v1.Tick", "calc.v1.Tick[room 7]",
// "calc.v1.Tick[room 7 ...]".
func (t Topic) String() string {
	switch {
	case t.name == "":
		return "everything"
	case t.exact:
		return fmt.Sprintf("%s%v", t.name, t.subject)
	case len(t.subject) > 0:
		return fmt.Sprintf("%s[%s ...]", t.name, strings.Join(t.subject, " "))
	default:
		return t.name
	}
}
