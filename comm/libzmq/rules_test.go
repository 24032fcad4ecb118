//go:build cgo

package libzmq_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// mutants are ways to break a rule, and the load that then stalls.
var mutants = []struct{ name, load string }{
	{"without rule 1", "FromPushToPull"},
	{"without rule 2", "FromPushToPull"},
	{"without rule 3", "TakeTheWakeUps"},
	{"with rule 3 in the wrong order", "TakeTheWakeUps"},
	{"without rule 4", "FromPushToPull"},
	{"without rule 5", "FromPushToPull"},
	{"without rule 6", "ReceiverWokenInPlace"},
	{"with rule 6 broken by woken callers", "SenderWokenInPlace"},
	{"without rule 7", "FromPushToPull"},
}

// edits put all mutants into the files of the package at once, by an expression and
// what takes its place, so that it is built once for all of them: what mutant names
// says which one a process has.
var edits = []struct{ file, what, instead string }{
	{"wake.go", `(?m)^.*:= line\.enter\(\)$`, `if mutant("with rule 3 in the wrong order") && s.someoneLeads() { s.settle() }` + "\n$0"},
	{"wake.go", `(?m)^(.*) // rule 3$`, `if !mutant("with rule 3 in the wrong order") { $0` + "\n}"},
	{"wake.go", `(?m)^(\tfor \{)(\n\t\tplace, err := s\.attempt)`,
		`$1 if mutant("with rule 6 broken by woken callers") && ctx.Err() != nil { return engine.ContextEnded(ctx, op) }$2`},
	{"wake.go", `(?m)^(.*) // rule (\d)$`, `if !mutant("without rule $2") { $1 }`},
	{"lead.go", `(?m)^(.*) // rule (\d)$`, `if !mutant("without rule $2") { $1 }`},
}

// mutantFile is a file more for the package.
const mutantFile = `//go:build cgo

package libzmq

import "os"

var mutantOfProcess = os.Getenv("MUTANT")

func mutant(name string) bool { return name == mutantOfProcess }
`

// The loads of comm are run in processes of their own, without the race
// detector, with each of the mutants of this package: each must stall, and the package as it
// is must not.
func TestLoadsStallWithoutAnyOneOfTheWakeUpRules(t *testing.T) {
	if testing.Short() {
		t.Skip("builds comm and runs it once for each rule: left out by -short")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command to build mutants with:", err)
	}
	program := buildMutants(t)
	t.Run("original", func(t *testing.T) {
		t.Parallel()
		if output, err := runLoad(t, program, "", "FAULT_SECONDS=0.1"); err != nil {
			t.Errorf("the loads fail: %v\n%s", err, output)
		}
	})
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			// It ends when it stalls, most of them at once, and has time on a slow machine.
			output, err := runLoad(t, program, m.load, "FAULT_SECONDS=600", "STALL=1s", "MUTANT="+m.name)
			if err == nil || !strings.Contains(output, stalled) {
				t.Errorf("no load stalls (%v):\n%s", err, output)
			}
		})
	}
}

// stalled is what a load says that stalls.
const stalled = "no progress"

// atOnce is how many children run at a time.
var atOnce = make(chan struct{}, 2)

// runLoad runs the loads of this name.
func runLoad(t *testing.T, program, name string, env ...string) (output string, err error) {
	atOnce <- struct{}{}
	defer func() { <-atOnce }()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, program, "-test.failfast", "-test.run", "^TestStress.*"+name)
	// More than one thread, wherever this runs: the races need them.
	child.Env = append(append(os.Environ(), "GOMAXPROCS=4", "MITTERE_ENGINE=libzmq"), env...)
	printed, err := child.CombinedOutput()
	return string(printed), err
}

// buildMutants builds the tests of comm with the mutants in it, and returns
// where they are.
func buildMutants(t *testing.T) (program string) {
	dir := t.TempDir()
	replace := map[string]string{}
	for file, text := range mutated(t) {
		path, err := filepath.Abs(file)
		replace[must(t, path, err)] = filepath.Join(dir, file)
		write(t, filepath.Join(dir, file), text)
	}
	overlay := filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": replace})
	write(t, overlay, string(must(t, list, err)))
	program = filepath.Join(dir, "comm.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", overlay, "-o", program, "..")
	build.Env = append(os.Environ(), "GOFLAGS=")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the mutants do not build: %v\n%s", err, output)
	}
	return program
}

// mutated returns the text of each file that has mutants.
func mutated(t *testing.T) map[string]string {
	texts := map[string]string{"mutant.go": mutantFile}
	for _, e := range edits {
		if texts[e.file] == "" {
			source, err := os.ReadFile(e.file)
			texts[e.file] = string(must(t, source, err))
		}
		before := texts[e.file]
		if texts[e.file] = regexp.MustCompile(e.what).ReplaceAllString(before, e.instead); texts[e.file] == before {
			t.Fatalf("nothing in %s matches %q", e.file, e.what)
		}
	}
	for _, m := range mutants {
		if !strings.Contains(fmt.Sprint(texts), m.name) {
			t.Errorf("the mutant %q is in no file", m.name)
		}
	}
	return texts
}

// write writes a file.
func write(t *testing.T, path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
