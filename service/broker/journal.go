package broker

import (
	"log/slog"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/internal/ratelog"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// journal logs who comes and goes, and what peers do that they should not. Nothing in
// it costs a request anything: it looks at the workers when their number, or that of
// their READYs, is not what it was.
type journal struct {
	limited *ratelog.Log

	known      map[desk.Peer]entry // the workers that were there when it looked last
	registered uint64              // READYs that were taken until then
	due        time.Duration       // when it may look again
	poisoned   uint64              // messages that were logged
	closed     bool                // all leave now, which is no news
}

// entry is what is known of a worker.
type entry struct {
	name  string
	own   bool
	since time.Duration
}

func newJournal(log *slog.Logger) journal {
	return journal{limited: ratelog.New(log), known: map[desk.Peer]entry{}}
}

// leastLook stands between two looks at all workers.
const leastLook = 50 * time.Millisecond

// stale reports whether there is something to look at.
func (j *journal) stale(d *desk.Desk) bool {
	workers, registered := d.Workforce()
	return !j.closed && (registered != j.registered || workers != len(j.known))
}

// logWorkers logs the workers that came. It takes at most a tenth of the time, however many
// there are.
func (b *Broker) logWorkers(now time.Duration) {
	j := &b.journal
	if !j.stale(b.desk) || now < j.due {
		return
	}
	_, j.registered = b.desk.Workforce()
	known := make(map[desk.Peer]entry, len(j.known))
	for w := range b.desk.EachWorker {
		before, was := j.known[w.Peer]
		delete(j.known, w.Peer)
		known[w.Peer] = entry{w.Offer.Name, w.Offer.Own, w.Since}
		if (!was || before.since != w.Since) && !w.Offer.Own {
			b.came(w)
		}
	}
	for at := range j.known { // without a reason
		j.left(at, "it is not registered any more")
	}
	j.known = known
	j.due = b.now() + max(9*(b.now()-now), leastLook)
}

// came logs a worker that is new, or began anew.
func (b *Broker) came(w desk.WorkerView) {
	dialect := ""
	if p := b.peers[w.Peer]; p != nil {
		dialect = p.dialect
	}
	b.journal.limited.WriteSome(slog.LevelInfo, "a worker is registered",
		"worker", w.Offer.Name, "services", w.Offer.Services, "dialect", dialect, "capacity", w.Offer.Capacity, "peer", w.Peer.String())
}

// left logs that a worker is gone, unless that is known. One that came since the last
// look was never named.
func (j *journal) left(at desk.Peer, why string) {
	e, known := j.known[at]
	if !known || j.closed {
		return
	}
	delete(j.known, at)
	if !e.own {
		j.limited.WriteSome(slog.LevelInfo, "a worker left", "worker", e.name, "why", why, "peer", at.String())
	}
}

// disconnected logs that a peer is told that it is no worker, or not any more. That it
// is unknown is no news: it registers again.
func (j *journal) disconnected(p *peer, status *mitterev1.Status) {
	_, known := j.known[p.at]
	switch {
	case j.closed:
	case status.GetCode() == mitterev1.Code_CODE_ALREADY_EXISTS:
		j.limited.Write(slog.LevelWarn, "a worker takes the name of another", "dialect", p.dialect, "error", status.GetMessage(), "peer", p.at.String())
	case !known && status.GetCode() != mitterev1.Code_CODE_UNAVAILABLE:
		j.limited.Write(slog.LevelWarn, "a worker is turned away", "dialect", p.dialect, "error", status.GetMessage(), "peer", p.at.String())
	}
	j.left(p.at, status.GetMessage())
}

// poison logs that workers were lost with one request again and again, if this answer to
// its client says so: the desk has counted one more then.
func (j *journal) poison(d *desk.Desk, a desk.Reply) {
	if a.Answer.Status.GetCode() != mitterev1.Code_CODE_INTERNAL {
		return
	}
	if counted := d.Counters().Poison; counted != j.poisoned {
		j.poisoned = counted
		j.limited.Write(slog.LevelWarn, "workers were lost with one request again and again", "error", a.Answer.Status.GetMessage())
	}
}
