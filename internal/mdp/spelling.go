package mdp

import "cmp"

// Version is a version of the protocol.
type Version int

const (
	// V1 is MDP/0.1, of RFC 7.
	V1 Version = 1
	// V2 is MDP/0.2, of RFC 18, where a request may have several replies.
	V2 Version = 2
)

// String returns the version's name in the RFCs.
func (v Version) String() string {
	switch v {
	case V1:
		return "MDP/0.1"
	case V2:
		return "MDP/0.2"
	default:
		return "unknown version of MDP"
	}
}

// Spelling is how messages of a version are written: as its RFC has it, or as programs do
// that differ from it so that they can be told from all others.
type Spelling struct {
	version   Version
	delimited bool  // an empty frame comes first, as a REQ socket writes it
	client    codes // of MDP/Client
	worker    codes // of MDP/Worker
	headers   [Worker + 1]string
	nameless  bool // replies to clients do not name the service
}

// codes are the frames of commands; "" stands for those that there are not.
type codes [kinds]string

// Spellings returns the spellings of the version. The first is the RFC's. They are not to
// be changed.
func (v Version) Spellings() []*Spelling {
	if v == V1 {
		return []*Spelling{rfc7(), twoCharacters()}
	}
	return []*Spelling{rfc18(), delimited(), workersNumbers(), withoutCommands(), digits()}
}

// rfc7 returns MDP/0.1 as RFC 7 has it, where clients have no commands.
func rfc7() *Spelling {
	return &Spelling{
		version: V1, delimited: true, headers: [...]string{Client: "MDPC01", Worker: "MDPW01"},
		worker: codes{Ready: "\x01", Request: "\x02", Final: "\x03", Heartbeat: "\x04", Disconnect: "\x05"},
	}
}

// twoCharacters returns MDP/0.1 with the commands of workers in two characters, as the
// guide's programs in C# and Haskell write them.
func twoCharacters() *Spelling {
	s := rfc7()
	s.worker = s.worker.as("0")
	return s
}

// rfc18 returns MDP/0.2 as RFC 18 has it.
func rfc18() *Spelling {
	return &Spelling{
		version: V2, headers: [...]string{Client: "MDPC02", Worker: "MDPW02"},
		client: codes{Request: "\x01", Partial: "\x02", Final: "\x03"},
		worker: codes{Ready: "\x01", Request: "\x02", Partial: "\x03", Final: "\x04", Heartbeat: "\x05", Disconnect: "\x06"},
	}
}

// delimited returns MDP/0.2 with the empty frame of MDP/0.1 in front, as workers of
// majortomo and pyzmq-mdp2 write it.
func delimited() *Spelling {
	s := rfc18()
	s.delimited = true
	return s
}

// workersNumbers returns MDP/0.2 as clients of majortomo write it: behind an empty
// frame, with the numbers that workers have, and without a service in replies.
func workersNumbers() *Spelling {
	s := delimited()
	s.nameless = true
	s.client = codes{Request: s.worker[Request], Partial: s.worker[Partial], Final: s.worker[Final]}
	return s
}

// withoutCommands returns MDP/0.2 as clients of libmdp's first version and of pyzmq-mdp2
// write it, from a REQ: without commands, and so with one reply.
func withoutCommands() *Spelling {
	s := delimited()
	s.client = codes{}
	return s
}

// digits returns MDP/0.2 with the commands as digits, as zmq-mdp2 writes them.
func digits() *Spelling {
	s := rfc18()
	s.client, s.worker = s.client.as(""), s.worker.as("")
	return s
}

// as returns the codes, which are numbers of one byte, as a digit behind a prefix.
func (c codes) as(prefix string) codes {
	for kind, code := range c {
		if code != "" {
			c[kind] = prefix + string('0'+code[0])
		}
	}
	return c
}

// of returns the codes of a sub-protocol.
func (s *Spelling) of(r Role) *codes {
	if r == Worker {
		return &s.worker
	}
	return &s.client
}

// Partials reports whether a sub-protocol has replies that are not the last.
func (s *Spelling) Partials(r Role) bool { return s.of(r)[Partial] != "" }

// kind returns the command that a frame is, 0 if it is none.
func (c *codes) kind(frame []byte) Kind {
	for kind, code := range c {
		if code != "" && code == string(frame) {
			return Kind(kind)
		}
	}
	return 0
}

// Spelling returns the spelling of a message that came to a broker. It is certain if the
// message begins as one of that spelling does, with a command or, where clients have none,
// the name of a service; else the message is wrong in any. It is nil if the message is of
// another protocol.
func (v Version) Spelling(frames [][]byte) (found *Spelling, certain bool) {
	for _, s := range v.Spellings() {
		role, rest := s.header(frames)
		switch {
		case role != 0 && s.begins(role, rest):
			return s, true
		case role != 0 && found == nil:
			found = s
		}
	}
	return found, false
}

// begins reports whether what is behind a header begins as a message of this spelling
// does.
func (s *Spelling) begins(r Role, rest [][]byte) bool {
	switch {
	case len(rest) == 0:
		return false
	case r == Worker:
		return s.worker.kind(rest[0]) != 0
	case s.client[Request] != "":
		return s.client.kind(rest[0]) == Request
	default:
		return CheckName(string(rest[0])) == nil
	}
}

// header returns the sub-protocol whose header a message has, 0 if it has none, and the
// frames behind it.
func (s *Spelling) header(frames [][]byte) (r Role, rest [][]byte) {
	if s.delimited {
		if len(frames) == 0 || len(frames[0]) != 0 {
			return 0, nil
		}
		frames = frames[1:]
	}
	switch {
	case len(frames) == 0:
		return 0, nil
	case string(frames[0]) == s.headers[Client]:
		return Client, frames[1:]
	case string(frames[0]) == s.headers[Worker]:
		return Worker, frames[1:]
	default:
		return 0, nil
	}
}

// Describe names what a message is in logs, as the RFC does: "READY", or "message" of
// clients that have no commands. It takes any frames.
func (v Version) Describe(frames [][]byte) string {
	s, _ := v.Spelling(frames)
	if s == nil {
		return "unknown"
	}
	role, rest := s.header(frames)
	if len(rest) == 0 {
		return "unknown"
	}
	name := s.of(role).kind(rest[0]).name(v)
	if role == Client {
		return cmp.Or(name, "message")
	}
	return cmp.Or(name, "unknown")
}

// name returns what the RFC of a version calls a command, "" for none.
func (k Kind) name(v Version) string {
	if k == Final && v == V1 {
		return "REPLY"
	}
	return [...]string{"", "READY", "REQUEST", "PARTIAL", "FINAL", "HEARTBEAT", "DISCONNECT"}[k]
}

// String returns what RFC 18 calls the command.
func (k Kind) String() string { return k.name(V2) }
