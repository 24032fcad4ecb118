package broker

import (
	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// refusal is a message that cannot be sent at all, as it is too large.
type refusal struct {
	outbound
	why error
}

// status returns why as an error that travels.
func (r refusal) status(code mitterev1.Code, what string) *mitterev1.Status {
	return &mitterev1.Status{Code: code, Message: what + " cannot be sent: " + r.why.Error()}
}

// reject tells the peer that waits for a message that it cannot be sent, for that would wait
// for ever: the client of an answer, and the worker that was to get a request, which would
// be busy with it.
func (b *Broker) reject(r refusal) []desk.Action {
	if r.delivery > 0 {
		return b.desk.Reply(b.now(), r.to.at, r.delivery, desk.Answer{
			Refused: true, Status: r.status(mitterev1.Code_CODE_INVALID_ARGUMENT, "the request"),
		})
	}
	call, tag, ok := callOf(r.action)
	a, answers := r.action.(desk.Reply)
	news := isNews(r.action)
	switch {
	case !ok || news:
		return nil
	case answers:
		a.Answer = desk.Answer{Status: r.status(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "the answer")}
		b.answerInstead(r.to, a)
		return nil
	default:
		return b.breakOff(r, call, tag)
	}
}

// isNews reports whether an action tells of a call and is no part of its answer.
func isNews(action desk.Action) bool {
	switch action.(type) {
	case desk.Event, desk.Waiting:
		return true
	default:
		return false
	}
}

// callOf returns of which call of a client an action tells it.
func callOf(action desk.Action) (call uint64, tag any, ok bool) {
	switch a := action.(type) {
	case desk.Accepted:
		return a.Call, a.Tag, true
	case desk.Waiting:
		return a.Call, a.Tag, true
	case desk.Reply:
		return a.Call, a.Tag, true
	case desk.Item:
		return a.Call, a.Tag, true
	case desk.Event:
		return a.Call, a.Tag, true
	default:
		return 0, nil, false
	}
}

// breakOff ends a call of which a part cannot be sent. What is on its way to the client
// is taken back, its end as well if the call has ended meanwhile.
func (b *Broker) breakOff(r refusal, call uint64, tag any) []desk.Action {
	end := desk.Reply{To: r.to.at, Call: call, Tag: tag, Answer: desk.Answer{
		Status: r.status(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "a part of the answer"),
	}}
	ended := false
	b.takeBack(r.to, func(m outbound) bool {
		its, _, ok := callOf(m.action)
		a, answers := m.action.(desk.Reply)
		ended = ended || ok && its == call && answers && !a.More
		return ok && its == call
	})
	if ended {
		b.answerInstead(r.to, end)
		return nil
	}
	before := b.desk.Counters().Cancelled
	actions := b.desk.Cancel(b.now(), r.to.at, call)
	if b.desk.Counters().Cancelled != before { // else its time is over, and that is its end
		b.answerInstead(r.to, end)
	}
	return actions
}

// answerInstead sends an answer in place of one that cannot be sent. It is not replaced if it
// cannot be sent either.
func (b *Broker) answerInstead(p *peer, a desk.Reply) {
	if frames := p.speaker.Write(a); frames != nil {
		b.send(p, frames, outbound{})
	}
}
