package mdp

import "slices"

// spelling is what a version has on the wire: that of its RFC, or one of programs that
// differ from it so that they can be told from all others. A peer has the spelling of its
// first message, and is answered in it. docs/majordomo.md names the programs.
type spelling struct {
	delimited      bool   // an empty frame comes first
	client, worker string // headers

	// The commands of clients. Where there is none, the direction tells a request
	// from a reply.
	clientRequest, clientPartial, clientFinal string
	nameless                                  bool // replies to clients do not name the service

	// The commands of workers. MDP/0.1 has no PARTIAL, and its FINAL is REPLY.
	ready, request, partial, final, heartbeat, disconnect string
}

// spellingOfRFC7 returns MDP/0.1 as RFC 7 has it, where clients have no commands.
func spellingOfRFC7() *spelling {
	return &spelling{
		delimited: true, client: "MDPC01", worker: "MDPW01",
		ready: "\x01", request: "\x02", final: "\x03", heartbeat: "\x04", disconnect: "\x05",
	}
}

// twoCharacters returns MDP/0.1 with the commands of workers in two characters, as the
// guide's programs in C# and Haskell write them.
func twoCharacters() *spelling {
	s := spellingOfRFC7()
	s.ready, s.request, s.final, s.heartbeat, s.disconnect = "01", "02", "03", "04", "05"
	return s
}

// spellingOfRFC18 returns MDP/0.2 as RFC 18 has it.
func spellingOfRFC18() *spelling {
	return &spelling{
		client: "MDPC02", worker: "MDPW02",
		clientRequest: "\x01", clientPartial: "\x02", clientFinal: "\x03",
		ready: "\x01", request: "\x02", partial: "\x03", final: "\x04", heartbeat: "\x05", disconnect: "\x06",
	}
}

// delimited returns MDP/0.2 with the empty frame of MDP/0.1 in front, as workers of
// majortomo and pyzmq-mdp2 write it.
func delimited() *spelling {
	s := spellingOfRFC18()
	s.delimited = true
	return s
}

// workersNumbers returns MDP/0.2 as clients of majortomo write it: behind an empty
// frame, with the numbers that workers have, and without a service in replies.
func workersNumbers() *spelling {
	s := delimited()
	s.nameless = true
	s.clientRequest, s.clientPartial, s.clientFinal = s.request, s.partial, s.final
	return s
}

// withoutCommands returns MDP/0.2 as clients of libmdp's first version and of pyzmq-mdp2
// write it, from a REQ: without commands, and so with one reply.
func withoutCommands() *spelling {
	s := delimited()
	s.clientRequest, s.clientPartial, s.clientFinal = "", "", ""
	return s
}

// digits returns MDP/0.2 with the commands as digits, as zmq-mdp2 writes them.
func digits() *spelling {
	s := spellingOfRFC18()
	s.clientRequest, s.clientPartial, s.clientFinal = "1", "2", "3"
	s.ready, s.request, s.partial, s.final, s.heartbeat, s.disconnect = "1", "2", "3", "4", "5", "6"
	return s
}

// header returns whose header a message has, and the frames behind it.
func (s *spelling) header(frames [][]byte) (r role, rest [][]byte) {
	if s.delimited {
		if len(frames) == 0 || len(frames[0]) != 0 {
			return unknown, nil
		}
		frames = frames[1:]
	}
	switch {
	case len(frames) == 0:
		return unknown, nil
	case string(frames[0]) == s.client:
		return client, frames[1:]
	case string(frames[0]) == s.worker:
		return worker, frames[1:]
	default:
		return unknown, nil
	}
}

// begins reports whether what is behind a header begins as a message of this spelling
// does: with a command, or with the name of a service where clients have none.
func (s *spelling) begins(r role, rest [][]byte) bool {
	switch {
	case len(rest) == 0:
		return false
	case r == worker:
		return slices.Contains(s.commands(), string(rest[0]))
	case s.clientRequest != "":
		return string(rest[0]) == s.clientRequest
	default:
		_, err := serviceName(rest[0])
		return err == nil
	}
}

// commands returns those of workers.
func (s *spelling) commands() []string {
	all := []string{s.ready, s.request, s.final, s.heartbeat, s.disconnect}
	if s.partials() {
		all = append(all, s.partial)
	}
	return all
}

// names returns what the RFCs call the commands of workers.
func (s *spelling) names() map[string]string {
	names := map[string]string{s.ready: "READY", s.request: "REQUEST", s.final: "REPLY", s.heartbeat: "HEARTBEAT", s.disconnect: "DISCONNECT"}
	if s.partials() {
		names[s.partial], names[s.final] = "PARTIAL", "FINAL"
	}
	return names
}

// clientNames returns what RFC 18 calls the commands of clients.
func (s *spelling) clientNames() map[string]string {
	if s.clientRequest == "" {
		return nil
	}
	return map[string]string{s.clientRequest: "REQUEST", s.clientPartial: "PARTIAL", s.clientFinal: "FINAL"}
}

// partials reports whether there are replies that are not the last.
func (s *spelling) partials() bool { return s.partial != "" }
