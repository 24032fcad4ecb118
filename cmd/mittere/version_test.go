package main

import (
	"runtime/debug"
	"testing"
)

func TestOwnVersionIsTheBestKnown(t *testing.T) {
	for name, c := range map[string]struct {
		stamped, module string
		want            string
	}{
		"stamped":       {"v1.0.0", "v2.0.0", "v1.0.0"},
		"installed":     {"", "v2.0.0", "v2.0.0"},
		"built in tree": {"", "(devel)", "dev"},
		"unknown":       {"", "", "dev"},
	} {
		t.Run(name, func(t *testing.T) {
			info := func() (*debug.BuildInfo, bool) {
				return &debug.BuildInfo{Main: debug.Module{Version: c.module}}, true
			}
			if got := ownVersion(c.stamped, info); got != c.want {
				t.Errorf("version %q, want %q", got, c.want)
			}
		})
	}
}

func TestOwnVersionWithoutBuildInfoIsDev(t *testing.T) {
	none := func() (*debug.BuildInfo, bool) { return nil, false }
	if got := ownVersion("", none); got != "dev" {
		t.Errorf("version %q, want dev", got)
	}
}
