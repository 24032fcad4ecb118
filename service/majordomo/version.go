package majordomo

import "github.com/mittere/mittere/internal/mdp"

// Version is a version of the protocol.
type Version int

const (
	// V1 is MDP/0.1 (RFC 7), which most systems speak. It is the default.
	V1 Version = 1
	// V2 is MDP/0.2 (RFC 18), where a request may have PARTIAL replies before the FINAL
	// one. It does not work with a broker that speaks MDP/0.1 alone.
	V2 Version = 2
)

// String returns the version's name in the RFCs.
func (v Version) String() string { return mdp.Version(v).String() }

// valid reports whether the version is known.
func (v Version) valid() bool { return v == V1 || v == V2 }

// spelling returns how the RFC writes the version.
func (v Version) spelling() *mdp.Spelling { return mdp.Version(v).Spellings()[0] }
