package native

import (
	"maps"
	"slices"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging/message"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// stream is a call of a client that takes items (docs/wire.md, "Streams"). Workers of
// this protocol keep to their credit and number their items; for others, which know
// neither, that is done here: what they send beyond it is kept until there is credit,
// and so is the reply behind it, though the desk has done with the call then.
type stream struct {
	request *mitterev1.Request
	until   time.Duration    // when its time is over
	credit  uint64           // items that each worker may have sent
	flows   map[string]*flow // by the names of workers
	live    int              // of those, the ones of which more may come
	items   int              // that are kept
	bytes   int              // of those, about
	ended   bool             // the desk has done with it
	over    bool             // its client has: nothing more is said of it
}

// flow is what one worker sends of a stream.
type flow struct {
	sent   uint64   // items
	credit uint64   // that it got beside what each did
	kept   [][]byte // envelopes of items for which there was no credit
	end    *ending  // that is behind those; nil if it has not come
	over   bool     // its client has its reply
}

// ending is the reply of a worker.
type ending struct {
	reply    *mitterev1.Reply
	envelope []byte
}

// These bound what is kept of items.
const (
	mostKept      = 1024     // of a call
	mostCallKept  = 16 << 20 // bytes of a call
	mostKeptBytes = 64 << 20 // of a session
	// keptOverhead is about what an item takes up beside its bytes.
	keptOverhead = 64
)

// openStream notes a call that takes items, if the desk will not refuse it.
func (s *session) openStream(now time.Duration, k *mitterev1.Request, r *desk.Request, longest time.Duration) {
	if s.streams == nil {
		s.streams = map[uint64]*stream{}
	}
	if s.streams[k.GetCall()] != nil { // the call runs already, and the desk refuses this one
		return
	}
	st := &stream{request: k, until: now + longest, credit: uint64(k.GetCredit()), flows: map[string]*flow{}}
	if r.Timeout > 0 && r.Timeout < longest {
		st.until = now + r.Timeout
	}
	s.streams[k.GetCall()] = st
}

// stream returns the stream of a request, nil if it is none.
func (s *session) stream(call uint64, tag any) *stream {
	if st := s.streams[call]; st != nil && tag == any(st.request) {
		return st
	}
	return nil
}

// runs reports whether a call goes on of which the desk does not know any more.
func (s *session) runs(call uint64) bool {
	st := s.streams[call]
	return st != nil && st.ended
}

// dropStream ends a stream, with what is kept of it.
func (s *session) dropStream(call uint64) {
	if st := s.streams[call]; st != nil {
		s.kept -= st.bytes
		delete(s.streams, call)
	}
}

// flow returns that of a worker that has a part of the stream.
func (st *stream) flow(worker string) *flow {
	f := st.flows[worker]
	if f == nil {
		f = new(flow)
		st.flows[worker] = f
		st.live++
	}
	return f
}

// addCredit notes credit for a worker; "" is each. Names of no worker are not kept: a client
// may say any number of them.
func (st *stream) addCredit(worker string, items uint32) {
	if worker == "" {
		st.credit += uint64(items)
	} else if f := st.flows[worker]; f != nil {
		f.credit += uint64(items)
	}
}

// may reports whether a worker may send its client another item.
func (st *stream) may(f *flow) bool { return f.sent < st.credit+f.credit }

// past reports whether the client has a worker's reply; it has none where there is no
// stream.
func (st *stream) past(worker string) bool {
	if st == nil {
		return false
	}
	f := st.flows[worker]
	return st.over || f != nil && f.over
}

// moreAnswers reports whether others will still answer, which only a target's workers do.
func (st *stream) moreAnswers() bool {
	return st.request.GetTarget() != nil && st.live > 0
}

// keepItem keeps an item for which there is no credit. A call of which too much is kept
// ends for this worker: the worker cannot be asked to wait.
func (s *speaker) keepItem(st *stream, worker string, envelope []byte) [][]byte {
	f, b := st.flow(worker), s.session
	size := len(envelope) + keptOverhead
	if st.items == mostKept || st.bytes+size > mostCallKept || b.kept+size > mostKeptBytes {
		return s.cut(st, worker, message.Errorf(message.ResourceExhausted,
			"the worker %q heeds no credit, and its client reads too slowly: of the stream %d items with %d bytes are waiting", worker, st.items, st.bytes))
	}
	f.kept = append(f.kept, envelope)
	st.items++
	st.bytes += size
	b.kept += size
	return nil
}

// takeItem returns the oldest item that is kept, which is not kept any more.
func (s *session) takeItem(st *stream, f *flow) (envelope []byte) {
	envelope, f.kept[0] = f.kept[0], nil
	f.kept = f.kept[1:]
	size := len(envelope) + keptOverhead
	st.items--
	st.bytes -= size
	s.kept -= size
	return envelope
}

// cut ends what a worker sends, whatever is kept of it.
func (s *speaker) cut(st *stream, worker string, why *message.Error) [][]byte {
	f := st.flow(worker)
	for len(f.kept) > 0 {
		s.session.takeItem(st, f)
	}
	f.end = nil
	return s.finish(st, f, ending{reply: &mitterev1.Reply{
		Call: st.request.GetCall(), Status: why.Status(), Instance: worker, Index: f.sent,
	}})
}

// release returns what there is credit for by now, in order for each worker.
func (s *speaker) release(st *stream) (answers [][][]byte) {
	if st.items == 0 {
		return nil
	}
	for _, worker := range slices.Sorted(maps.Keys(st.flows)) {
		f := st.flows[worker]
		for len(f.kept) > 0 && st.may(f) {
			if frames := s.item(st, worker, s.session.takeItem(st, f)); frames != nil {
				answers = append(answers, frames)
			}
		}
		if f.end != nil && len(f.kept) == 0 {
			end := *f.end
			f.end = nil
			answers = append(answers, s.finish(st, f, end))
		}
	}
	return answers
}

// item returns the next item of a worker that does not number its own.
func (s *speaker) item(st *stream, worker string, envelope []byte) [][]byte {
	f := st.flow(worker)
	f.sent++
	k := &mitterev1.Item{Call: st.request.GetCall(), Index: f.sent}
	if st.request.GetTarget() != nil {
		k.Instance = worker
	}
	return s.frames(k, envelope)
}

// finish returns a worker's reply, which ends the call if no other will answer.
func (s *speaker) finish(st *stream, f *flow, e ending) [][]byte {
	if !f.over {
		f.over = true
		st.live--
	}
	e.reply.More = st.moreAnswers()
	switch {
	case e.reply.More:
	case st.ended:
		s.session.dropStream(e.reply.Call)
	default:
		st.over = true
		s.session.settled = append(s.session.settled, st)
	}
	return s.orStatus(e.reply, e.envelope)
}

// settleStreams has the desk cancel the streams whose client has their end, and ends those
// whose time is over. In the midst of the desk's actions neither can be done.
func (s *speaker) settleStreams(now time.Duration) (actions []desk.Action, answers [][][]byte) {
	b := s.session
	if b.kept > 0 {
		answers = s.expire(now)
	}
	for _, st := range b.settled {
		call := st.request.GetCall()
		if b.streams[call] != st {
			continue // it has ended by itself, or its client cancelled it
		}
		b.dropStream(call)
		actions = append(actions, s.desk.Cancel(now, s.peer, call)...)
	}
	b.settled = nil
	return actions, answers
}

// expire ends the streams of which only what is kept here is left and that their clients did
// not read in time.
func (s *speaker) expire(now time.Duration) (answers [][][]byte) {
	for _, call := range slices.Sorted(maps.Keys(s.session.streams)) {
		st := s.session.streams[call]
		if !st.ended || st.over || now < st.until {
			continue
		}
		answers = append(answers, s.abort(st, message.Errorf(message.DeadlineExceeded, "the stream was not read in time"))...)
	}
	return answers
}

// abort ends what all workers send of a stream, whatever is kept of it.
func (s *speaker) abort(st *stream, why *message.Error) (answers [][][]byte) {
	for _, worker := range slices.Sorted(maps.Keys(st.flows)) {
		if f := st.flows[worker]; !f.over {
			answers = append(answers, s.cut(st, worker, why))
		}
	}
	return answers
}
