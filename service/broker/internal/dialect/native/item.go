package native

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

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
func (s *speaker) readItem(now time.Duration, k *mitterev1.Item, m inbound) []desk.Action {
	return s.desk.Item(now, s.peer, k.GetCall(), m.content())
}

// writeItem returns an item for a client; nil if it is kept until there is credit, or if
// the client asked for one answer and no stream. Workers of this protocol keep to the
// credit by themselves.
func (s *speaker) writeItem(a desk.Item) [][]byte {
	st := s.session.stream(a.Call, a.Tag)
	said, numbered := a.Content.Head.(*mitterev1.Item)
	switch {
	case st == nil && !numbered, st.past(a.Worker):
		return nil
	case numbered:
		return s.writeNumbered(a, said.GetIndex())
	}
	envelope := dialect.Envelope(a.Content)
	if f := st.flow(a.Worker); !st.may(f) { // as while any are kept
		return s.keepItem(st, a.Worker, envelope)
	}
	return s.item(st, a.Worker, envelope)
}

// writeNumbered returns an item that has its worker's number.
func (s *speaker) writeNumbered(a desk.Item, index uint64) [][]byte {
	if st := s.session.stream(a.Call, a.Tag); st != nil {
		st.flow(a.Worker).sent++
	}
	k := &mitterev1.Item{Call: a.Call, Index: index}
	if asked, ok := a.Tag.(*mitterev1.Request); ok && asked.GetTarget() != nil {
		k.Instance = a.Worker
	}
	return s.frames(k, dialect.Envelope(a.Content))
}

// readCredit allows a stream further items, of one of its workers or of each.
func (s *speaker) readCredit(now time.Duration, k *mitterev1.Credit) (actions []desk.Action, answers [][][]byte) {
	worker := k.GetInstance()
	if st := s.session.streams[k.GetCall()]; st != nil {
		if st.request.GetTarget() == nil { // the client was not told which worker has it
			worker = ""
		}
		st.addCredit(worker, k.GetItems())
		answers = s.release(st)
	}
	return s.desk.Credit(now, s.peer, k.GetCall(), worker, k.GetItems()), answers
}

// readCancel ends a call from its client's side.
func (s *speaker) readCancel(now time.Duration, k *mitterev1.Cancel) []desk.Action {
	s.session.dropStream(k.GetCall())
	return s.desk.Cancel(now, s.peer, k.GetCall())
}

// readEvent takes news of the progress of a request from its worker.
func (s *speaker) readEvent(now time.Duration, k *mitterev1.Event, m inbound) []desk.Action {
	return s.desk.Event(now, s.peer, k.GetCall(), m.content())
}

// writeEvent returns news of the progress of a request for its client.
func (s *speaker) writeEvent(a desk.Event) [][]byte {
	if s.session.stream(a.Call, a.Tag).past(a.Worker) {
		return nil
	}
	return s.frames(&mitterev1.Event{Call: a.Call, Instance: a.Worker}, dialect.Envelope(a.Content))
}
