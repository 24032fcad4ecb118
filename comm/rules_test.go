package comm_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// mutants are how each rule is taken out of its file, by an expression and what
// takes its place, and the load that then stalls.
var mutants = []struct{ name, file, what, instead, load string }{
	{"without rule 1", "lead.go", `(?m)^.*// rule 1$`, "", "FromPushToPull"},
	{"without rule 2", "wake.go", `(?m)^.*// rule 2$`, "", "FromPushToPull"},
	{"without rule 3", "wake.go", `(?m)^.*// rule 3$`, "", "TakeTheWakeUps"},
	{"with rule 3 in the wrong order", "wake.go",
		`(place := line\.enter\(\))\s+(if .*\s+s\.settle\(\) // rule 3\s+\})`, "$2\n$1", "TakeTheWakeUps"},
	{"without rule 4", "wake.go", `(?m)^.*// rule 4$`, "", "FromPushToPull"},
	{"without rule 5", "wake.go", `(?m)^.*// rule 5$`, "", "FromPushToPull"},
	{"without rule 6", "wake.go", `(?m)^.*// rule 6$`, "", "ReceiverWokenInPlace"},
	{"with rule 6 broken by those who were woken", "wake.go", `(?m)^\tfor \{\n(\t\tplace, err := s\.attempt)`,
		"for {\nif ctx.Err() != nil { return ended(ctx, op) }\n$1", "SenderWokenInPlace"},
	{"without rule 7", "lead.go", `(?m)^.*// rule 7$`, "", "FromPushToPull"},
}

// The loads of this package are run in processes of their own, without the race
// detector, with a mutant in place of the file: each mutant must stall, and the
// file as it is must not.
func TestLoadsStallWithoutAnyOneOfTheWakeUpRules(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs this package once for each rule: left out by -short")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command to build mutants with:", err)
	}
	t.Run("original", func(t *testing.T) {
		t.Parallel()
		if output, err := runLoad(t, "wake.go", textOf(t, "wake.go"), "", "FAULT_SECONDS=0.5"); err != nil {
			t.Errorf("the loads fail: %v\n%s", err, output)
		}
	})
	for _, m := range mutants {
		original := textOf(t, m.file)
		mutated := regexp.MustCompile(m.what).ReplaceAllString(original, m.instead)
		if mutated == original {
			t.Errorf("%s: nothing in %s matches %q", m.name, m.file, m.what)
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			// It has a minute, and ends when it stalls.
			output, err := runLoad(t, m.file, mutated, m.load, "FAULT_SECONDS=60", "STALL=1s")
			if err == nil || !strings.Contains(output, errStalled.Error()) {
				t.Errorf("no load stalls (%v):\n%s", err, output)
			}
		})
	}
}

// textOf returns the content of a file.
func textOf(t *testing.T, file string) string {
	source, err := os.ReadFile(file)
	return string(must(t, source, err))
}

// atOnce is how many children run at a time.
var atOnce = make(chan struct{}, 2)

// runLoad runs the loads of this name, with text in place of the file.
func runLoad(t *testing.T, file, text, name string, env ...string) (output string, err error) {
	atOnce <- struct{}{}
	defer func() { <-atOnce }()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, "go", "test", "-overlay", overlay(t, file, text), "-vet=off", "-count=1",
		"-failfast", "-run", "^TestStress.*"+name, ".")
	child.Env = append(append(os.Environ(), "GOFLAGS="), env...)
	printed, err := child.CombinedOutput()
	return string(printed), err
}

// overlay writes what tells the go command to read text for the file.
func overlay(t *testing.T, file, text string) string {
	path, err := filepath.Abs(file)
	path = must(t, path, err)
	dir := t.TempDir()
	mutant, list := filepath.Join(dir, file), filepath.Join(dir, "overlay.json")
	written, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutant}})
	written = must(t, written, err)
	for name, content := range map[string][]byte{mutant: []byte(text), list: written} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return list
}
