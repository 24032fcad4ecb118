package majordomo

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/mdp"
	"github.com/mittere/mittere/messaging"
)

// session is a worker at a broker from READY until one of them is lost to the other. It
// has a socket of its own. Its loop owns all but what is said; a goroutine receives, one
// watches the connection, and one handles a request. The loop's end ends them all.
type session struct {
	*Worker
	dealer     *comm.Dealer
	ctx        context.Context // ends with the session, for all its goroutines
	end        context.CancelCauseFunc
	background sync.WaitGroup
	received   chan comm.Message
	answers    chan answer // of the request that is under way; has room for it

	heard, spoke time.Time
	greeted      bool // the broker said that it knows us
	busy         bool
	stopping     bool
}

// join opens a session and serves until it is over. It returns whether the broker ever
// said anything but DISCONNECT, and why the session is over.
func (w *Worker) join(ctx context.Context) (greeted bool, err error) {
	dealer, err := comm.NewDealer(w.zctx, w.endpoint, w.socket...)
	if err != nil {
		return false, err
	}
	now := time.Now()
	s := &session{
		Worker: w, dealer: dealer, heard: now, spoke: now,
		received: make(chan comm.Message), answers: make(chan answer, 1),
	}
	s.ctx, s.end = context.WithCancelCause(context.WithoutCancel(ctx))
	defer s.over()
	s.background.Go(s.receive)
	s.background.Go(s.watch)
	if err := s.greet(ctx); err != nil {
		return false, err
	}
	err = s.serve(ctx)
	return s.greeted, err
}

// over ends the session. What was said last is still delivered; the socket is closed
// first, so that a handler that takes its time leaves no connection that says nothing.
func (s *session) over() {
	s.end(lost("the session is over"))
	if err := s.dealer.Close(); err != nil {
		s.log.Debug("majordomo: socket not closed", "error", err)
	}
	s.background.Wait()
}

// lost returns why a session is over.
func lost(format string, args ...any) error {
	return messaging.Errorf(messaging.Unavailable, format, args...)
}

// receive hands messages to the loop until the session ends.
func (s *session) receive() {
	for {
		m, err := s.dealer.Recv(s.ctx)
		switch {
		case errors.Is(err, comm.TooLarge): // as said of a message: it was dropped
			continue
		case err != nil:
			s.end(err)
			return
		}
		select {
		case s.received <- m:
		case <-s.ctx.Done():
			return
		}
	}
}

// watch ends the session with its connection: a broker does not know the next one, or
// should not.
func (s *session) watch() {
	if _, err := s.dealer.WaitDisconnect(s.ctx, 0); err == nil {
		s.end(lost("the connection ended"))
	}
}

// greet says READY as soon as there is a connection. The session does not end with ctx:
// once READY is said, it is for DISCONNECT to end it.
func (s *session) greet(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(s.ctx, s.silence())
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	return s.dealer.Send(waiting, s.command(mdp.Message{Kind: mdp.Ready, Service: s.service}))
}

// command returns a command of the worker.
func (s *session) command(m mdp.Message) comm.Message {
	m.Role = mdp.Worker
	return comm.NewMessage(s.spelling.Encode(m)...)
}

// say sends a message within some time.
func (s *session) say(within time.Duration, m comm.Message) error {
	ctx, cancel := context.WithTimeout(s.ctx, within)
	defer cancel()
	if err := s.dealer.Send(ctx, m); err != nil {
		return err
	}
	s.spoke = time.Now()
	return nil
}

// serve handles incoming messages, and what is due, until the session is over. It returns why.
func (s *session) serve(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	stopping := ctx.Done()
	var deadline <-chan time.Time
	for {
		var err error
		select {
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		case m := <-s.received:
			err = s.handleMessage(m)
		case a := <-s.answers:
			err = s.answer(a)
		case <-timer.C:
			err = s.tick()
		case <-stopping:
			stopping, deadline, s.stopping = nil, time.After(s.drain), true
		case <-deadline:
			s.busy = false // it is given up
		}
		if err != nil {
			return err
		}
		if s.stopping && !s.busy {
			return s.say(s.heartbeat, s.command(mdp.Message{Kind: mdp.Disconnect}))
		}
		timer.Reset(max(time.Until(s.next()), 0))
	}
}

// next returns when something is due.
func (s *session) next() time.Time {
	beat, dead := s.spoke.Add(s.heartbeat), s.heard.Add(s.silence())
	if dead.Before(beat) {
		return dead
	}
	return beat
}

// tick does what is due.
func (s *session) tick() error {
	switch now := time.Now(); {
	case now.Sub(s.heard) >= s.silence():
		return lost("the broker said nothing for %v", s.silence())
	case now.Sub(s.spoke) >= s.heartbeat:
		if err := s.say(s.heartbeat, s.command(mdp.Message{Kind: mdp.Heartbeat})); err != nil {
			s.spoke = now // and it will be seen whether the broker is there
			s.log.Debug("majordomo: heartbeat not sent", "service", s.service, "error", err)
		}
	}
	return nil
}

// handleMessage handles a message of the broker. Any command of the protocol shows that it lives
// (RFC 7 and RFC 18, "Heartbeating").
func (s *session) handleMessage(m comm.Message) error {
	c, err := s.spelling.DecodeCommand(m.Frames)
	if err != nil {
		s.log.Debug("majordomo: message dropped", "service", s.service, "error", err)
		return nil
	}
	if c.Kind == mdp.Disconnect {
		return lost("the broker sent DISCONNECT")
	}
	s.heard, s.greeted = time.Now(), true
	if c.Kind != mdp.Request {
		return nil
	}
	if s.busy {
		return s.confused()
	}
	s.busy = true
	s.background.Go(func() { s.work(c) })
	return nil
}

// confused takes leave of a broker that gave a second request to a worker that is busy.
// Were it dropped, the broker would wait for its answer for ever.
func (s *session) confused() error {
	err := lost("the broker sent a request while another is under way")
	return errors.Join(err, s.say(s.heartbeat, s.command(mdp.Message{Kind: mdp.Disconnect})))
}

// answer sends what a handler made of a request. What cannot be sent, since it is too
// large, is an error to the client.
func (s *session) answer(a answer) error {
	s.busy = false
	final := mdp.Message{Kind: mdp.Final, Address: a.address, Body: a.body}
	err := s.say(s.silence(), s.command(final))
	if errors.Is(err, comm.TooLarge) {
		final.Body = bodyOfError(messaging.FromComm(err))
		return s.say(s.silence(), s.command(final))
	}
	return err
}
