package native

import (
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/service/desk"
	"github.com/mittere/mittere/service/dialect"
)

// readReply takes the answer of a worker (docs/wire.md, "Replies").
func (s *speaker) readReply(now time.Duration, k *mitterev1.Reply, m message) []desk.Action {
	a := desk.Answer{Content: m.content()}
	if k.GetStatus().GetCode() != mitterev1.Code_CODE_UNSPECIFIED {
		a.Status, a.Refused, a.Content.Body = k.GetStatus(), k.GetRefused(), nil
	}
	return s.desk.Reply(now, s.peer, k.GetCall(), a)
}

// writeReply returns an answer for a client. Where no worker gave it, the broker did.
func (s *speaker) writeReply(a desk.Reply) [][]byte {
	k := &mitterev1.Reply{Call: a.Call, More: a.More, Instance: a.Worker, Refused: a.Answer.Refused}
	if k.Instance == "" {
		k.Instance = s.name
	}
	st := s.session.stream(a.Call, a.Tag)
	var envelope []byte
	k.Status, envelope = dialect.Ending(a.Answer)
	if said, ok := a.Answer.Content.Head.(*mitterev1.Reply); ok {
		k.Index, k.WaitedNano, k.ExecutedNano = said.GetIndex(), said.GetWaitedNano(), said.GetExecutedNano()
	} else {
		k.Index = st.count(a.Worker)
	}
	if st != nil && !a.More {
		delete(s.session.streams, a.Call)
	}
	return s.orStatus(k, envelope)
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
