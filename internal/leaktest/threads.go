package leaktest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// libzmqThread begins the name of each thread that libzmq starts: "ZMQbg/IO/0",
// "ZMQbg/Reaper".
const libzmqThread = "ZMQbg"

// threads looks for threads of libzmq that are not there now.
func threads() probe {
	before := libzmqThreads()
	return probe{"libzmq threads", func() string {
		known := func(thread string) bool { return slices.Contains(before, thread) }
		return strings.Join(slices.DeleteFunc(libzmqThreads(), known), "\n")
	}}
}

// libzmqThreads lists the threads of libzmq in this process, by name and number.
func libzmqThreads() (list []string) {
	files, _ := filepath.Glob("/proc/self/task/*/comm")
	for _, file := range files {
		// A thread may end between the two steps: then there is no name.
		name, err := os.ReadFile(file)
		if err == nil && strings.HasPrefix(string(name), libzmqThread) {
			id := filepath.Base(filepath.Dir(file))
			list = append(list, fmt.Sprintf("%s (thread %s)", strings.TrimSpace(string(name)), id))
		}
	}
	return list
}
