package registry

import (
	"context"
	"log/slog"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// plainMessages are dīvidere's messages of the registry, as MsgLib.proto has
// them. They have no package, and so no Go type: it would clash with a user's own.
type plainMessages struct {
	register, unregister, ack, rediscover, lookup, found protoreflect.MessageType
}

// newPlainMessages returns the types, which are in no global registry.
func newPlainMessages() (*plainMessages, error) {
	address := []string{"serviceName", "server", "port"}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("dividere/registry.proto"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			describe("RegisterService", address...), describe("UnregisterService", address...), describe("ack", "ok"),
			describe("RediscoverReq"), describe("ServiceLookupReq", "serviceName"), describe("ServiceLookupRep", address...),
		},
	}, new(protoregistry.Files))
	if err != nil {
		return nil, messaging.Errorf(messaging.Internal, "dīvidere's messages: %w", err)
	}
	of := func(i int) protoreflect.MessageType { return dynamicpb.NewMessageType(file.Messages().Get(i)) }
	return &plainMessages{
		register: of(0), unregister: of(1), ack: of(2), rediscover: of(3), lookup: of(4), found: of(5),
	}, nil
}

// describe returns a message with fields that are numbered from 1.
func describe(name string, fields ...string) *descriptorpb.DescriptorProto {
	m := &descriptorpb.DescriptorProto{Name: proto.String(name)}
	for i, field := range fields {
		kind := descriptorpb.FieldDescriptorProto_TYPE_STRING
		switch field {
		case "port":
			kind = descriptorpb.FieldDescriptorProto_TYPE_UINT32
		case "ok":
			kind = descriptorpb.FieldDescriptorProto_TYPE_BOOL
		}
		m.Field = append(m.Field, &descriptorpb.FieldDescriptorProto{
			Name: proto.String(field), Number: proto.Int32(int32(i + 1)), Type: kind.Enum(),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		})
	}
	return m
}

// field returns a field of a message by its number.
func field(m proto.Message, number protoreflect.FieldNumber) protoreflect.Value {
	r := m.ProtoReflect()
	return r.Get(r.Descriptor().Fields().ByNumber(number))
}

// fill returns a message of a type with values in its fields, in order.
func fill(t protoreflect.MessageType, values ...any) proto.Message {
	m := t.New()
	for i, value := range values {
		m.Set(t.Descriptor().Fields().Get(i), protoreflect.ValueOf(value))
	}
	return m.Interface()
}

// plainHandlers answers dīvidere's registry messages. Where dīvidere's registry
// dies of a name that it does not know, or of a message that is wrong, this one
// says that it is not ok.
func (s *Server) plainHandlers() *reactor.Handlers {
	h := reactor.NewHandlers()
	reactor.HandleType(h, s.plain.register, s.registerPlain)
	reactor.HandleType(h, s.plain.unregister, s.unregisterPlain)
	reactor.HandleType(h, s.plain.lookup, s.lookupPlain)
	return h
}

// registerPlain answers RegisterService.
func (s *Server) registerPlain(ctx context.Context, m proto.Message) (proto.Message, error) {
	name, host, port := field(m, 1).String(), field(m, 2).String(), uint32(field(m, 3).Uint())
	err := s.change(ctx, func() (err error) {
		change, err := s.table.RegisterPlain(s.now(), name, host, port)
		s.note(change)
		return err
	})
	if err != nil {
		s.limited.Write(slog.LevelWarn, "registration refused", "name", shorten(name), "by", shorten(host), "error", err)
	}
	return fill(s.plain.ack, err == nil), nil
}

// unregisterPlain answers UnregisterService, whose address does not matter.
func (s *Server) unregisterPlain(ctx context.Context, m proto.Message) (proto.Message, error) {
	known := false
	err := s.change(ctx, func() error {
		change := s.table.WithdrawPlain(s.now(), field(m, 1).String())
		known = change != nil
		s.note(change)
		return nil
	})
	return fill(s.plain.ack, known && err == nil), nil
}

// unavailable is where dīvidere's registry sends clients that ask for an unknown
// name, with port 0.
const unavailable = "unavailable"

// lookupPlain answers ServiceLookupReq.
func (s *Server) lookupPlain(_ context.Context, m proto.Message) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := field(m, 1).String()
	host, port, err := s.table.LookupPlain(s.now(), name)
	if err != nil {
		host, port = unavailable, 0
	}
	return fill(s.plain.found, name, host, port), nil
}

// shorten returns a text from outside as it may be logged.
func shorten(text string) string {
	const most = 80
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
