package comm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/mittere/mittere/comm"
)

func TestOneToNineSubscribersReceiveEverything(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		p := r.publisher(bind)
		var subscribers []*comm.Subscriber
		for n := 1; n <= 9; n++ {
			s := r.subscriber(at(p))
			r.subscribe(p, s, "")
			subscribers = append(subscribers, s)
			for i := range 20 {
				r.send(p, fmt.Sprint(n, i))
			}
			for i := range 20 {
				for _, s := range subscribers {
					r.want(s, fmt.Sprint(n, i))
				}
			}
		}
	})
}

func TestOneToNineRequestersAreAnsweredEach(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		rep := r.response(bind)
		r.answer(rep)
		var requesters []*comm.Req
		for n := 1; n <= 9; n++ {
			requesters = append(requesters, r.request(at(rep)))
			var asking sync.WaitGroup
			for i, req := range requesters {
				asking.Go(func() {
					for k := range 20 {
						r.wantAnswer(req, fmt.Sprint(n, i, k))
					}
				})
			}
			asking.Wait()
		}
	})
}

func TestRequesterSharesOutAmongNineResponders(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		req := r.request(bind)
		var responders []*comm.Rep
		for range 9 {
			rep := r.response(">" + at(req))
			r.answer(rep)
			responders = append(responders, rep)
		}
		served := func(rep *comm.Rep) bool { return rep.Stats().Received > 0 }
		r.eventually("each responder has a request", func() bool {
			r.wantAnswer(req, "anyone")
			return !slices.ContainsFunc(responders, func(rep *comm.Rep) bool { return !served(rep) })
		})
	})
}

// The largest of dīvidere's own tests: clients, a broker of two routers, workers.
const (
	manyClients     = 50
	manyWorkers     = 20
	manyMessages    = 1000 // from each client
	manyOutstanding = 4    // of each client at a time
)

func TestFiftyClientsAndTwentyWorkersMatchEveryReply(t *testing.T) {
	onEachTransport(t, func(r *rig, bind string) {
		front, back := r.router(bind), r.router(elsewhere(bind))
		r.broker(front, back)
		for w := range manyWorkers {
			r.worker(r.dealer(at(back), comm.WithRoutingID(fmt.Sprint("worker", w))))
		}
		var clients sync.WaitGroup
		for c := range manyClients {
			req := r.request(at(front))
			for o := range manyOutstanding {
				clients.Go(func() { r.client(req, c, o) })
			}
		}
		clients.Wait()
		if got := front.Stats().Received; got != manyClients*manyMessages {
			t.Errorf("the broker saw %d requests, want %d", got, manyClients*manyMessages)
		}
	})
}

// client sends its part of a client's requests and matches every reply.
func (r *rig) client(req *comm.Req, c, o int) {
	for i := range manyMessages / manyOutstanding {
		body := fmt.Sprint("client ", c, " message ", i*manyOutstanding+o)
		m, err := req.Do(r.ctx, []byte(body))
		if err != nil {
			r.Errorf("%s: %v", body, err)
			return
		}
		if got := texts(m.Frames); !slices.Equal(got, []string{"done", body}) {
			r.Errorf("%s: answered %q", body, got)
			return
		}
	}
}

// worker says that it is ready, then answers what the broker sends.
func (r *rig) worker(d *comm.Dealer) {
	r.spawned.Go(func() {
		if err := d.Send(r.ctx, message("ready")); err != nil {
			r.Error(err)
		}
		for {
			m, err := d.Recv(r.ctx)
			if err != nil {
				return
			}
			route, body := splitRoute(m.Frames)
			answer := append(append(route, []byte("done")), body...)
			if err := d.Send(r.ctx, comm.NewMessage(answer...)); err != nil {
				return
			}
		}
	})
}

// broker hands requests to the workers in turn, and their replies back.
func (r *rig) broker(front, back *comm.Router) {
	r.spawned.Go(func() {
		var workers [][]byte
		for len(workers) < manyWorkers {
			m, err := back.Recv(r.ctx)
			if err != nil {
				return
			}
			workers = append(workers, m.Frames[0])
		}
		r.spawned.Go(func() { r.pass(back, front, func(frames [][]byte) [][]byte { return frames[1:] }) })
		next := 0
		r.pass(front, back, func(frames [][]byte) [][]byte {
			next++
			return append([][]byte{workers[next%len(workers)]}, frames...)
		})
	})
}

// pass receives from one router and sends to the other, with a new address.
func (r *rig) pass(from, to *comm.Router, address func([][]byte) [][]byte) {
	batch := make([]comm.Message, 64)
	for {
		n, err := from.RecvBatch(r.ctx, batch)
		if err != nil {
			return
		}
		for _, m := range batch[:n] {
			if err := r.sendWhenRoom(r.ctx, to, comm.NewMessage(address(m.Frames)...)); err != nil {
				r.Error("broker:", err)
				return
			}
		}
	}
}

// sendWhenRoom sends through a router, again while the peer is full.
func (r *rig) sendWhenRoom(ctx context.Context, to *comm.Router, m comm.Message) error {
	for {
		err := to.Send(ctx, m)
		if !errors.Is(err, comm.Full) {
			return err
		}
		if err := to.WaitRoom(ctx); err != nil {
			return err
		}
	}
}
