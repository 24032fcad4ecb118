package service

import (
	"context"
	"crypto/sha256"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/management"
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
// ALREADY_EXISTS, unless [WithRenaming] is given. It ends as well with the error of a broker that will never take the
// worker, as with PERMISSION_DENIED; one that has no room is asked again.
//
// Run may be called once; all other methods may be called by any number of goroutines at
// once. It follows RFC 7's worker, and NorFab's.
type Worker struct{ core }

// NewWorker returns a worker of handlers for the broker at an endpoint, such as
// "tcp://127.0.0.1:5555"; it works when it runs, and must be closed. The service that it
// offers has the name of [WithName], or else the full name of the first service among the
// handlers' methods; what [NewServer] says of names holds for it.
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

// WaitRegistered waits until the broker has taken what the worker offers, and until the
// registry knows it too if there is one. A broker that does not say so at once does with
// its next heartbeat. An error says why that has not happened; it comes before ctx ends
// if Run has.
func (w *Worker) WaitRegistered(ctx context.Context) error {
	if err := w.reactor.WaitJoined(ctx); err != nil {
		return err
	}
	return w.core.WaitRegistered(ctx)
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
