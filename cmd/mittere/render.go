package main

import (
	"bytes"
	"encoding/json"
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// How much is printed of messages, which come from others: how deep they are nested,
// which is also how deep they are decoded, and how much memory one answer or the
// details of one error may take.
const (
	maxDepth    = 1000
	answerRoom  = 512 << 20
	detailsRoom = 16 << 20
)

// What stops a renderer: a message that JSON cannot express, which is printed as its
// bytes, and one that is too large, for which all of it is.
var (
	errNoJSON = errors.New("JSON cannot express it")
	errNoRoom = errors.New("it is too large")
)

// renderer writes messages as the JSON of protobuf. It is what protojson is but for
// two things: what JSON cannot express is written as bytes, within all else, and
// there are bounds. Fields without presence are there also when they are zero: a sum
// of 0 is an answer.
type renderer struct {
	types resolver
	room  int // in bytes, for what is decoded and what is written
	depth int
	out   bytes.Buffer
	json  *json.Encoder // to out
}

// newRenderer returns a renderer with room for so many bytes.
func newRenderer(types resolver, room int) *renderer {
	r := &renderer{types: types, room: room}
	r.json = json.NewEncoder(&r.out)
	r.json.SetEscapeHTML(false)
	return r
}

// messageJSON returns a message that came as bytes as JSON on one line. Bytes that are
// no such message are an error, and printed as bytes.
func messageJSON(mt protoreflect.MessageType, body []byte, types resolver) ([]byte, error) {
	r := newRenderer(types, answerRoom)
	m, err := r.open(mt, body)
	if err == nil {
		err = r.message(m)
	}
	switch {
	case err == nil:
		return escapeJSON(r.out.Bytes()), nil
	case errors.Is(err, errNoRoom):
		err = nil
	}
	return opaqueJSON(urlOf(mt.Descriptor()), body), err
}

// anyJSON returns a packed message as JSON on one line, and how much it took of room;
// its bytes if there is no room for more.
func anyJSON(packed *anypb.Any, types resolver, room int) (text []byte, took int) {
	r := newRenderer(types, room)
	if r.message(packed.ProtoReflect()) != nil {
		text = opaqueJSON(packed.GetTypeUrl(), packed.GetValue())
		return text, len(text)
	}
	text = escapeJSON(r.out.Bytes())
	return text, len(text)
}

// opaqueJSON returns the JSON of a message of which no more is known than its bytes.
func opaqueJSON(url string, body []byte) []byte {
	r := newRenderer(resolver{}, answerRoom)
	r.opaque(url, body)
	return escapeJSON(r.out.Bytes())
}

// urlOf returns the URL of a type.
func urlOf(md protoreflect.MessageDescriptor) string { return urlOfName(string(md.FullName())) }

// urlOfName returns the URL of the type of a name.
func urlOfName(name string) string { return "type.googleapis.com/" + name }

// open decodes a message, if there is room for it.
func (r *renderer) open(mt protoreflect.MessageType, body []byte) (protoreflect.Message, error) {
	w := weigher{r.types, r.room}
	w.message(body, mt.Descriptor(), r.depth)
	if r.room = w.room; r.room < 0 {
		return nil, errNoRoom
	}
	m := mt.New()
	return m, proto.UnmarshalOptions{AllowPartial: true, RecursionLimit: maxDepth, Resolver: r.types}.Unmarshal(body, m.Interface())
}

// message writes a message, its bytes if JSON cannot express it.
func (r *renderer) message(m protoreflect.Message) error {
	if r.out.Len() > r.room {
		return errNoRoom
	}
	r.depth++
	defer func() { r.depth-- }()
	begin := r.out.Len()
	err := errNoJSON
	if r.depth <= maxDepth {
		err = r.exact(m)
	}
	if !errors.Is(err, errNoJSON) {
		return err
	}
	r.out.Truncate(begin)
	if url, body, ok := unpack(m); ok {
		r.opaque(url, body)
		return nil
	}
	body, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(m.Interface())
	r.opaque(urlOf(m.Descriptor()), body)
	return err
}

// opaque writes a message of which no more is known than its bytes.
func (r *renderer) opaque(url string, body []byte) {
	r.out.WriteString(`{"@type":`)
	r.value(url)
	r.out.WriteString(`,"bytes":`)
	r.value(orEmpty(body))
	r.out.WriteByte('}')
}

// exact writes a message as JSON has it.
func (r *renderer) exact(m protoreflect.Message) error {
	if known := wellKnown(m.Descriptor()); known != nil {
		return known(r, m)
	}
	r.out.WriteByte('{')
	err := r.fields(m)
	r.out.WriteByte('}')
	return err
}

// value writes what encoding/json writes as protobuf wants it.
func (r *renderer) value(v any) {
	_ = r.json.Encode(v) // fails for no value that is given here
	r.out.Truncate(r.out.Len() - len("\n"))
}
