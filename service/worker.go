package service

import (
	"context"
	"crypto/sha256"
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
)

// Worker is a [Server] that works for a broker: it connects to that, offers its
// service, and gets as many requests at once as it handles, which is the concurrency of
// [WithLimits]. It may go and come back: the worker keeps a session with it, also while
// its handlers are busy, and has another one soon after that ended, which cancels what
// runs for it.
//
// With [WithBind] it listens as well and can be called directly, as the broker then
// tells; with a registry too, where it registers as a Server does. All else is as with a
// Server: management, health, limits, interceptors, draining. The broker knows it by its
// id, see [WithID]: if that gives the id to another worker, Run ends with code
// ALREADY_EXISTS.
//
// Run may be called once; all other methods may be called by any number of goroutines at
// once. It follows RFC 7's worker, and NorFab's.
type Worker struct{ core }

// NewWorker returns a worker of handlers for the broker at an endpoint, such as
// "tcp://127.0.0.1:5555"; it works when it runs, and must be closed. The service that it
// offers has the name of [WithName], or else the full name of the first service among the
// handlers' methods. Names that begin with "mmi." or "mittere.v1." are taken.
func NewWorker(zmq *comm.Context, handlers *reactor.Handlers, broker string, options ...ServerOption) (*Worker, error) {
	if broker == "" {
		return nil, messaging.Errorf(messaging.InvalidArgument, "worker: want the endpoint of a broker")
	}
	w := new(Worker)
	if err := w.setUp(zmq, "", broker, handlers, options); err != nil {
		return nil, err
	}
	return w, nil
}

// WaitRegistered waits until the broker has accepted the worker, which has then told it
// what it offers, and until the registry knows it too if there is one. An error says why
// that has not happened; it comes before ctx ends if Run has.
func (w *Worker) WaitRegistered(ctx context.Context) error {
	if err := w.reactor.WaitJoined(ctx); err != nil {
		return err
	}
	return w.core.WaitRegistered(ctx)
}

// fingerprint returns a hash of the schemas of methods, with what those import.
func fingerprint(methods []protoreflect.MethodDescriptor) []byte {
	sum, seen := sha256.New(), map[string]bool{}
	var add func(protoreflect.FileDescriptor) error
	add = func(file protoreflect.FileDescriptor) (err error) {
		if seen[file.Path()] {
			return nil
		}
		seen[file.Path()] = true
		for i := range file.Imports().Len() {
			err = errors.Join(err, add(file.Imports().Get(i).FileDescriptor))
		}
		schema, wrong := proto.MarshalOptions{Deterministic: true}.Marshal(protodesc.ToFileDescriptorProto(file))
		_, _ = sum.Write(schema) // which never fails
		return errors.Join(err, wrong)
	}
	for _, md := range methods {
		if add(md.ParentFile()) != nil {
			return nil
		}
	}
	return sum.Sum(nil)
}
