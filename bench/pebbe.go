package main

import (
	"context"

	zmq "github.com/pebbe/zmq4"
)

// pebbe is the Go binding of libzmq, used as its examples use it: one
// goroutine, blocking calls, no envelope. REQ/REP at one in flight,
// DEALER/ROUTER at more, XPUB/SUB.
type pebbe struct{}

// anyPort is where every server binds.
const anyPort = "tcp://127.0.0.1:*"

// bind opens a socket on a free port.
func (pebbe) bind(t zmq.Type, options ...func(*zmq.Socket) error) (*zmq.Socket, string, error) {
	s, err := zmq.NewSocket(t)
	if err != nil {
		return nil, "", err
	}
	for _, option := range options {
		if err := option(s); err != nil {
			return nil, "", err
		}
	}
	if err := s.Bind(anyPort); err != nil {
		return nil, "", err
	}
	endpoint, err := s.GetLastEndpoint()
	return s, endpoint, err
}

// connect opens a socket to an endpoint.
func (pebbe) connect(t zmq.Type, endpoint string) (*zmq.Socket, error) {
	s, err := zmq.NewSocket(t)
	if err != nil {
		return nil, err
	}
	return s, s.Connect(endpoint)
}

// ServeEcho implements Echoer. It blocks in a receive that ctx cannot end.
func (p pebbe) ServeEcho(_ context.Context, t Task, ready func(string)) error {
	kind := zmq.REP
	if t.InFlight > 1 {
		kind = zmq.ROUTER
	}
	s, endpoint, err := p.bind(kind)
	if err != nil {
		return err
	}
	ready(endpoint)
	if t.InFlight > 1 {
		return serveRouter(s)
	}
	return serveRep(s)
}

// serveRep answers one request after the other.
func serveRep(s *zmq.Socket) error {
	for {
		body, err := s.RecvBytes(0)
		if err != nil {
			return err
		}
		if _, err := s.SendBytes(body, 0); err != nil {
			return err
		}
	}
}

// serveRouter sends whole messages back, routing id in front.
func serveRouter(s *zmq.Socket) error {
	for {
		frames, err := s.RecvMessageBytes(0)
		if err != nil {
			return err
		}
		if _, err := s.SendMessage(frames); err != nil {
			return err
		}
	}
}

// CallEcho implements Echoer.
func (p pebbe) CallEcho(_ context.Context, t Task, m *Meter) error {
	kind := zmq.REQ
	if t.InFlight > 1 {
		kind = zmq.DEALER
	}
	s, err := p.connect(kind, t.Endpoint)
	if err != nil {
		return err
	}
	return m.Pipeline(
		func(b []byte) error { _, err := s.SendBytes(b, 0); return err },
		func() ([]byte, error) { return s.RecvBytes(0) })
}

// Publish implements Ticker with XPUB, to see the subscription, and NODROP, to
// wait where it would lose.
func (p pebbe) Publish(ctx context.Context, ready func(string), f *Feed) error {
	s, endpoint, err := p.bind(zmq.XPUB, func(s *zmq.Socket) error { return s.SetXpubNodrop(true) })
	if err != nil {
		return err
	}
	ready(endpoint)
	if _, err := s.RecvBytes(0); err != nil {
		return err
	}
	for b := f.Next(); b != nil; b = f.Next() {
		if _, err := s.SendBytes(b, 0); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// Subscribe implements Ticker.
func (p pebbe) Subscribe(_ context.Context, endpoint string, t *Tally) error {
	s, err := p.connect(zmq.SUB, endpoint)
	if err != nil {
		return err
	}
	if err := s.SetSubscribe(""); err != nil {
		return err
	}
	for {
		b, err := s.RecvBytes(0)
		if err != nil {
			return err
		}
		if t.Add(b) {
			return nil
		}
	}
}
