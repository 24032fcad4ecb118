package main

import (
	"context"
	"errors"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/messaging/message"
)

// commPeer is Mittere's lowest layer by itself: bytes, no envelope, no reactor.
// Beside mittere it tells what the layers above cost, beside pebbe what safety
// costs. Request calls, a loop over Response answers.
type commPeer struct{ commTicks }

// commTicks is publish/subscribe on comm, so many messages in a call.
type commTicks struct{ batch int }

// ServeEcho implements Echoer.
func (commPeer) ServeEcho(ctx context.Context, _ Task, ready func(string)) error {
	c, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := comm.NewRep(c, anyPort)
	if err != nil {
		return err
	}
	ready(s.Endpoints()[0])
	for {
		m, err := s.Recv(ctx)
		if err != nil {
			return err
		}
		route, body := message.SplitRoute(m.Frames)
		if err := s.Reply(ctx, route, body...); err != nil {
			return err
		}
		m.Release()
	}
}

// CallEcho implements Echoer.
func (commPeer) CallEcho(ctx context.Context, t Task, m *Meter) error {
	c, err := comm.NewContext()
	if err != nil {
		return err
	}
	s, err := comm.NewReq(c, t.Endpoint)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	return errors.Join(m.Workers(ctx, func() func(context.Context) error {
		return commCall(s, make([]byte, t.Size))
	}), c.Close())
}

// commCall is the call of one worker.
func commCall(s *comm.Req, payload []byte) func(context.Context) error {
	return func(ctx context.Context) error {
		reply, err := s.Do(ctx, payload)
		if err == nil && reply.Size() != len(payload) {
			err = errEcho
		}
		reply.Release()
		return err
	}
}

// Publish implements Ticker. Block makes a full subscriber hold up the publisher.
func (p commTicks) Publish(ctx context.Context, ready func(string), f *Feed) error {
	c, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := comm.NewPublisher(c, anyPort, comm.WithOverflow(comm.Block))
	if err != nil {
		return err
	}
	ready(s.Endpoints()[0])
	if err := s.WaitForSubscribers(ctx, 1, nil); err != nil {
		return err
	}
	if err := p.send(ctx, s, f); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// send publishes all ticks, in batches if they are larger than 1.
func (p commTicks) send(ctx context.Context, s *comm.Publisher, f *Feed) error {
	if p.batch == 1 {
		for b := f.Next(); b != nil; b = f.Next() {
			if err := s.Send(ctx, comm.NewMessage(b)); err != nil {
				return err
			}
		}
		return nil
	}
	batch := make([]comm.Message, p.batch)
	for i := range batch {
		batch[i] = comm.NewMessage(make([]byte, payloadSize))
	}
	for {
		n := fill(batch, f)
		if n == 0 {
			return nil
		}
		if _, err := s.SendBatch(ctx, batch[:n]); err != nil {
			return err
		}
	}
}

// fill copies the next ticks into a batch, since each is valid until the next.
func fill(batch []comm.Message, f *Feed) (n int) {
	for n < len(batch) {
		b := f.Next()
		if b == nil {
			break
		}
		copy(batch[n].Frames[0], b)
		n++
	}
	return n
}

// Subscribe implements Ticker.
func (p commTicks) Subscribe(ctx context.Context, endpoint string, t *Tally) error {
	c, err := comm.NewContext()
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := comm.NewSubscriber(c, endpoint)
	if err != nil {
		return err
	}
	if err := s.Subscribe(nil); err != nil {
		return err
	}
	batch := make([]comm.Message, p.batch)
	for {
		n, err := s.RecvBatch(ctx, batch)
		for _, m := range batch[:n] {
			done := t.Add(m.Frames[0])
			m.Release()
			if done {
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
}
