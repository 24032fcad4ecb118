package call

import (
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/messaging"
)

// Target says which workers get a request: all, or those that are named. It is one of the
// two.
type Target struct {
	// All is each worker of the service that takes requests now.
	All bool
	// Names are the workers that get it, and no others.
	Names []string
}

// wire returns what stands for it in a Request.
func (t *Target) wire() *mitterev1.Target {
	switch {
	case t == nil:
		return nil
	case t.All:
		return &mitterev1.Target{Kind: mitterev1.Target_KIND_ALL}
	default:
		return &mitterev1.Target{Kind: mitterev1.Target_KIND_NAMED, Names: t.Names}
	}
}

// check returns what is wrong with it.
func (t *Target) check() *messaging.Error {
	switch {
	case t == nil:
		return nil
	case t.All && len(t.Names) > 0:
		return messaging.Errorf(messaging.InvalidArgument, "a target of all workers and of %d that are named", len(t.Names))
	case !t.All && len(t.Names) == 0:
		return messaging.Errorf(messaging.InvalidArgument, "a target without names")
	default:
		return nil
	}
}

// ToWorker gives the call to the worker of this name and to no other: it is a call
// like any other then, which waits until that worker has room, and is
// [messaging.NotFound] if there is no such worker. The default is any worker.
//
// Workers are those of a broker, or the instances that a client of the package
// service knows. A [Conn] to a server that is no broker refuses all targets with
// [messaging.Unimplemented].
func ToWorker(name string) Option { return ToWorkers(name) }

// ToWorkers gives the call to each of the workers that are named; [All] and
// [AllStream] take their answers, and a one-way call has none. Names that no worker
// has are told apart.
func ToWorkers(names ...string) Option {
	return option(func(r *Request) { r.Target = &Target{Names: names} })
}

// ToAll gives the call to each worker of the service that takes requests now. It is
// the default of [All] and [AllStream], and else of use with one-way calls.
func ToAll() Option {
	return option(func(r *Request) { r.Target = &Target{All: true} })
}

// WithAccepted sets a function that is told, before there are answers, which workers
// the request went to and which of the names no worker has. It is called on the
// caller's goroutine, by calls of [All] and [AllStream] only; not if no worker got the
// request, which is an error of the call.
func WithAccepted(f func(workers, unknown []string)) Option {
	return option(func(r *Request) { r.Accepted = f })
}

// WithProgress sets a function that gets what the handler tells of the progress of
// the call, and the name of its worker: on the caller's goroutine, in order with the
// other messages. While a caller does not read, 64 wait; those that come then are
// dropped. The envelope is valid until the function returns. Handlers tell by
// reactor.Progress, at servers and workers of a broker alike; where several workers
// answer, the name says who does.
func WithProgress(f func(worker string, e *messaging.Envelope)) Option {
	return option(func(r *Request) { r.Progress = f })
}

// progressWaiting is how many events of a call wait for a caller that does not read.
const progressWaiting = 64

// Several is how a call is told which of several workers each part of its answer is
// of. Its functions are called on the caller's goroutine.
type Several struct {
	// From names the sender of the next message.
	From func(worker string)
	// Failed tells of a worker whose answer ends with an error. An error that it
	// returns ends the call.
	Failed func(worker string, err error) error
}

// Targeted reports whether the request is for workers that it chooses itself.
func (r *Request) Targeted() bool { return r.Target != nil }

// Check returns what is wrong with the request in itself, as an error that is
// refused; nil if nothing is.
func (r *Request) Check() error {
	err := r.Target.check()
	several := r.Targeted() && (r.Target.All || len(r.Target.Names) > 1)
	switch {
	case err != nil:
	case r.Message == nil:
		err = messaging.Errorf(messaging.InvalidArgument, "the request is nil")
	case several && r.Several == nil && !r.OneWay:
		err = messaging.Errorf(messaging.InvalidArgument, "several workers may answer the call: use All or AllStream")
	case r.Several != nil && !r.Targeted():
		err = messaging.Errorf(messaging.InvalidArgument, "an answer of several workers, but no target")
	default:
		return nil
	}
	return err.AsRefused()
}

// gathers reports whether several workers may answer the request.
func (r *Request) gathers() bool { return r.Several != nil && !r.OneWay }

// Accept tells the caller of a request with Several whom it went to, and of the names
// that no worker has, before anything else. An error ends the call. It is for
// implementations of [Caller].
func (r *Request) Accept(workers, unknown []string) error {
	if r.Accepted != nil {
		r.Accepted(workers, unknown)
	}
	for _, name := range unknown {
		if err := r.Several.Failed(name, NoWorker(name)); err != nil {
			return err
		}
	}
	return nil
}

// NoWorker is the error of a name in a target that no worker has.
func NoWorker(name string) *messaging.Error {
	return messaging.Errorf(messaging.NotFound, "there is no worker %q", name).AsRefused()
}
