package main

import (
	"os"
	"strings"
	"testing"
)

func TestTheProgramInTheReadmeIsThisOne(t *testing.T) {
	readme, program := read(t, "../../README.md"), read(t, "main.go")
	_, rest, found := strings.Cut(readme, "```go\n")
	block, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("README.md has no Go program")
	}
	if !strings.Contains(program, block) {
		t.Errorf("README.md shows a program that is not in main.go:\n%s", block)
	}
}

// read returns the content of a file.
func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
