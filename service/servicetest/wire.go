package servicetest

import (
	"context"
	"errors"
	"sync"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/comm"
	"github.com/mittere/mittere/internal/broadcast"
	"github.com/mittere/mittere/internal/command"
)

// direction says which end of a link sends the answers of the instance.
type direction uint8

const (
	neither    direction = iota
	fromDialer           // the end that connects to the link
	fromServer           // the end that the link connects to
)

// wire is what all messages of an instance go through.
type wire struct {
	mu      sync.Mutex // guards what follows
	drop    int        // answers that are to be lost
	dropped int        // answers that were
	paused  bool
	dead    bool
	changed broadcast.Signal
}

func (w *wire) dropAnswers(n int) { w.change(func() { w.drop = n }) }

func (w *wire) pause() { w.change(func() { w.paused = true }) }

func (w *wire) resume() { w.change(func() { w.paused = false }) }

func (w *wire) cut() { w.change(func() { w.dead = true }) }

func (w *wire) answersDropped() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dropped
}

// change changes what becomes of messages.
func (w *wire) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	w.changed.Notify()
}

// passes reports whether a message arrives; it waits while the wire is paused.
func (w *wire) passes(ctx context.Context, isAnswer bool) bool {
	for {
		passes, wait := w.decide(isAnswer)
		if wait == nil {
			return passes
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return false
		}
	}
}

// decide returns what passes does, or what to wait for first.
func (w *wire) decide(isAnswer bool) (passes bool, wait <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.dead:
		return false, nil
	case w.paused:
		return false, w.changed.Changed()
	case isAnswer && w.drop > 0:
		w.drop--
		w.dropped++
		return false, nil
	default:
		return true, nil
	}
}

// link forwards between the sockets that connect to it and an endpoint. Each of them has a
// connection of its own there, so that the other end tells them apart as without the link.
type link struct {
	wire    *wire
	zctx    *comm.Context
	front   *comm.Router
	back    string // the endpoint
	answers direction
}

// linkAt puts the instance's wire at an endpoint, before another one, until the test ends.
func (i *Instance) linkAt(endpoint, back string, answers direction) {
	t := i.system.t
	t.Helper()
	front := must(comm.NewRouter(i.system.zctx, "@"+endpoint))(t)
	t.Cleanup(func() { check(t, front.Close()) })
	l := &link{wire: &i.wire, zctx: i.system.zctx, front: front, back: back, answers: answers}
	background(t, l.run)
}

// run forwards until ctx ends.
func (l *link) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var pumps sync.WaitGroup
	defer pumps.Wait()
	defer stop()
	peers := map[string]*comm.Dealer{}
	for {
		m, err := l.front.Recv(ctx)
		if err != nil {
			return unlessEnded(ctx, err)
		}
		id := string(m.Frames[0])
		peer := peers[id]
		if peer == nil {
			if peer, err = comm.NewDealer(l.zctx, ">"+l.back); err != nil {
				return err
			}
			peers[id] = peer
			pumps.Go(func() { l.pump(ctx, peer, []byte(id)) })
		}
		if l.wire.passes(ctx, l.answers == fromDialer && isAnswer(m.Frames[1:])) {
			err = peer.Send(ctx, comm.NewMessage(m.Frames[1:]...))
		}
		m.Release()
		if err != nil {
			return unlessEnded(ctx, err)
		}
	}
}

// pump forwards the answers to one peer until ctx ends.
func (l *link) pump(ctx context.Context, peer *comm.Dealer, id []byte) {
	defer peer.Close()
	for {
		m, err := peer.Recv(ctx)
		if err != nil {
			return
		}
		if l.wire.passes(ctx, l.answers == fromServer && isAnswer(m.Frames)) {
			l.putFront(ctx, comm.NewMessage(append([][]byte{id}, m.Frames...)...))
		}
		m.Release()
	}
}

// putFront sends to a peer, when that has room. One that has left gets nothing.
func (l *link) putFront(ctx context.Context, m comm.Message) {
	for errors.Is(l.front.Send(ctx, m), comm.Full) && l.front.WaitRoom(ctx) == nil {
	}
}

// isAnswer reports whether a message ends a call.
func isAnswer(frames [][]byte) bool {
	c, err := command.Decode(frames)
	if err != nil {
		return false
	}
	_, is := c.Kind.(*mitterev1.Reply)
	return is
}

// unlessEnded returns an error, nil if ctx has ended.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
