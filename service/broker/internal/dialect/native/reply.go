package native

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/broker/internal/desk"
	"github.com/mittere/mittere/service/broker/internal/dialect"
)

// readReply takes the answer of a worker (docs/wire.md, "Replies").
func (s *speaker) readReply(now time.Duration, k *mitterev1.Reply, m inbound) []desk.Action {
	a := desk.Answer{Content: m.content()}
	if k.GetStatus().GetCode() != mitterev1.Code_CODE_UNSPECIFIED {
		a.Status, a.Refused, a.Content.Body = k.GetStatus(), k.GetRefused(), nil
	}
	return s.desk.Reply(now, s.peer, k.GetCall(), a)
}

// writeWaiting tells a client why its request waits.
func (s *speaker) writeWaiting(a desk.Waiting) [][]byte {
	return s.frames(&mitterev1.Waiting{Call: a.Call, Reason: reasons[a.Wait.Reason], Message: a.Wait.Message}, nil)
}

// reasons are the desk's as they travel.
var reasons = [...]mitterev1.Waiting_Reason{
	desk.Served:   mitterev1.Waiting_REASON_UNSPECIFIED,
	desk.NoWorker: mitterev1.Waiting_REASON_NO_WORKER,
	desk.AllDrain: mitterev1.Waiting_REASON_DRAINING,
	desk.AllBusy:  mitterev1.Waiting_REASON_BUSY,
}

// writeReply returns an answer for a client. Where no worker gave it, the broker did.
func (s *speaker) writeReply(a desk.Reply) [][]byte {
	k := &mitterev1.Reply{Call: a.Call, More: a.More, Instance: a.Worker, Refused: a.Answer.Refused}
	if k.Instance == "" {
		k.Instance = s.name
	}
	var envelope []byte
	k.Status, envelope = dialect.Ending(a.Answer)
	if said, ok := a.Answer.Content.Head.(*mitterev1.Reply); ok {
		k.Index, k.WaitedNano, k.ExecutedNano = said.GetIndex(), said.GetWaitedNano(), said.GetExecutedNano()
	}
	if st := s.session.stream(a.Call, a.Tag); st != nil {
		return s.writeEnd(st, a, ending{k, envelope})
	}
	return s.orStatus(k, envelope)
}

// writeEnd returns the reply of a worker to a stream; nil if it is behind items that
// are kept, or if its client has one.
func (s *speaker) writeEnd(st *stream, a desk.Reply, e ending) [][]byte {
	st.ended = !a.More
	switch f := st.flow(a.Worker); {
	case st.over && st.ended:
		s.session.dropStream(a.Call)
		return nil
	case st.past(a.Worker):
		return nil
	case len(f.kept) > 0:
		e.reply.Index = f.sent + uint64(len(f.kept))
		f.end = &e
		return nil
	default:
		if _, numbered := a.Answer.Content.Head.(*mitterev1.Reply); !numbered {
			e.reply.Index = f.sent
		}
		return s.finish(st, f, e)
	}
}

// orStatus returns a reply; without its text if that cannot be written.
func (s *speaker) orStatus(k *mitterev1.Reply, envelope []byte) [][]byte {
	frames := s.frames(k, envelope)
	if frames == nil {
		k.Status = &mitterev1.Status{Code: k.GetStatus().GetCode()}
		frames = s.frames(k, envelope)
	}
	return frames
}
