package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	_ "google.golang.org/protobuf/types/known/apipb" // and the others: for trusted
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/emptypb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/messaging/call"
)

// schema is what a service tells of its methods and their messages.
type schema struct {
	files   *protoregistry.Files
	types   resolver
	methods []string // full names of those that it has, without its management
}

// fetchSchema asks a service for its schema.
func fetchSchema(ctx context.Context, caller call.Caller) (*schema, error) {
	m := mitterev1mittere.NewManagementServiceClient(caller)
	info, err := m.Info(ctx, &mitterev1.InfoRequest{})
	if err != nil {
		return nil, err
	}
	descriptors, err := m.Descriptors(ctx, &mitterev1.DescriptorsRequest{})
	if err != nil {
		return nil, err
	}
	files, err := trusted(descriptors.GetFiles())
	if err != nil {
		return nil, messaging.Errorf(messaging.Internal, "the service's schema is wrong: %w", err)
	}
	s := &schema{files: files, types: resolver{dynamicpb.NewTypes(files)}}
	for _, method := range info.GetMethods() {
		s.methods = append(s.methods, method.GetName())
	}
	return s, nil
}

// wellKnownPackage has the types that protobuf itself defines.
const wellKnownPackage = "google.protobuf"

// trusted returns the files of a schema that another process sent. What protobuf itself
// defines is taken from here: the code that writes its JSON relies on the fields that it has.
func trusted(set *descriptorpb.FileDescriptorSet) (*protoregistry.Files, error) {
	safe := &descriptorpb.FileDescriptorSet{}
	for _, file := range set.GetFile() {
		if file.GetPackage() == wellKnownPackage {
			own, err := protoregistry.GlobalFiles.FindFileByPath(file.GetName())
			if err != nil || own.Package() != wellKnownPackage {
				return nil, fmt.Errorf("%q is no file of %s", file.GetName(), wellKnownPackage)
			}
			file = protodesc.ToFileDescriptorProto(own)
		}
		safe.File = append(safe.File, file)
	}
	return protodesc.NewFiles(safe)
}

// find returns the method of a name, which may leave out what stands in front as
// long as there is one such method. Methods of the management want the full name.
func (s *schema) find(name string) (protoreflect.MethodDescriptor, error) {
	if md := s.method(name); md != nil {
		return md, nil
	}
	var fits []string
	for _, full := range s.methods {
		if strings.HasSuffix(full, "/"+name) || strings.HasSuffix(full, "."+name) {
			fits = append(fits, full)
		}
	}
	switch {
	case len(fits) > 1:
		return nil, messaging.Errorf(messaging.InvalidArgument, "the method %q may be any of: %s", name, strings.Join(fits, ", "))
	case len(fits) == 1 && s.method(fits[0]) != nil:
		return s.method(fits[0]), nil
	case len(s.methods) == 0:
		return nil, messaging.Errorf(messaging.Unimplemented, "no method %q; the service has none", name)
	}
	return nil, messaging.Errorf(messaging.Unimplemented, "no method %q; there are: %s", name, strings.Join(s.methods, ", "))
}

// method returns the method of a full name, nil if the service has no such.
func (s *schema) method(full string) protoreflect.MethodDescriptor {
	service, name, _ := strings.Cut(full, "/")
	if service != mitterev1mittere.ManagementServiceName && !slices.Contains(s.methods, full) {
		return nil
	}
	found, err := s.files.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil
	}
	sd, ok := found.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil
	}
	return sd.Methods().ByName(protoreflect.Name(name))
}

// resolver finds types among those of a service, or else among our own: details of
// errors may be of either. The zero value knows ours.
type resolver struct{ theirs *dynamicpb.Types }

// FindMessageByName finds a message type.
func (r resolver) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	if r.theirs != nil {
		if mt, err := r.theirs.FindMessageByName(name); err == nil {
			return mt, nil
		}
	}
	return protoregistry.GlobalTypes.FindMessageByName(name)
}

// FindMessageByURL finds a message type by the URL in an Any.
func (r resolver) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	return r.FindMessageByName(protoreflect.FullName(url[strings.LastIndexByte(url, '/')+1:]))
}

// FindExtensionByName finds an extension.
func (r resolver) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	if r.theirs != nil {
		return r.theirs.FindExtensionByName(name)
	}
	return protoregistry.GlobalTypes.FindExtensionByName(name)
}

// FindExtensionByNumber finds an extension of a message.
func (r resolver) FindExtensionByNumber(message protoreflect.FullName, field protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	if r.theirs != nil {
		return r.theirs.FindExtensionByNumber(message, field)
	}
	return protoregistry.GlobalTypes.FindExtensionByNumber(message, field)
}
