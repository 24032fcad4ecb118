package main

import (
	"bytes"
	"crypto/sha256"
	"testing"
)

func TestFindings(t *testing.T) {
	tests := map[string]struct {
		path, content string
		lines, words  uint64
		goPackage     string
	}{
		"nothing":                 {"a.txt", "", 0, 0, ""},
		"one line":                {"a.txt", "one two\n", 1, 2, ""},
		"a last line without end": {"a.txt", "one\ntwo", 2, 2, ""},
		"empty lines":             {"a.txt", "\n\n\n", 3, 0, ""},
		"all white space":         {"a.txt", " \ta\v\f\rb ", 1, 2, ""},
		"bytes that are no text":  {"a.bin", "\x00\xff\x00 \xfe", 1, 2, ""},
		"a Go file":               {"d/a.go", "// Doc.\npackage p\n\nfunc", 4, 5, "p"},
		"a Go file without one":   {"a.go", "func f() {}\n", 1, 3, ""},
		"no Go file":              {"a.go.txt", "package p\n", 1, 2, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := finding{test.lines, test.words, uint64(len(test.content)),
				sha256.Sum256([]byte(test.content)), test.goPackage}
			if got := inspect(test.path, []byte(test.content)); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func FuzzCountsAgreeWithTheStandardLibrary(f *testing.F) {
	f.Add([]byte("one two\n\nthree"))
	f.Add([]byte(" \x85\u00a0\u2028\xff\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		var lines, words uint64
		for range bytes.Lines(content) {
			lines++
		}
		for range bytes.FieldsFuncSeq(content, func(r rune) bool { return r == ' ' || '\t' <= r && r <= '\r' }) {
			words++
		}
		if countLines(content) != lines || countWords(content) != words {
			t.Errorf("%d lines, %d words; want %d, %d", countLines(content), countWords(content), lines, words)
		}
	})
}

func TestFindingsTravel(t *testing.T) {
	want := inspect("a.go", []byte("package p\n"))
	got, err := findingOf(want.response())
	if err != nil || got != want {
		t.Errorf("got %+v and error %v, want %+v", got, err, want)
	}
}

func TestSumOfTheWrongLengthIsRefused(t *testing.T) {
	r := inspect("a", nil).response()
	r.Sha256 = r.Sha256[1:]
	if _, err := findingOf(r); err == nil {
		t.Error("no error")
	}
}
