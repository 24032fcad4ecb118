//go:build guide

package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

// step is what a reader does next.
type step func(*reader)

// What a page tells its reader to do: write a file, replace something in one, run
// commands; and headings, at which all is stopped that runs.
var (
	toDo = regexp.MustCompile("(?ms)" +
		"^`([^`\n]+)`:\n\n```\\w+\n(.*?)^```$" + // 1 path, 2 content
		"|^\\| `([^`\n]+)` \\| `([^`\n]+)` \\| `([^`\n]+)` \\|$" + // 3 path, 4 old, 5 new
		"|^```console\n(.*?)^```$" + // 6 commands
		"|^## ")
	commands = regexp.MustCompile(`(?m)^\$ (.*)\n((?:[^$].*\n)*)`) // 1 line, 2 what it prints
)

// stepsOf returns the steps of a page.
func stepsOf(t *testing.T, name string) (steps []step) {
	for _, m := range toDo.FindAllStringSubmatch(read(name), -1) {
		switch {
		case m[1] != "":
			steps = append(steps, func(r *reader) { r.write(m[1], m[2]) })
		case m[3] != "":
			steps = append(steps, func(r *reader) { r.replace(m[3], m[4], m[5]) })
		case m[6] != "":
			steps = append(steps, commandsOf(m[6]))
		case strings.HasPrefix(m[0], "## "):
			steps = append(steps, (*reader).stop)
		}
	}
	if len(steps) < 20 {
		t.Fatalf("%s has %d steps", name, len(steps))
	}
	return steps
}

// commandsOf returns the step that runs the commands of a block.
func commandsOf(block string) step {
	return func(r *reader) {
		for _, m := range commands.FindAllStringSubmatch(block, -1) {
			r.command(m[1], m[2])
		}
	}
}
