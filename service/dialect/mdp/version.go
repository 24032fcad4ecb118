package mdp

import "time"

// version is what one version of the protocol has on the wire. It does not change
// after it was made.
type version struct {
	name           string
	delimited      bool   // an empty frame comes first
	client, worker string // headers

	// The commands of clients. MDP/0.1 has none: there the direction tells a request
	// from a reply.
	clientCommands                            bool
	clientRequest, clientPartial, clientFinal byte

	// The commands of workers. MDP/0.1 has no PARTIAL, and its FINAL is REPLY.
	ready, request, partial, final, heartbeat, disconnect byte

	interval time.Duration // of heartbeats
	liveness int           // of workers, in intervals
}

// version01 returns RFC 7, "MDP/Client" and "MDP/Worker".
func version01() *version {
	return &version{
		name: "MDP/0.1", delimited: true, client: "MDPC01", worker: "MDPW01",
		ready: 0x01, request: 0x02, final: 0x03, heartbeat: 0x04, disconnect: 0x05,
	}
}

// version02 returns RFC 18, "MDP/Client" and "MDP/Worker".
func version02() *version {
	return &version{
		name: "MDP/0.2", client: "MDPC02", worker: "MDPW02",
		clientCommands: true, clientRequest: 0x01, clientPartial: 0x02, clientFinal: 0x03,
		ready: 0x01, request: 0x02, partial: 0x03, final: 0x04, heartbeat: 0x05, disconnect: 0x06,
	}
}

// partials reports whether the version has replies that are not the last.
func (v *version) partials() bool { return v.partial != 0 }
