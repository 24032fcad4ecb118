package service

import (
	"crypto/sha256"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mittere/mittere/internal/management"
	"github.com/mittere/mittere/reactor"
)

// offer returns what a broker is told of the server.
func (s *Server) offer() reactor.Offer {
	return reactor.Offer{
		Services: []string{s.name}, Name: s.id, Renames: s.renames, Version: s.version, Capacity: s.concurrency,
		Endpoints: s.Endpoints, Descriptors: fingerprint(s.handlers.Methods()),
	}
}

// services returns the full names of the protobuf services that are served.
func (s *Server) services() (names []string) {
	for _, md := range s.handlers.Methods() {
		names = append(names, string(md.Parent().FullName()))
	}
	return slices.Compact(names)
}

// fingerprint returns a hash of the schemas of methods, with what those import; nil if
// one of them cannot be marshalled.
func fingerprint(methods []protoreflect.MethodDescriptor) []byte {
	sum := sha256.New()
	for _, file := range management.Schemas(methods) {
		schema, err := proto.MarshalOptions{Deterministic: true}.Marshal(file)
		if err != nil {
			return nil
		}
		_, _ = sum.Write(schema) // which never fails
	}
	return sum.Sum(nil)
}
