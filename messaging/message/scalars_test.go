package message_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/mittere/mittere/internal/messagetest"
	"github.com/mittere/mittere/messaging/message"

	testv1 "github.com/mittere/mittere/gen/mittere/test/v1"
)

// types is where messages are found by default.
var types = protoregistry.GlobalTypes

func TestThereIsAValueForEachOfTheFifteenScalarTypes(t *testing.T) {
	kinds := map[protoreflect.Kind]bool{}
	messagetest.Scalars()["maximum"].ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		kinds[f.Kind()] = true
		return true
	})
	if len(kinds) != 15 {
		t.Errorf("%d types of scalars, want 15", len(kinds))
	}
}

func TestScalarsKeepTheirValues(t *testing.T) {
	for name, m := range messagetest.Scalars() {
		t.Run(name, func(t *testing.T) {
			e := messagetest.Must(message.Pack(m))(t)
			decoded := messagetest.Must(message.Decode(e.Append(nil)))(t)
			messagetest.WantEqual(t, messagetest.Must(message.Open[*testv1.Scalars](&decoded))(t), m)
		})
	}
}

func TestNestedMessagesKeepTheirValues(t *testing.T) {
	for _, m := range []proto.Message{messagetest.Tree(0), messagetest.Tree(8), &testv1.Tree_Leaf{Text: "leaf"}, &testv1.Tree{}} {
		e := messagetest.Must(message.Pack(m))(t)
		decoded := messagetest.Must(message.Decode(e.Append(nil)))(t)
		messagetest.WantEqual(t, messagetest.Must(decoded.Open(types))(t), m)
	}
}
