package mdp

import (
	"slices"
	"time"

	wire "github.com/mittere/mittere/internal/mdp"
	"github.com/mittere/mittere/service/broker/internal/desk"
)

// The management interface (RFC 8) is a set of services that the broker itself
// serves to MDP clients, in both versions:
//
//	mmi.service   name       "200" if a worker is registered for the service, else "404"
//	mmi.services  anything   the services that have a worker, each a frame; ours
//	mmi.workers   name or "" the workers of the service, or all, each a frame; ours
//	mmi.*         anything   "501"
//
// Lists are ordered. One that is empty is an empty frame. The broker's own worker is
// listed only where its service is named.

// manage answers a request to the management interface. What is due is done first, so
// that no worker counts which is dead by now.
func (s *speaker) manage(now time.Duration, service string, body [][]byte) (actions []desk.Action, answer [][]byte) {
	actions = s.desk.Hear(now, s.peer)
	argument := string(body[len(body)-1]) // the last frame, as for all known brokers
	switch service {
	case wire.ManagementService:
		body = texts(s.registered(argument))
	case wire.ManagementServices:
		body = texts(s.services()...)
	case wire.ManagementWorkers:
		body = texts(s.workers(argument)...)
	default:
		body = texts(wire.NotImplemented)
	}
	return actions, s.reply(wire.Final, service, body)
}

// registered returns whether a service has a worker, idle or busy (RFC 8, "Default
// services").
func (s *speaker) registered(name string) string {
	if v, ok := s.desk.Service(name); ok && v.Workers > 0 {
		return wire.Found
	}
	return wire.NotFound
}

// services returns the names of the services that have a worker.
func (s *speaker) services() (names []string) {
	for _, v := range s.desk.Services() {
		if v.Workers > 0 && !desk.Reserved(v.Name) {
			names = append(names, v.Name)
		}
	}
	return names
}

// workers returns the names of the workers of a service, of all if it is empty.
func (s *speaker) workers(service string) (names []string) {
	for _, v := range s.desk.Workers() {
		if service == "" && !v.Offer.Own || slices.Contains(v.Offer.Services, service) {
			names = append(names, v.Offer.Name)
		}
	}
	return names
}

// texts returns a body of texts.
func texts(lines ...string) [][]byte {
	body := make([][]byte, len(lines))
	for i, line := range lines {
		body[i] = []byte(line)
	}
	return body
}
