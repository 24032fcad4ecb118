// Package docs_test holds the pages of this folder to what they say: their programs
// are compiled and run, their links lead somewhere, and options are told in full. It
// stands beside the layers and uses all of them.
package docs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/mittere/mittere/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// must returns v, or ends the test.
func must[T any](v T, err error) T {
	check(err)
	return v
}

// check ends the test if there is an error.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

// read returns the content of a file.
func read(name string) string { return string(must(os.ReadFile(name))) }

// unindented returns the lines of code without the tabs in front.
func unindented(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		b.WriteString(strings.TrimLeft(line, "\t"))
	}
	return b.String()
}
