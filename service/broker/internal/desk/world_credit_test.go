package desk_test

import (
	"cmp"
	"maps"
	"slices"

	"github.com/mittere/mittere/service/broker/internal/desk"
)

// credit has a client give credit to one worker of a call or to each, and sees who is
// told.
func (w *world) credit() {
	w.take(w.d.Tick(w.now)) // so that nothing is due before
	ids := slices.SortedFunc(maps.Keys(w.calls), func(a, b callID) int { return cmp.Compare(a.number, b.number) })
	ids = slices.DeleteFunc(ids, func(id callID) bool { // which may wait for the answer to another request
		r := w.calls[id].request
		return r.Credit == 0 && r.Target.Kind == desk.Any
	})
	if len(ids) == 0 {
		return
	}
	id, name, items := ids[w.random.below(len(ids))], "", uint32(w.random.below(4))
	if w.random.below(3) > 0 {
		name = w.workerName()
	}
	r := w.calls[id].request
	holders := w.holders(r, name)
	switch t := w.tries[r]; {
	case name == "" || r.Target.Kind == desk.Any && len(holders) > 0:
		t.credit += items
	case r.Target.Kind != desk.Any:
		t.own[name] += items
	}
	if items == 0 {
		holders = nil
	}
	actions := w.d.Credit(w.now, id.peer, id.number, name, items)
	for _, a := range actions {
		if c, ok := a.(desk.CreditDelivery); !ok || c.Items != items || holders[c.Delivery] != c.To {
			w.fail("%#v for credit of %d for %q", a, items, name)
		}
	}
	if len(actions) != len(holders) {
		w.fail("%d workers were told of credit for %q, want %d", len(actions), name, len(holders))
	}
	w.take(actions)
}

// holders returns who has a request under which delivery: the worker of this name, or each.
func (w *world) holders(r *desk.Request, name string) map[uint64]desk.Peer {
	found := map[uint64]desk.Peer{}
	for peer, e := range w.workers {
		for delivery, g := range e.deliveries {
			if g.request == r && (name == "" || name == e.offer.Name) {
				found[delivery] = peer
			}
		}
	}
	return found
}
