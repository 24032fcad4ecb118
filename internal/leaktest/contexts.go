package leaktest

import (
	"runtime/pprof"
	"strings"
)

// ContextProfile names the profile in which package comm keeps every open
// context with the stack that opened it. The name is all that the two share,
// so that this package needs no layer.
const ContextProfile = "mittere.comm.contexts"

// contexts looks for open contexts, and lists the stacks that opened them.
func contexts() probe {
	return probe{"comm contexts", func() string {
		// A package that does not link comm has no such profile.
		profile := pprof.Lookup(ContextProfile)
		if profile == nil || profile.Count() == 0 {
			return ""
		}
		return stacks(profile)
	}}
}

func stacks(p *pprof.Profile) string {
	var b strings.Builder
	if err := p.WriteTo(&b, 1); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}
