package leaktest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// runtimeOwned are targets that Go's runtime or the C library opens when it
// first needs them and keeps for the life of the process.
var runtimeOwned = []string{"/dev/null", "/dev/random", "/dev/urandom"}

// descriptors looks for open files, sockets, pipes and the like that are not
// open now, and lists what they refer to.
//
// Descriptors are told apart by target, not by number: numbers are used again.
// A socket or pipe has a target of its own, an eventfd shares one with all its
// kind, so targets are counted.
func descriptors() probe {
	startNetpoller()
	before := targets()
	return probe{"descriptors", func() string {
		var left []string
		for target, fds := range targets() {
			if extra := len(fds) - len(before[target]); extra > 0 {
				left = append(left, fmt.Sprintf("%d more of %s (now %s)", extra, target, strings.Join(fds, ", ")))
			}
		}
		slices.Sort(left)
		return strings.Join(left, "\n")
	}}
}

// startNetpoller makes the runtime open the two descriptors of its network
// poller, which it does at the first use and for ever. A pipe is the cheapest
// thing that is polled.
func startNetpoller() {
	r, w, err := os.Pipe()
	if err != nil {
		return
	}
	r.Close()
	w.Close()
}

// targets lists the open descriptors by what they refer to.
func targets() map[string][]string {
	open := map[string][]string{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		// The descriptor of the listing itself is closed by now: no target.
		target, err := os.Readlink(filepath.Join("/proc/self/fd", entry.Name()))
		if err == nil && !slices.Contains(runtimeOwned, target) {
			open[target] = append(open[target], entry.Name())
		}
	}
	return open
}
