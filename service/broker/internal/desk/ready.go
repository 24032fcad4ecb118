package desk

import (
	"slices"
	"time"

	mitterev1 "github.com/mittere/mittere/gen/mittere/v1"
)

// Ready registers a worker. One that is registered begins anew: it has forgotten
// what it had, which goes as if it had died (RFC 7 forbids a second READY, but a
// worker that started again with the same routing id sends one). With the same
// session as before only its offer changes, and it goes on.
//
// A name belongs to the worker that registered it last: the one that had it before is lost,
// unless that is the broker's own. What the operator said of it with [Desk.Retire] holds
// for its successor. An offer that cannot be taken is
// answered with Disconnect, as RFC 8 demands for reserved names, and the peer is no
// worker then.
func (d *Desk) Ready(now time.Duration, from Peer, o Offer) []Action {
	d.beginEvent(now)
	o = d.bounded(o)
	w := d.workers[from]
	retired := d.retired(o.Name)
	if w != nil && (o.Session == 0 || o.Session != w.offer.Session || o.Name != w.offer.Name) {
		d.evict(w)
		w = nil
	}
	if s := d.reject(o, w); s != nil {
		d.counts.Rejected++
		if w != nil {
			d.evict(w)
		}
		d.act(Disconnect{To: from, Status: s})
		return d.endEvent()
	}
	d.counts.Registered++
	if other := d.names[o.Name]; other != nil && other != w {
		d.dismiss(other, status(mitterev1.Code_CODE_ALREADY_EXISTS, "another worker is named %q", o.Name))
	}
	if w == nil {
		w = d.register(from, o.Name)
	}
	w.retired = retired
	d.offer(w, o)
	if d.served(d.expected) {
		d.expected = ""
	}
	return d.endEvent()
}

// retired reports whether the operator drains the worker of a name.
func (d *Desk) retired(name string) bool { return d.names[name] != nil && d.names[name].retired }

// bounded returns an offer within the limits, without repetitions and independent
// of the caller's.
func (d *Desk) bounded(o Offer) Offer {
	seen := map[string]bool{}
	services := o.Services
	o.Services = make([]string, 0, min(len(services), d.limits.Offered+1))
	for _, name := range services {
		if !seen[name] && len(o.Services) <= d.limits.Offered {
			seen[name] = true
			o.Services = append(o.Services, name)
		}
	}
	o.Types, o.Repeatable = ordered(o.Types), ordered(o.Repeatable)
	o.Capacity = min(max(o.Capacity, 1), d.limits.Capacity)
	o.Heartbeat = min(max(o.Heartbeat, d.limits.Heartbeat), d.limits.Longest)
	if o.Patience <= 0 {
		o.Patience = patienceFactor * o.Heartbeat
	}
	o.Patience = min(max(o.Patience, 2*o.Heartbeat), 2*d.limits.Longest)
	return o
}

// ordered returns names in order, without repetitions. More than may be are left as
// they are, to be rejected.
func ordered(names []string) []string {
	if len(names) > maxMethods/nameOverhead {
		return names
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// reject returns why an offer cannot be taken, nil if it can. The worker is the one
// that makes it if it is registered.
func (d *Desk) reject(o Offer, w *worker) *mitterev1.Status {
	if s := o.wrong(); s != nil {
		return s
	}
	added := 0
	for _, name := range o.Services {
		if d.services[name] == nil {
			added++
		}
	}
	other := d.names[o.Name]
	switch {
	case other != nil && other.offer.Own && !o.Own:
		return status(mitterev1.Code_CODE_PERMISSION_DENIED, "the worker name %q is the broker's own", o.Name)
	case len(o.Services) > d.limits.Offered:
		return status(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "the worker %q offers more than %d services", o.Name, d.limits.Offered)
	case len(d.services)+added > d.limits.Services:
		return status(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "the broker has %d services, of %d at most", len(d.services), d.limits.Services)
	case w == nil && other == nil && len(d.workers) >= d.limits.Workers:
		return status(mitterev1.Code_CODE_RESOURCE_EXHAUSTED, "the broker has %d workers, which is its limit", len(d.workers))
	default:
		return nil
	}
}

// wrong returns what is wrong with an offer in itself, nil if nothing is.
func (o *Offer) wrong() *mitterev1.Status {
	for _, name := range o.Services {
		switch {
		case name == "" || len(name) > maxName:
			return status(mitterev1.Code_CODE_INVALID_ARGUMENT, "a service's name has %d bytes, want 1 to %d", len(name), maxName)
		case Reserved(name) && !o.Own:
			return status(mitterev1.Code_CODE_PERMISSION_DENIED, "the service name %q is reserved", name)
		}
	}
	switch {
	case o.Name == "" || len(o.Name) > maxName:
		return status(mitterev1.Code_CODE_INVALID_ARGUMENT, "a worker's name has %d bytes, want 1 to %d", len(o.Name), maxName)
	case len(o.Services) == 0:
		return status(mitterev1.Code_CODE_INVALID_ARGUMENT, "the worker %q offers no service", o.Name)
	case o.extra() > maxExtra:
		return status(mitterev1.Code_CODE_INVALID_ARGUMENT, "the version, endpoints and descriptors of the worker %q have %d bytes, of %d at most", o.Name, o.extra(), maxExtra)
	case size(o.Types)+size(o.Repeatable) > maxMethods:
		return status(mitterev1.Code_CODE_INVALID_ARGUMENT, "the types and methods of the worker %q have %d bytes, of %d at most", o.Name, size(o.Types)+size(o.Repeatable), maxMethods)
	case len(o.Types)*len(o.Services) > maxTaken:
		return status(mitterev1.Code_CODE_INVALID_ARGUMENT, "the worker %q takes %d types in each of %d services, of %d in all at most", o.Name, len(o.Types), len(o.Services), maxTaken)
	default:
		return nil
	}
}

const (
	// maxExtra bounds what a worker tells of itself beside its services, in bytes.
	maxExtra = 4096
	// maxMethods bounds the names of methods and types that a worker tells, in bytes.
	maxMethods = 32 << 10
	// maxTaken bounds the types that a worker takes, counted for each of its services.
	maxTaken = 2048
)

// nameOverhead is about what a name takes up beside its bytes.
const nameOverhead = 16

// extra returns how many bytes that has.
func (o *Offer) extra() int {
	return len(o.Version) + len(o.Descriptors) + size(o.Endpoints)
}

// size returns about how many bytes names take up.
func size(names []string) (n int) {
	for _, name := range names {
		n += len(name) + nameOverhead
	}
	return n
}

// register returns a new worker.
func (d *Desk) register(from Peer, name string) *worker {
	d.uses++
	w := &worker{peer: from, since: d.now, said: d.now, used: d.uses}
	d.workers[from], d.names[name] = w, w
	return w
}

// offer has a worker serve what it offers now.
func (d *Desk) offer(w *worker, o Offer) {
	d.leaveServices(w)
	w.offer, w.draining, w.heard = o, false, d.now
	d.joinServices(w)
	d.observe(w)
	d.markReady(w)
}

// Heartbeat notes that a peer lives. One that is no worker is told so with a
// Disconnect, so that it registers again at once: after a restart of the broker
// too. Of clients nothing needs to be noted here.
func (d *Desk) Heartbeat(now time.Duration, from Peer) []Action {
	d.beginEvent(now)
	d.hear(from)
	return d.endEvent()
}

// Hear notes that something came of a peer that is no event of its own. Unlike with
// [Desk.Heartbeat] it may be none of the workers.
func (d *Desk) Hear(now time.Duration, from Peer) []Action {
	d.beginEvent(now)
	if d.workers[from] != nil {
		d.hear(from)
	}
	return d.endEvent()
}

// hear returns the worker of a peer, of which something came, or tells the peer
// that it is none.
func (d *Desk) hear(from Peer) *worker {
	w := d.workers[from]
	if w == nil {
		d.act(Disconnect{To: from, Status: statusUnregistered()})
		return nil
	}
	w.heard = d.now
	return w
}
