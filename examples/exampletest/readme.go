package exampletest

import (
	"os"
	"strings"
	"testing"
)

// Shown returns what a program writes according to a README: the lines behind
// "$ command" in its blocks of type console, up to the next command.
func Shown(t testing.TB, readme, command string) string {
	t.Helper()
	_, rest, found := strings.Cut(Read(t, readme), "\n$ "+command+"\n")
	if !found {
		t.Fatalf("%s does not run %q", readme, command)
	}
	var shown strings.Builder
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "$ ") || strings.HasPrefix(line, "```") {
			return shown.String()
		}
		shown.WriteString(line)
	}
	t.Fatalf("%s: the block of %q does not end", readme, command)
	return ""
}

// Read returns the content of a file.
func Read(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
