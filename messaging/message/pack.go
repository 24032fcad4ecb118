package message

import (
	"errors"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Resolver finds message types by name. protoregistry.GlobalTypes is one, and so
// is *dynamicpb.Types for messages that have no Go type.
type Resolver interface {
	// FindMessageByName returns the type, or protoregistry.NotFound.
	FindMessageByName(protoreflect.FullName) (protoreflect.MessageType, error)
}

// Pack returns an envelope around a message.
func Pack(m proto.Message, options ...Option) (Envelope, error) {
	e, err := Describe(m, options)
	if err != nil {
		return Envelope{}, err
	}
	if e.Body, err = (proto.MarshalOptions{Deterministic: true}).Marshal(m); err != nil {
		return Envelope{}, unfit("marshal", e.Type, err)
	}
	return e, nil
}

// unfit returns the error of a message that cannot be marshalled, or unmarshalled.
// Protobuf writes a space or a no-break space, at random, so that nobody compares its
// texts; people read them.
func unfit(verb, name string, err error) *Error {
	e := Errorf(InvalidArgument, "%s %s: %w", verb, name, err)
	e.Message = strings.ReplaceAll(e.Message, "\u00a0", " ")
	return e
}

// Describe returns the envelope of a message without its body.
func Describe(m proto.Message, options []Option) (Envelope, error) {
	if m == nil {
		return Envelope{}, Errorf(InvalidArgument, "the message is nil")
	}
	e := Envelope{Type: string(nameOf(m))}
	if len(options) == 0 {
		return e, nil
	}
	return e.with(options)
}

// with returns the envelope with options applied. It is apart from Describe so
// that an envelope without options, the usual one, stays off the heap.
func (e Envelope) with(options []Option) (Envelope, error) {
	for _, option := range options {
		option.apply(&e)
	}
	return e, e.checkText()
}

// checkText refuses what no receiver would accept.
func (e *Envelope) checkText() error {
	for _, segment := range e.Subject {
		if !utf8.ValidString(segment) {
			return notUTF8("subject")
		}
	}
	for key, value := range e.Meta.Metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return notUTF8("metadata")
		}
	}
	if !utf8.ValidString(e.Meta.TraceParent) || !utf8.ValidString(e.Meta.TraceState) {
		return notUTF8("trace context")
	}
	return nil
}

// nameOf returns the full name of a message's type. A nil pointer of a generated
// type has one too.
func nameOf(m proto.Message) protoreflect.FullName {
	return m.ProtoReflect().Descriptor().FullName()
}

// Open returns the envelope's message, of the type that the resolver has for its
// name. A name that it does not have gives [Unimplemented], a body that is no
// such message [InvalidArgument]. Strings and bytes of the message share nothing
// with the body.
func (e *Envelope) Open(types Resolver) (proto.Message, error) {
	t, err := types.FindMessageByName(protoreflect.FullName(e.Type))
	if errors.Is(err, protoregistry.NotFound) {
		return nil, Errorf(Unimplemented, "unknown message type %q", e.Type)
	}
	if err != nil {
		return nil, Errorf(InvalidArgument, "message type %q: %w", e.Type, err)
	}
	m := t.New().Interface()
	return m, e.unmarshal(m)
}

// OpenInto reads the envelope's message into m, which must be of its type.
func (e *Envelope) OpenInto(m proto.Message) error {
	if name := nameOf(m); string(name) != e.Type {
		return Errorf(InvalidArgument, "the message is a %s, not a %s", e.Type, name)
	}
	return e.unmarshal(m)
}

// unmarshal reads the body into m.
func (e *Envelope) unmarshal(m proto.Message) error {
	if err := proto.Unmarshal(e.Body, m); err != nil {
		return unfit("unmarshal", e.Type, err)
	}
	return nil
}

// Open returns the envelope's message as a T, a pointer to a generated message.
// Another type gives [InvalidArgument].
func Open[T proto.Message](e *Envelope) (T, error) {
	var none T
	if any(none) == nil {
		return none, Errorf(Internal, "an interface is no type of message; use Envelope.Open")
	}
	m, ok := none.ProtoReflect().Type().New().Interface().(T)
	if !ok {
		return none, Errorf(Internal, "%T is not made by protoc-gen-go", none)
	}
	if err := e.OpenInto(m); err != nil {
		return none, err
	}
	return m, nil
}
