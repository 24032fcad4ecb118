package majordomo

import (
	"context"
	"errors"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/mdp"
	"github.com/mittere/mittere/messaging"
)

// try is a request of a client while it has a connection, of one try after the other.
type try struct {
	*Client
	service string
	message comm.Message
	each    func(part [][]byte) error // nil if PARTIALs are dropped
	sent    bool                      // it may be executed
	seen    bool                      // each has seen a part
}

// run sends the request until it has a reply. The socket is open afterwards only if the
// reply is complete, and nothing more is to come.
func (t *try) run(ctx context.Context, l *line) ([][]byte, error) {
	for range 1 + t.retries {
		body, err := t.once(ctx, l)
		if err == nil {
			return body, errorIn(body)
		}
		if wrong := l.close(); wrong != nil {
			t.log.Debug("majordomo: socket not closed", "error", wrong)
		}
		switch {
		case ctx.Err() != nil && errors.Is(err, comm.Ended):
			return nil, t.ended(ctx)
		case t.seen || !errors.Is(err, comm.Ended):
			return nil, t.explain(err)
		}
		t.log.Debug("majordomo: no reply in time", "service", t.service, "timeout", t.timeout)
	}
	return nil, t.silent("no reply of %s to %d requests within %v each", t.service, 1+t.retries, t.timeout)
}

// once sends the request once and waits for the last of its replies. An error that is
// comm.Ended means that time is up.
func (t *try) once(ctx context.Context, l *line) ([][]byte, error) {
	dealer, err := l.socket()
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(t.timeout)
	if err := t.send(ctx, deadline, dealer); err != nil {
		return nil, err
	}
	for {
		r, err := t.next(ctx, deadline, dealer)
		if err != nil {
			return nil, err
		}
		if r.Kind == mdp.Final {
			return r.Body, nil
		}
		if err := t.part(r.Body); err != nil {
			return nil, err
		}
		deadline = time.Now().Add(t.timeout)
	}
}

// send sends the request as soon as there is a connection.
func (t *try) send(ctx context.Context, deadline time.Time, dealer *comm.Dealer) error {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	if err := dealer.Send(ctx, t.message); err != nil {
		return err
	}
	t.sent = true
	return nil
}

// next waits for a reply to the request. All else is dropped, and wins no time.
func (t *try) next(ctx context.Context, deadline time.Time, dealer *comm.Dealer) (mdp.Message, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for {
		m, err := dealer.Recv(ctx)
		if err != nil {
			return mdp.Message{}, err
		}
		r, err := t.spelling.DecodeReply(m.Frames)
		if err == nil && r.Service == t.service {
			return r, nil
		}
		t.log.Debug("majordomo: message dropped", "service", t.service, "of", r.Service, "error", err)
	}
}

// part gives a part to each.
func (t *try) part(body [][]byte) error {
	if t.each == nil {
		return nil
	}
	t.seen = true
	if err := t.each(body); err != nil {
		return refusal{err}
	}
	return nil
}

// refusal is an error of each.
type refusal struct{ error }

// explain returns the error of a request that cannot go on.
func (t *try) explain(err error) error {
	if r, ok := err.(refusal); ok { // it is never wrapped
		return r.error
	}
	if errors.Is(err, comm.Ended) {
		return t.silent("no further part of %s within %v", t.service, t.timeout)
	}
	return messaging.FromComm(err)
}

// silent returns the error of a request whose time is up.
func (t *try) silent(format string, args ...any) error {
	err := messaging.Errorf(messaging.DeadlineExceeded, format, args...)
	if !t.sent {
		return err.AsRefused()
	}
	return err
}

// ended returns the error of a request whose context ended, or whose client was closed.
func (t *try) ended(ctx context.Context) error {
	if t.closing.Err() != nil {
		return messaging.FromComm(&comm.Error{Op: "request", Reason: comm.Closed, Detail: t.service})
	}
	err := messaging.Errorf(messaging.CodeOf(ctx.Err()), "request to %s: %w", t.service, ctx.Err())
	if !t.sent {
		return err.AsRefused()
	}
	return err
}
