package registry

import mitterev1 "github.com/mittere/mittere/gen/mittere/v1"

// maxHistoryBytes bounds what the remembered changes hold in memory, roughly:
// the instances in them, most of which the table holds too.
const maxHistoryBytes = 64 << 20

// history remembers the last changes for watchers that are a little behind.
// Their revisions have no gap.
type history struct {
	most    int // changes
	changes []remembered
	size    int
}

// remembered is one change with the size of its instance in bytes.
type remembered struct {
	change *mitterev1.WatchResponse
	size   int
}

// add remembers a change, and forgets the oldest ones that are too much.
func (h *history) add(change *mitterev1.WatchResponse, size int) {
	h.changes = append(h.changes, remembered{change, size})
	h.size += size
	for len(h.changes) > h.most || h.size > maxHistoryBytes && len(h.changes) > 1 {
		h.size -= h.changes[0].size
		h.changes[0] = remembered{} // or the array keeps it
		h.changes = h.changes[1:]
	}
}

// last returns the changes of a name, or all for "", among the last n.
func (h *history) last(n int, name string) []*mitterev1.WatchResponse {
	var found []*mitterev1.WatchResponse
	for _, r := range h.changes[len(h.changes)-n:] {
		if name == "" || r.change.GetChange().GetEntry().GetInstance().GetName() == name {
			found = append(found, r.change)
		}
	}
	return found
}
