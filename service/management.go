package service

import (
	"context"
	"maps"
	"runtime/debug"
	"slices"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging/call"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service/servicemittere"
)

// management answers what every server tells of itself: Majordomo's MMI as a
// typed service.
type management struct{ *Server }

var _ servicemittere.ManagementServiceHandler = management{}

// management returns the handlers of the server's management.
func (s *Server) management() *reactor.Handlers {
	h := reactor.NewHandlers()
	servicemittere.RegisterManagementService(h, management{s})
	return h
}

// Ping answers.
func (m management) Ping(context.Context, *mitterev1.PingRequest) (*mitterev1.PingResponse, error) {
	return &mitterev1.PingResponse{Id: m.id}, nil
}

// Health tells whether the server takes requests.
func (m management) Health(context.Context, *mitterev1.HealthRequest) (*mitterev1.HealthResponse, error) {
	return &mitterev1.HealthResponse{Health: m.Server.Health()}, nil
}

// Info tells what the server is.
func (m management) Info(context.Context, *mitterev1.InfoRequest) (*mitterev1.InfoResponse, error) {
	info := &mitterev1.InfoResponse{
		Name: m.name, Id: m.id, Version: m.version, Labels: m.labels, Endpoints: m.advertised,
		StartedUnixNano: m.began.Load(), Library: library(),
	}
	for _, md := range m.handlers.Methods() {
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
	case mitterev1.Idempotency_IDEMPOTENCY_NO_SIDE_EFFECTS:
		return "NO_SIDE_EFFECTS"
	case mitterev1.Idempotency_IDEMPOTENCY_IDEMPOTENT:
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
func (m management) Stats(context.Context, *mitterev1.StatsRequest) (*mitterev1.StatsResponse, error) {
	s := m.reactor.Stats()
	resp := &mitterev1.StatsResponse{
		Sessions: uint32(s.Sessions), Queued: uint32(s.Queued), InFlight: uint32(s.InFlight),
		Refused: s.Overloaded, Expired: s.Expired, Repeated: s.Repeated,
	}
	for _, name := range slices.Sorted(maps.Keys(m.stats.byName)) {
		resp.Methods = append(resp.Methods, m.stats.byName[name].stats(name))
	}
	return resp, nil
}

// Descriptors returns the schemas of the server's services and of its management.
func (m management) Descriptors(context.Context, *mitterev1.DescriptorsRequest) (*mitterev1.DescriptorsResponse, error) {
	files := &files{seen: map[string]bool{}}
	for _, md := range m.handlers.Methods() {
		files.add(md.ParentFile())
	}
	files.add(mitterev1.File_mittere_v1_management_proto)
	return &mitterev1.DescriptorsResponse{Files: &descriptorpb.FileDescriptorSet{File: files.list}}, nil
}

// files are files of schemas, each after what it imports.
type files struct {
	seen map[string]bool
	list []*descriptorpb.FileDescriptorProto
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
	f.list = append(f.list, protodesc.ToFileDescriptorProto(file))
}
