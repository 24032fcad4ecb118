package desk

import "time"

// Streams are paced: a worker gets its client's credit in parts, as much as lets it be a
// share of mostAhead ahead, and no more while the client has no room. Without that the
// items of a few streams with wide windows would be more than a broker keeps for a client
// that reads all of them, if not at once.

// mostAhead is how many items may be on their way from workers to one client, if it has
// no more streams than that: each may have one.
const mostAhead = 1000

// Pause notes that a client has no room: its workers get no further credit until
// [Desk.Resume]. Nothing is to be done then, and it is no event.
func (d *Desk) Pause(client Peer) { d.paused[client] = struct{}{} }

// Resume notes that a client has room again.
func (d *Desk) Resume(now time.Duration, client Peer) []Action {
	d.beginEvent(now)
	delete(d.paused, client)
	if c := d.clients[client]; c != nil {
		for w := c.latest; w != nil; w = w.next {
			for _, p := range w.call.parts {
				d.grant(p)
			}
		}
	}
	return d.endEvent()
}

// share returns how many items of a part may be on their way.
func (d *Desk) share(p *part) uint32 {
	client := p.call.waiters[0].client // a stream has no other
	if _, paused := d.paused[client]; paused {
		return 1
	}
	return uint32(max(d.ahead/max(d.streams[client], 1), 1))
}

// grant gives the worker that has a part further credit, if its client has given more than
// that, and half of its share has come.
func (d *Desk) grant(p *part) {
	if p.delivery == 0 || p.ended || p.granted == p.credit {
		return
	}
	if _, paused := d.paused[p.call.waiters[0].client]; paused {
		return
	}
	share, ahead := d.share(p), p.granted-min(p.came, p.granted)
	if ahead > share/2 {
		return
	}
	items := min(p.credit-p.granted, share-ahead)
	p.granted += items
	d.act(CreditDelivery{To: p.worker.peer, Delivery: p.delivery, Items: items})
	p.worker.said = d.now
}

// countStreams notes that streams of a client begin or, below 0, have ended.
func (d *Desk) countStreams(client Peer, streams int) {
	if streams == 0 {
		return
	}
	if d.streams[client] += streams; d.streams[client] == 0 {
		delete(d.streams, client)
	}
}
