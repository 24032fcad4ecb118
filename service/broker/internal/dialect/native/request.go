package native

import (
	"maps"
	"strings"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/internal/command"
	"github.com/mittere/mittere/messaging/message"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// readRequest takes a request of a client (docs/wire.md, "Requests").
func (s *speaker) readRequest(now time.Duration, k *mitterev1.Request, m inbound) ([]desk.Action, [][][]byte, error) {
	switch {
	case !s.hears(now, k.GetSession()):
		return nil, append(s.refuse(k, errUnknownSession()), s.dismiss(errUnknownSession())...), nil
	case s.session.worker:
		err := message.Errorf(message.FailedPrecondition, "the session is a worker's, which makes no calls")
		return s.desk.Hear(now, s.peer), s.refuse(k, err), err
	case m.Body == nil:
		err := message.Errorf(message.InvalidArgument, "a request without an envelope")
		return nil, s.refuse(k, err), err
	}
	if s.session.runs(k.GetCall()) && !k.GetOneWay() { // of which the desk knows nothing
		return nil, s.refuse(k, message.Errorf(message.InvalidArgument, "the call %d runs already", k.GetCall())), nil
	}
	age := now - s.session.Sent(now, k.GetSentAtNano())
	r := &desk.Request{
		Call: k.GetCall(), Tag: k, Service: serviceOf(k), Method: k.GetMethod(), Target: target(k.GetTarget()), Content: m.content(),
		Timeout: left(k.GetTimeoutNano(), age), Wait: left(k.GetWaitNano(), age), Credit: k.GetCredit(), OneWay: k.GetOneWay(), Control: strings.HasPrefix(k.GetMethod(), managementPrefix),
		Attempt: k.GetAttempt(), Repeat: desk.RepeatNever, FailFast: k.GetFailFast(), Tell: s.session.tell,
	}
	if r.Wait < 0 {
		r.Timeout = r.Wait // the desk knows one way to be too late
	}
	if k.GetIdempotency() != mitterev1.Idempotency_IDEMPOTENCY_UNSPECIFIED {
		r.Repeat = desk.RepeatSafe
	}
	if string(k.GetKey().GetInstance()) == s.session.Client { // else it is another client's
		r.Key = desk.Key{Client: s.session.Client, Number: k.GetKey().GetNumber()}
		if k.GetKey() != nil {
			k.Key.Instance = s.session.alias
		}
	}
	if r.Credit > 0 && !r.OneWay {
		s.session.openStream(now, k, r, s.desk.Limits().Longest)
	}
	return s.desk.Request(now, s.peer, r), nil, nil
}

// PeerMetadata is the name under which the broker's own worker is told whose request it gets,
// as [desk.Peer.String] writes it, whatever the peer itself writes there.
const PeerMetadata = "mittere.peer"

// managementPrefix begins the methods that every service has beside its own.
const managementPrefix = "mittere.v1.ManagementService/"

// serviceOf returns the service that a request is for: the one that it names, or else
// the one of its method, which is how services are named by default.
func serviceOf(k *mitterev1.Request) string {
	if k.GetService() != "" {
		return k.GetService()
	}
	service, _, _ := strings.Cut(k.GetMethod(), "/")
	return service
}

// left returns how much of a time is left after a while: below 0 if none is, and 0,
// which is for ever, if the time was.
func left(nano int64, age time.Duration) time.Duration {
	switch whole := time.Duration(nano); {
	case whole <= 0:
		return 0
	case whole <= age:
		return -1
	default:
		return whole - age
	}
}

// target returns which workers a request is for.
func target(t *mitterev1.Target) desk.Target {
	switch t.GetKind() {
	case mitterev1.Target_KIND_UNSPECIFIED:
		return desk.Target{}
	case mitterev1.Target_KIND_ALL:
		return desk.Target{Kind: desk.All}
	case mitterev1.Target_KIND_NAMED:
		return desk.Target{Kind: desk.Named, Names: t.GetNames()}
	default: // of a later version
		return desk.Target{Kind: -1}
	}
}

// refuse answers a request that the desk is not told of.
func (s *speaker) refuse(k *mitterev1.Request, why *message.Error) [][][]byte {
	if k.GetOneWay() {
		return nil
	}
	return [][][]byte{s.frames(&mitterev1.Reply{Call: k.GetCall(), Status: why.Status(), Instance: s.name, Refused: true}, nil)}
}

// writeRequest returns a request for a worker, on a delivery of its own.
func (s *speaker) writeRequest(a desk.Deliver) [][]byte {
	r, now := a.Request, s.desk.Now()
	s.session.Say(now)
	k := &mitterev1.Request{
		Call: a.Delivery, Session: s.session.ID, Service: r.Service, Method: r.Method,
		TimeoutNano: int64(a.Timeout), WaitNano: int64(a.Wait), SentAtNano: command.SentAt(now),
		Attempt: max(r.Attempt, 1), Credit: a.Credit,
	}
	if r.Repeat != desk.RepeatNever { // else the worker would take a former delivery, which was refused, for an execution
		k.Attempt += uint32(a.Attempt - 1)
	}
	if r.Repeat == desk.RepeatSafe {
		k.Idempotency = mitterev1.Idempotency_IDEMPOTENCY_IDEMPOTENT
	}
	if asked, ok := r.Content.Head.(*mitterev1.Request); ok {
		k.Idempotency = asked.GetIdempotency()
		k.Traceparent, k.Tracestate, k.Metadata = asked.GetTraceparent(), asked.GetTracestate(), asked.GetMetadata()
		if r.Key != (desk.Key{}) {
			k.Key = asked.GetKey()
		}
	}
	if s.session.own {
		k.Metadata = maps.Clone(k.GetMetadata())
		if k.Metadata == nil {
			k.Metadata = map[string]string{}
		}
		k.Metadata[PeerMetadata] = a.From.String()
	}
	return s.frames(k, dialect.Envelope(r.Content))
}
