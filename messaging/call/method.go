package call

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Method is what a caller must know of a method. The zero value calls the handler
// for the request's message type.
type Method struct {
	// Name is the full name, such as "calc.v1.CalculatorService/Add"; empty is by
	// message type.
	Name string
	// Idempotency says what a second execution does.
	Idempotency Idempotency
	// Streaming says that the answer is a stream.
	Streaming bool
}

// Idempotency says what a second execution of a method does, as protobuf's option
// idempotency_level.
type Idempotency uint8

const (
	// IdempotencyUnknown is of methods whose second execution may do harm.
	IdempotencyUnknown Idempotency = iota
	// NoSideEffects is of methods that change nothing.
	NoSideEffects
	// Idempotent is of methods whose second execution changes nothing more.
	Idempotent
)

// wire returns what stands for it in a Request.
func (i Idempotency) wire() mitterev1.Idempotency {
	switch i {
	case NoSideEffects:
		return mitterev1.Idempotency_IDEMPOTENCY_NO_SIDE_EFFECTS
	case Idempotent:
		return mitterev1.Idempotency_IDEMPOTENCY_IDEMPOTENT
	default:
		return mitterev1.Idempotency_IDEMPOTENCY_UNSPECIFIED
	}
}

// MethodOf returns the method that a descriptor describes, with its option
// idempotency_level.
func MethodOf(md protoreflect.MethodDescriptor) Method {
	m := Method{
		Name:      string(md.Parent().FullName()) + "/" + string(md.Name()),
		Streaming: md.IsStreamingServer(),
	}
	options, _ := md.Options().(*descriptorpb.MethodOptions)
	switch options.GetIdempotencyLevel() {
	case descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
		m.Idempotency = NoSideEffects
	case descriptorpb.MethodOptions_IDEMPOTENT:
		m.Idempotency = Idempotent
	}
	return m
}

// ByType returns the method that the request's message type leads to.
func ByType() Method { return Method{} }

// Repeatable reports whether a second execution does no harm.
func (m Method) Repeatable() bool {
	return m.Idempotency != IdempotencyUnknown
}

// String returns the name.
func (m Method) String() string {
	if m.Name == "" {
		return "the handler for its type"
	}
	return m.Name
}
