package comm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mittere/mittere/comm"
)

// Every kind with every kind that it talks to, on every pair of engines, over tcp and
// ipc, one with one, one with many and many with one, whichever end binds.

// pairing is two kinds that talk to each other, and what there is to say.
type pairing struct {
	from, to comm.Kind
	talk     func(x *exchange)
	onlyOne  bool // there are only one and one
}

// pairings are all that ZeroMQ allows and comm has kinds for.
var pairings = []pairing{
	{from: comm.KindPublisher, to: comm.KindSubscriber, talk: (*exchange).publish},
	{from: comm.KindPublisher, to: comm.KindXSub, talk: (*exchange).publish},
	{from: comm.KindXPub, to: comm.KindSubscriber, talk: (*exchange).publish},
	{from: comm.KindXPub, to: comm.KindXSub, talk: (*exchange).publish},
	{from: comm.KindPush, to: comm.KindPull, talk: (*exchange).push},
	{from: comm.KindPair, to: comm.KindPair, talk: (*exchange).push, onlyOne: true},
	{from: comm.KindReq, to: comm.KindRep, talk: (*exchange).ask},
	{from: comm.KindReq, to: comm.KindRouter, talk: (*exchange).ask},
	{from: comm.KindDealer, to: comm.KindRep, talk: (*exchange).converse},
	{from: comm.KindDealer, to: comm.KindRouter, talk: (*exchange).converse},
	{from: comm.KindDealer, to: comm.KindDealer, talk: (*exchange).push},
	{from: comm.KindRouter, to: comm.KindDealer, talk: (*exchange).address},
	{from: comm.KindRouter, to: comm.KindRouter, talk: (*exchange).address},
}

// hugeSize is the size of the largest body, which is made once.
const hugeSize = 50_000_000

var huge = sync.OnceValue(func() []byte { return bytesOf(hugeSize) })

// bodyOf returns a body of this size, to read only.
func bodyOf(size int) []byte {
	if size == hugeSize {
		return huge()
	}
	return bytesOf(size)
}

// many is how many there are of one end where there are many.
const many = 3

func TestAllKindsTalkOnAllPairsOfEngines(t *testing.T) {
	for _, binding := range engines {
		for _, connecting := range engines {
			for _, p := range pairings {
				t.Run(fmt.Sprintf("%s+%s/%v-%v", binding.Name(), connecting.Name(), p.from, p.to), func(t *testing.T) {
					r := newRigOn(t, binding)
					r.mix(connecting)
					for _, bind := range []string{"@tcp://127.0.0.1:*", "@ipc://*"} {
						r.talk(p, bind, 1, 1)
						if !p.onlyOne {
							r.talk(p, bind, 1, many)
							r.talk(p, bind, many, 1)
						}
					}
				})
			}
		}
	}
}

// exchange is the sockets of one pairing.
type exchange struct {
	*rig
	from, to []socket
	sizes    []int // of the bodies that each of from sends
}

// talk lets one end bind, then the other. Where many bind, the other connects to all.
func (r *rig) talk(p pairing, bind string, from, to int) {
	r.Helper()
	for _, fromBinds := range []bool{true, false} {
		x := &exchange{rig: r, sizes: []int{0, 1, 255, 256, 8191, 8192, 8193, 65536, 1 << 20}}
		if from == 1 && to == 1 && !fromBinds {
			x.sizes = append(x.sizes, hugeSize)
		}
		if fromBinds {
			x.from, x.to = r.ends(p.from, p.to, bind, from, to)
		} else {
			x.to, x.from = r.ends(p.to, p.from, bind, to, from)
		}
		p.talk(x)
		for _, s := range slices.Concat(x.from, x.to) {
			r.ok(s.Close())
		}
	}
}

// ends returns sockets that bind, and sockets that connect to all of them.
func (r *rig) ends(binder, connecter comm.Kind, bind string, binders, connecters int) (bound, connected []socket) {
	r.Helper()
	endpoints := ""
	for i := range binders {
		s := r.open(r.zctx, binder, bind, fmt.Sprint("bound", i))
		bound = append(bound, s)
		endpoints += ",>" + at(s)
	}
	for i := range connecters {
		connected = append(connected, r.open(r.dialing, connecter, endpoints[1:], fmt.Sprint("connected", i)))
	}
	return bound, connected
}

// open returns a socket of a kind; where it is addressed, by this name.
func (r *rig) open(zctx *comm.Context, kind comm.Kind, endpoints, name string) socket {
	r.Helper()
	id, block := comm.WithRoutingID(name), comm.WithOverflow(comm.Block)
	s, err := map[comm.Kind]func() (socket, error){
		comm.KindPublisher:  func() (socket, error) { return comm.NewPublisher(zctx, endpoints, block) },
		comm.KindSubscriber: func() (socket, error) { return comm.NewSubscriber(zctx, endpoints) },
		comm.KindXPub:       func() (socket, error) { return comm.NewXPub(zctx, endpoints, block) },
		comm.KindXSub:       func() (socket, error) { return comm.NewXSub(zctx, endpoints) },
		comm.KindReq:        func() (socket, error) { return comm.NewReq(zctx, endpoints) },
		comm.KindRep:        func() (socket, error) { return comm.NewRep(zctx, endpoints) },
		comm.KindDealer:     func() (socket, error) { return comm.NewDealer(zctx, endpoints, id) },
		comm.KindRouter:     func() (socket, error) { return comm.NewRouter(zctx, endpoints, id) },
		comm.KindPush:       func() (socket, error) { return comm.NewPush(zctx, endpoints) },
		comm.KindPull:       func() (socket, error) { return comm.NewPull(zctx, endpoints) },
		comm.KindPair:       func() (socket, error) { return comm.NewPair(zctx, endpoints) },
	}[kind]()
	return must(r, s, err)
}

// publish has all of to subscribe, and wants each to receive all.
func (x *exchange) publish() {
	for _, to := range x.to {
		if s, ok := to.(*comm.Subscriber); ok {
			x.ok(s.Subscribe(nil))
		} else {
			x.send(to.(sender), "\x01")
		}
	}
	for i, from := range x.from {
		if p, ok := from.(*comm.Publisher); ok {
			x.ok(p.WaitForSubscribers(x.ctx, len(x.to), nil))
		} else {
			for range x.to {
				x.want(from.(receiver), "\x01")
			}
		}
		x.spawned.Go(func() { x.sendAll(i, func(m comm.Message) error { return from.(sender).Send(x.ctx, m) }) })
	}
	for _, to := range x.to {
		x.wantAll(to.(receiver))
	}
}

// address has all of from send to each of to by its name.
func (x *exchange) address() {
	for i, from := range x.from {
		x.spawned.Go(func() {
			for _, to := range x.names(x.to) {
				x.sendAll(i, func(m comm.Message) error { return x.sendTo(from.(*comm.Router), to, m) })
			}
		})
	}
	for _, to := range x.to {
		x.wantAll(to.(receiver))
	}
}

// names returns the names of sockets, as open gave them.
func (x *exchange) names(sockets []socket) (names []string) {
	kind := "connected"
	if len(sockets[0].Endpoints()) > 0 {
		kind = "bound"
	}
	for i := range sockets {
		names = append(names, fmt.Sprint(kind, i))
	}
	return names
}

// sendTo sends to a peer, which may not be known yet.
func (x *exchange) sendTo(router *comm.Router, name string, m comm.Message) error {
	m.Frames = append([][]byte{[]byte(name)}, m.Frames...)
	for {
		err := x.sendWhenRoom(x.ctx, router, m)
		if !errors.Is(err, comm.Unreachable) || x.ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Millisecond) // between two looks
	}
}

// sendAll sends a body of each size, and the sender's number.
func (x *exchange) sendAll(number int, send func(comm.Message) error) {
	for _, size := range x.sizes {
		if err := send(comm.NewMessage([]byte{byte(number)}, bodyOf(size))); err != nil {
			x.Errorf("a body of %d bytes: %v", size, err)
		}
	}
}

// wantAll receives what each of from sends, in its order.
func (x *exchange) wantAll(to receiver) {
	x.Helper()
	next := make([]int, len(x.from))
	for range len(x.from) * len(x.sizes) {
		m, err := to.Recv(x.ctx)
		x.ok(err)
		number, body := x.read(m)
		if want := x.sizes[next[number]]; !bytes.Equal(body, bodyOf(want)) {
			x.Fatalf("%v received %d bytes, want %d, or they arrived changed", to.Kind(), len(body), want)
		}
		next[number]++
		m.Release()
	}
}

// read returns a message's sender and body: its last two frames.
func (x *exchange) read(m comm.Message) (number int, body []byte) {
	x.Helper()
	n := len(m.Frames)
	if n < 2 || len(m.Frames[n-2]) != 1 || int(m.Frames[n-2][0]) >= len(x.from) {
		x.Fatalf("received %.40q", m.Frames)
	}
	return int(m.Frames[n-2][0]), m.Frames[n-1]
}

// push has all of from send, and wants each message to arrive somewhere.
func (x *exchange) push() {
	ctx, stop := context.WithCancel(x.ctx)
	defer stop()
	arrived := make(chan comm.Message)
	for _, to := range x.to {
		x.spawned.Go(func() {
			for {
				m, err := to.(receiver).Recv(ctx)
				if err != nil {
					return
				}
				select {
				case arrived <- m:
				case <-ctx.Done():
				}
			}
		})
	}
	for i, from := range x.from {
		x.spawned.Go(func() { x.sendAll(i, func(m comm.Message) error { return from.(sender).Send(x.ctx, m) }) })
	}
	missing := map[int]int{} // by size
	for _, size := range x.sizes {
		missing[size] = len(x.from)
	}
	for range len(x.from) * len(x.sizes) {
		var m comm.Message
		select {
		case m = <-arrived:
		case <-x.ctx.Done():
			x.Fatalf("they did not arrive, by size: %v", missing)
		}
		_, body := x.read(m)
		if missing[len(body)]--; missing[len(body)] < 0 || !bytes.Equal(body, bodyOf(len(body))) {
			x.Fatalf("%d bytes arrived changed, or once more", len(body))
		}
		m.Release()
	}
}

// ask has each of from ask with each size.
func (x *exchange) ask() {
	x.echo()
	for i, from := range x.from {
		x.sendAll(i, func(m comm.Message) error {
			reply, err := from.(*comm.Req).Do(x.ctx, m.Frames...)
			x.wantEcho(m, reply)
			return err
		})
	}
}

// converse has each of from send each size, and wants it back.
func (x *exchange) converse() {
	x.echo()
	for i, from := range x.from {
		x.sendAll(i, func(m comm.Message) error {
			x.ok(from.(sender).Send(x.ctx, m))
			echo, err := from.(receiver).Recv(x.ctx)
			x.wantEcho(m, echo)
			return err
		})
	}
}

// wantEcho checks that the echo equals the sent message.
func (x *exchange) wantEcho(sent, back comm.Message) {
	x.Helper()
	if !slices.EqualFunc(sent.Frames, back.Frames, bytes.Equal) {
		x.Fatalf("of %d frames and %d bytes %d and %d came back, or changed",
			len(sent.Frames), sent.Size(), len(back.Frames), back.Size())
	}
	back.Release()
}

// echo has all of to send back what they receive, until they are closed.
func (x *exchange) echo() {
	for _, to := range x.to {
		send := func(m comm.Message) error { return x.sendWhenRoom(x.ctx, to.(*comm.Router), m) }
		if rep, ok := to.(*comm.Rep); ok {
			send = func(m comm.Message) error { return x.reply(rep, m.Frames[:1], m.Frames[1:]) }
		}
		x.spawned.Go(func() {
			for {
				m, err := to.(receiver).Recv(x.ctx)
				if err != nil {
					return
				}
				if err := send(m); err != nil {
					x.Error("echo:", err)
				}
				m.Release()
			}
		})
	}
}
