package mdp

import (
	"cmp"
	"time"
)

// version is a version of the protocol. It does not change after it was made.
type version struct {
	name      string
	spellings []*spelling // the first is the RFC's

	interval time.Duration // of heartbeats
	liveness int           // of workers, in intervals
}

// version01 returns RFC 7, "MDP/Client" and "MDP/Worker".
func version01() *version {
	return &version{name: "MDP/0.1", spellings: []*spelling{spellingOfRFC7(), twoCharacters()}}
}

// version02 returns RFC 18, "MDP/Client" and "MDP/Worker".
func version02() *version {
	return &version{name: "MDP/0.2", spellings: []*spelling{
		spellingOfRFC18(), delimited(), workersNumbers(), withoutCommands(), digits(),
	}}
}

// spellingOf returns the spelling of a message. It is certain if the message has a
// command of it; else the message is wrong in any.
func (v *version) spellingOf(frames [][]byte) (found *spelling, certain bool) {
	for _, s := range v.spellings {
		r, rest := s.header(frames)
		switch {
		case r != unknown && s.begins(r, rest):
			return s, true
		case r != unknown && found == nil:
			found = s
		}
	}
	return cmp.Or(found, v.spellings[0]), false
}
