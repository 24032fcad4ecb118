package management

import (
	"context"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/gen/mittere/v1/mitterev1mittere"
	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
)

// Server is what a server tells of itself. Its fields are set once.
type Server struct {
	// Name is what the server is found by, ID what tells it from others of its name.
	Name, ID string
	// Version is that of its program.
	Version string
	// Labels are what the user attached.
	Labels map[string]string
	// Endpoints returns where it listens.
	Endpoints func() []string
	// Handlers are what it serves.
	Handlers *reactor.Handlers
	// Health says whether it takes requests.
	Health func() mitterev1.Health
	// Stats is what its reactor has done.
	Stats func() reactor.Stats
	// Methods count the calls.
	Methods *Methods
	// Began is when it began to serve, in nanoseconds since the Unix epoch.
	Began func() int64
}

// Handlers returns what answers about a server, beside all else that it serves. The
// fields of s may be set until the first question comes.
func Handlers(s *Server) *reactor.Handlers {
	h := reactor.NewHandlers()
	mitterev1mittere.RegisterManagementService(h, service{s})
	return reactor.ControlPlane(h)
}

// Is reports whether a method is one of a server's management.
func Is(method string) bool {
	return strings.HasPrefix(method, mitterev1mittere.ManagementServiceName+"/")
}

// service answers the calls of mittere.v1.ManagementService: Majordomo's MMI as a
// typed service.
type service struct{ *Server }

var _ mitterev1mittere.ManagementServiceHandler = service{}

// Ping answers.
func (s service) Ping(context.Context, *mitterev1.PingRequest) (*mitterev1.PingResponse, error) {
	return &mitterev1.PingResponse{Id: s.ID}, nil
}

// Health tells whether the server takes requests.
func (s service) Health(context.Context, *mitterev1.HealthRequest) (*mitterev1.HealthResponse, error) {
	return &mitterev1.HealthResponse{Health: s.Server.Health()}, nil
}

// Info tells what the server is.
func (s service) Info(context.Context, *mitterev1.InfoRequest) (*mitterev1.InfoResponse, error) {
	info := &mitterev1.InfoResponse{
		Name: s.Name, Id: s.ID, Version: s.Version, Labels: s.Labels, Endpoints: s.Endpoints(),
		StartedUnixNano: s.Began(), Library: library(),
	}
	for _, md := range s.Server.Handlers.Methods() {
		info.Methods = append(info.Methods, &mitterev1.Method{
			Name: reactor.MethodName(md), Request: string(md.Input().FullName()), Response: string(md.Output().FullName()),
			Streaming: md.IsStreamingServer(), Idempotency: levelOf(md),
		})
	}
	return info, nil
}

// levelOf returns the name of a method's idempotency level.
func levelOf(md protoreflect.MethodDescriptor) string {
	switch call.MethodOf(md).Idempotency {
	case call.NoSideEffects:
		return "NO_SIDE_EFFECTS"
	case call.Idempotent:
		return "IDEMPOTENT"
	default:
		return "IDEMPOTENCY_UNKNOWN"
	}
}

// modulePath is what this library is in the build information of a program.
const modulePath = "github.com/mittere/mittere"

// library returns the version of this library that the program is built with.
func library() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == modulePath })
	if i < 0 {
		return info.Main.Version
	}
	return info.Deps[i].Version
}

// Stats tells what the server has done.
func (s service) Stats(context.Context, *mitterev1.StatsRequest) (*mitterev1.StatsResponse, error) {
	stats := s.Server.Stats()
	return &mitterev1.StatsResponse{
		Sessions: uint32(stats.Sessions), Queued: uint32(stats.Queued), InFlight: uint32(stats.InFlight),
		Refused: stats.Overloaded, Expired: stats.Expired, Repeated: stats.Repeated,
		Methods: s.Methods.stats(),
	}, nil
}

// Descriptors returns the schemas of the server's services and of its management, with
// the extensions that the program has of their messages.
func (s service) Descriptors(context.Context, *mitterev1.DescriptorsRequest) (*mitterev1.DescriptorsResponse, error) {
	files := filesOf(s.Server.Handlers.Methods())
	files.addExtensions()
	files.add(mitterev1.File_mittere_v1_management_proto)
	return &mitterev1.DescriptorsResponse{Files: &descriptorpb.FileDescriptorSet{File: files.list}}, nil
}

// Schemas returns the files of methods, each after what it imports. It is a function of
// the methods, in their order.
func Schemas(methods []protoreflect.MethodDescriptor) []*descriptorpb.FileDescriptorProto {
	return filesOf(methods).list
}

// files are files of schemas, each after what it imports.
type files struct {
	seen map[string]bool
	all  []protoreflect.FileDescriptor
	list []*descriptorpb.FileDescriptorProto
}

// filesOf returns the files of methods.
func filesOf(methods []protoreflect.MethodDescriptor) *files {
	f := &files{seen: map[string]bool{}}
	for _, md := range methods {
		f.add(md.ParentFile())
	}
	return f
}

// add adds a file and what it imports.
func (f *files) add(file protoreflect.FileDescriptor) {
	if f.seen[file.Path()] {
		return
	}
	f.seen[file.Path()] = true
	for i := range file.Imports().Len() {
		f.add(file.Imports().Get(i).FileDescriptor)
	}
	f.all = append(f.all, file)
	f.list = append(f.list, protodesc.ToFileDescriptorProto(file))
}

// addExtensions adds the files that extend messages of those that are there: no import
// leads to them, and without them what is in an extension cannot be read.
func (f *files) addExtensions() {
	for i := 0; i < len(f.all); i++ { //nolint:intrange // those that are added may be extended too
		for _, extension := range extensionsOf(f.all[i]) {
			f.add(extension)
		}
	}
}

// descriptorPath is the file whose messages describe schemas. What extends them is in
// no message that travels.
const descriptorPath = "google/protobuf/descriptor.proto"

// extensionsOf returns the files that extend messages of a file, in order of their
// paths.
func extensionsOf(file protoreflect.FileDescriptor) []protoreflect.FileDescriptor {
	if file.Path() == descriptorPath {
		return nil
	}
	found := map[string]protoreflect.FileDescriptor{}
	addExtensionsOf(file.Messages(), found)
	return slices.SortedFunc(maps.Values(found), func(a, b protoreflect.FileDescriptor) int {
		return strings.Compare(a.Path(), b.Path())
	})
}

// addExtensionsOf adds the files that extend messages, or those within them.
func addExtensionsOf(messages protoreflect.MessageDescriptors, found map[string]protoreflect.FileDescriptor) {
	for i := range messages.Len() {
		md := messages.Get(i)
		protoregistry.GlobalTypes.RangeExtensionsByMessage(md.FullName(), func(extension protoreflect.ExtensionType) bool {
			file := extension.TypeDescriptor().ParentFile()
			found[file.Path()] = file
			return true
		})
		addExtensionsOf(md.Messages(), found)
	}
}
