package registry

import (
	"net"
	"strconv"
	"strings"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/registry/store"
)

// dīvidere's registry has one address for each name and no lease: its services
// register once, and again when the registry asks all of them with a
// RediscoverReq. The registry here asks from time to time, and takes the answers
// for renewals.
//
// Not everyone answers: a program that uses only the registry client of that library does
// not, and shall not be lost for it. So a registration has the longest lease at first, and
// a short one when its owner has shown that it answers: it registers the same address
// again, with a question between the two, within PlainLease. From then on each answer is
// a renewal, and silence is its end.
//
// Anyone may send these messages, and many names cost a sender little, so that they have
// room of their own.

// PlainID is the id of dīvidere's services: they have none of their own, and of
// each name there is one at most. No other may register with it.
const PlainID = "dividere"

// RegisterPlain enters a service of dīvidere's, with the address that its
// RegisterService message has, in place of the one that had the name. The change
// is nil if all is as it was but for a renewal. The errors are those of
// Register.
func (t *Table) RegisterPlain(now time.Time, name, host string, port uint32) (*mitterev1.WatchResponse, error) {
	if host == "" || port == 0 || port > 65535 {
		return nil, messaging.Errorf(messaging.InvalidArgument, "service %.40q: no address %.40q with port %d", name, host, port)
	}
	e := &entry{heard: now, round: t.round, lease: t.limits.MaxLease, instance: &mitterev1.Instance{
		Name:      name,
		Id:        PlainID,
		Endpoints: []string{"tcp://" + net.JoinHostPort(host, strconv.Itoa(int(port)))},
		Dialect:   mitterev1.Dialect_DIALECT_PLAIN,
	}}
	if old := t.find(name, PlainID); t.live(now, old) && old.instance.GetEndpoints()[0] == e.instance.GetEndpoints()[0] {
		t.answered(now, old, e)
	}
	return t.enter(now, e)
}

// answered decides on the lease of a service that registers again, with the
// address that it had. Too soon is no answer, since the same message may be sent
// twice; too late is none either, since then it is rather a service that was started
// again.
func (t *Table) answered(now time.Time, old, e *entry) {
	switch {
	case old.answers:
		e.answers = true
	case old.round == t.round:
		e.heard, e.round = old.heard, old.round
	case now.Sub(old.heard) <= t.limits.PlainLease:
		e.answers = true
	}
	e.lease = t.plainLease(e)
}

// plainLease returns the lease of a service of these.
func (t *Table) plainLease(e *entry) time.Duration {
	if e.answers {
		return t.limits.PlainLease
	}
	return t.limits.MaxLease
}

// isPlain reports whether an entry is a service of these.
func (e *entry) isPlain() bool { return e.instance.GetId() == PlainID }

// Rediscover notes that dīvidere's services were asked to register again. Call
// it just before the RediscoverReq is sent, so that no answer comes before it.
func (t *Table) Rediscover() { t.round++ }

// WithdrawPlain removes the service of dīvidere's that has a name. It returns nil
// if there is none.
func (t *Table) WithdrawPlain(now time.Time, name string) *mitterev1.WatchResponse {
	change, _ := t.Withdraw(now, store.Key{Name: name, ID: PlainID}, nil) // no other has this id
	return change
}

// LookupPlain returns the address that a client of dīvidere's is told for a
// name: of the service of dīvidere's, else of the first instance by id that
// serves plain envelopes too and has a tcp endpoint. Instances that take no
// requests are the last choice. NOT_FOUND means that there is none.
func (t *Table) LookupPlain(now time.Time, name string) (host string, port uint32, err error) {
	best := 0
	for _, e := range t.names[name] {
		h, p, ok := plainAddress(e.instance)
		if rank := plainRank(e.instance); ok && t.live(now, e) && rank > best {
			host, port, best = h, p, rank
		}
	}
	if best == 0 {
		return "", 0, messaging.Errorf(messaging.NotFound, "no address of %q", name)
	}
	return host, port, nil
}

// plainRank says how good an instance is for a client of dīvidere's; 0 is of no
// use.
func plainRank(instance *mitterev1.Instance) int {
	switch {
	case instance.GetKind() != mitterev1.Kind_KIND_UNSPECIFIED:
		return 0
	case instance.GetId() == PlainID:
		return 3
	case instance.GetHealth() <= mitterev1.Health_HEALTH_SERVING:
		return 2
	default:
		return 1
	}
}

// plainAddress returns the first tcp endpoint of an instance in two parts.
func plainAddress(instance *mitterev1.Instance) (host string, port uint32, ok bool) {
	for _, endpoint := range instance.GetEndpoints() {
		address, tcp := strings.CutPrefix(endpoint, "tcp://")
		host, text, err := net.SplitHostPort(address)
		number, wrong := strconv.ParseUint(text, 10, 16)
		if tcp && err == nil && wrong == nil && number > 0 {
			return host, uint32(number), true
		}
	}
	return "", 0, false
}
