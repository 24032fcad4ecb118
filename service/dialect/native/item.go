package native

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/desk"
	"github.com/mittere/mittere/service/dialect"
)

// stream is a call of a client that takes items (docs/wire.md, "Streams"). Workers of
// this protocol keep to their credit and number their items; for others, which know
// neither, that is done here.
type stream struct {
	request *mitterev1.Request
	credit  uint64           // items that each worker may have sent
	flows   map[string]*flow // by the names of workers
}

// flow is what one worker sends of a stream.
type flow struct {
	sent   uint64 // items
	credit uint64 // that it got beside what each did
}

// begin notes a call that takes items.
func (s *session) begin(k *mitterev1.Request) {
	if s.streams == nil {
		s.streams = map[uint64]*stream{}
	}
	if s.streams[k.GetCall()] == nil { // else the call runs already, and the desk refuses this one
		s.streams[k.GetCall()] = &stream{request: k, credit: uint64(k.GetCredit()), flows: map[string]*flow{}}
	}
}

// stream returns the stream of a request, nil if it is none.
func (s *session) stream(call uint64, tag any) *stream {
	if st := s.streams[call]; st != nil && tag == any(st.request) {
		return st
	}
	return nil
}

// flow returns that of a worker that has a part of the stream.
func (st *stream) flow(worker string) *flow {
	f := st.flows[worker]
	if f == nil {
		f = new(flow)
		st.flows[worker] = f
	}
	return f
}

// give notes credit for a worker; "" is each. Names of no worker are not kept: a client
// may say any number of them.
func (st *stream) give(worker string, items uint32) {
	if worker == "" {
		st.credit += uint64(items)
	} else if f := st.flows[worker]; f != nil {
		f.credit += uint64(items)
	}
}

// count returns how many items a worker sent; 0 where it is no stream.
func (st *stream) count(worker string) uint64 {
	if st == nil || st.flows[worker] == nil {
		return 0
	}
	return st.flows[worker].sent
}

// writeAccepted tells a client whom its request went to.
func (s *speaker) writeAccepted(a desk.Accepted) [][]byte {
	if st := s.session.stream(a.Call, a.Tag); st != nil {
		for _, worker := range a.Workers {
			st.flow(worker) // which may get credit before it sends anything
		}
	}
	return s.frames(&mitterev1.Accepted{Call: a.Call, Instances: a.Workers, Unknown: a.Unknown}, nil)
}

// readItem takes an item of a worker.
func (s *speaker) readItem(now time.Duration, k *mitterev1.Item, m message) []desk.Action {
	return s.desk.Item(now, s.peer, k.GetCall(), m.content())
}

// writeItem returns an item for a client. One of a worker without a notion of credit
// for which there is none is left out: the number in the reply then tells the client of
// its loss, unless it asked for one answer and no stream.
func (s *speaker) writeItem(a desk.Item) [][]byte {
	k := &mitterev1.Item{Call: a.Call}
	st := s.session.stream(a.Call, a.Tag)
	allowed := uint64(0)
	if st != nil {
		f := st.flow(a.Worker)
		f.sent++
		k.Index, allowed = f.sent, st.credit+f.credit
	}
	if said, ok := a.Content.Head.(*mitterev1.Item); ok {
		k.Index = said.GetIndex()
	} else if k.Index > allowed || st == nil {
		return nil
	}
	if asked, ok := a.Tag.(*mitterev1.Request); ok && asked.GetTarget() != nil {
		k.Instance = a.Worker
	}
	return s.frames(k, dialect.Envelope(a.Content))
}

// readCredit allows a stream further items, of one of its workers or of each.
func (s *speaker) readCredit(now time.Duration, k *mitterev1.Credit) []desk.Action {
	worker := k.GetInstance()
	if st := s.session.streams[k.GetCall()]; st != nil {
		if st.request.GetTarget() == nil { // nobody told the client who has it
			worker = ""
		}
		st.give(worker, k.GetItems())
	}
	return s.desk.Credit(now, s.peer, k.GetCall(), worker, k.GetItems())
}

// readCancel ends a call from its client's side.
func (s *speaker) readCancel(now time.Duration, k *mitterev1.Cancel) []desk.Action {
	delete(s.session.streams, k.GetCall())
	return s.desk.Cancel(now, s.peer, k.GetCall())
}

// readEvent takes news of the progress of a request from its worker.
func (s *speaker) readEvent(now time.Duration, k *mitterev1.Event, m message) []desk.Action {
	return s.desk.Event(now, s.peer, k.GetCall(), m.content())
}

// writeEvent returns news of the progress of a request for its client.
func (s *speaker) writeEvent(a desk.Event) [][]byte {
	return s.frames(&mitterev1.Event{Call: a.Call, Instance: a.Worker}, dialect.Envelope(a.Content))
}
