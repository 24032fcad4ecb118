//go:build interop

package interop_test

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// typed is a message of the schema as a Go type of its own, which a handler must
// have. It stands for what protoc-gen-go makes in the program of somebody whose
// messages have no package, without entering protobuf's global registry. Its
// pointer is a proto.Message.
type typed[N named] struct{ m protoreflect.Message }

// named tells the full name of a type.
type named interface{ fullName() protoreflect.FullName }

// The types that handlers are for.
type (
	testMsg01        = typed[nameTestMsg01]
	imageMsg         = typed[nameImageMsg]
	numberedMsg      = typed[nameNumbered]
	serviceLookupReq = typed[nameServiceLookupReq]
	serviceLookupRep = typed[nameServiceLookupRep]
)

type (
	nameTestMsg01        struct{}
	nameImageMsg         struct{}
	nameNumbered         struct{}
	nameServiceLookupReq struct{}
	nameServiceLookupRep struct{}
)

func (nameTestMsg01) fullName() protoreflect.FullName        { return "testMsg01" }
func (nameImageMsg) fullName() protoreflect.FullName         { return "ImageMsg" }
func (nameNumbered) fullName() protoreflect.FullName         { return "Numbered" }
func (nameServiceLookupReq) fullName() protoreflect.FullName { return "ServiceLookupReq" }
func (nameServiceLookupRep) fullName() protoreflect.FullName { return "ServiceLookupRep" }

// newTyped returns an empty message.
func newTyped[N named]() *typed[N] { return &typed[N]{dynamic[N]().New()} }

// dynamic returns the type that typed stands on.
func dynamic[N named]() protoreflect.MessageType {
	var n N
	all, err := schema()
	if err != nil {
		panic(err) // newStage has read it
	}
	found, err := all.FindMessageByName(n.fullName())
	if err != nil {
		panic(err)
	}
	return found
}

// ProtoReflect makes the pointer a proto.Message; that of nil is empty.
func (t *typed[N]) ProtoReflect() protoreflect.Message {
	if t == nil {
		return reflection[N]{dynamic[N]().Zero()}
	}
	return reflection[N]{t.m}
}

// reflection is a dynamic message that knows the Go type around it.
type reflection[N named] struct{ protoreflect.Message }

func (r reflection[N]) Type() protoreflect.MessageType       { return typeOf[N]{r.Message.Type()} }
func (r reflection[N]) New() protoreflect.Message            { return reflection[N]{r.Message.New()} }
func (r reflection[N]) Interface() protoreflect.ProtoMessage { return &typed[N]{r.Message} }

// typeOf is a dynamic type that knows the Go type around it.
type typeOf[N named] struct{ protoreflect.MessageType }

func (t typeOf[N]) New() protoreflect.Message  { return reflection[N]{t.MessageType.New()} }
func (t typeOf[N]) Zero() protoreflect.Message { return reflection[N]{t.MessageType.Zero()} }

// field returns a field, by the name that it has in the schema.
func (t *typed[N]) field(name protoreflect.Name) protoreflect.Value {
	return t.m.Get(t.m.Descriptor().Fields().ByName(name))
}

// set sets a scalar field and returns the message.
func (t *typed[N]) set(name protoreflect.Name, v any) *typed[N] {
	t.m.Set(t.m.Descriptor().Fields().ByName(name), protoreflect.ValueOf(v))
	return t
}

var _ protoreflect.Message = reflection[nameTestMsg01]{(*dynamicpb.Message)(nil)}
