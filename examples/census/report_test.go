package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answeredReport returns the report of a tree whose files are all answered.
func answeredReport(t *testing.T) *report {
	t.Helper()
	r := newReport(mustOpenTree(t, makeTree(t, map[string]string{"a": "1\n", "b": "2\n", "d/c.go": "package c"})))
	for file := range r.tree.files {
		content, err := r.read(file)
		must(t, err)
		r.answers = append(r.answers, answer{file, inspect(r.tree.files[file].path, content)})
	}
	return r
}

// wantVerdict makes the check and fails unless its verdict contains all of want;
// without any, it has to be right.
func wantVerdict(t *testing.T, r *report, want ...string) {
	t.Helper()
	must(t, r.verify(t.Context()))
	err := r.verdict()
	if err == nil != (len(want) == 0) {
		t.Fatalf("verdict %v, want %q", err, want)
	}
	for _, part := range want {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("verdict %v, want %q in it", err, part)
		}
	}
	if verified := strings.Contains(r.text(), "totals verified"); verified != (err == nil) {
		t.Errorf("the text says verified: %v, with verdict %v", verified, err)
	}
}

func TestRightAnswersAreVerified(t *testing.T) {
	r := answeredReport(t)
	wantVerdict(t, r)
	if got := r.check.byMessages; got.Files != 3 || got.Lines != 3 || got.Words != 4 || got.Bytes != 13 || got.Packages != 1 {
		t.Errorf("totals %+v", got)
	}
}

func TestEachWrongFieldIsFound(t *testing.T) {
	for want, spoil := range map[string]func(*finding){
		"lines: 4 by messages, 3 without":       func(f *finding) { f.lines++ },
		"words: 5 by messages, 4 without":       func(f *finding) { f.words++ },
		"bytes: 14 by messages, 13 without":     func(f *finding) { f.bytes++ },
		"Go packages: 2 by messages, 1 without": func(f *finding) { f.goPackage += "x" },
		"digest: ":                              func(f *finding) { f.sha256[31]++ },
	} {
		t.Run(want, func(t *testing.T) {
			r := answeredReport(t)
			spoil(&r.answers[1].finding)
			wantVerdict(t, r, want, "files whose answer is wrong: 1\n    b\n")
		})
	}
}

func TestAnswersThatSumUpToTheSameAreFoundToBeSwapped(t *testing.T) {
	r := answeredReport(t)
	r.answers[0].finding, r.answers[1].finding = r.answers[1].finding, r.answers[0].finding
	wantVerdict(t, r, "digest: ", "files whose answer is wrong: 2\n    a\n    b\n")
}

func TestLostAnswerIsFound(t *testing.T) {
	r := answeredReport(t)
	r.answers = r.answers[1:]
	wantVerdict(t, r, "files: 2 by messages, 3 without", "files without an answer: 1\n    a\n")
	if !strings.Contains(r.text(), "1 lost, 0 doubled") {
		t.Errorf("text: %s", r.text())
	}
}

func TestDoubledAnswerIsFound(t *testing.T) {
	r := answeredReport(t)
	r.answers = append(r.answers, r.answers[0])
	wantVerdict(t, r, "files: 4 by messages, 3 without", "files that were counted twice: 1\n    a\n")
	if !strings.Contains(r.text(), "0 lost, 1 doubled") {
		t.Errorf("text: %s", r.text())
	}
}

func TestFileThatChangedBetweenTheCountsIsInNone(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"written": func(path string) error { return os.WriteFile(path, []byte("other"), 0o666) },
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			r := answeredReport(t)
			must(t, change(filepath.Join(r.tree.root, "b")))
			wantVerdict(t, r)
			if r.check.byMessages.Files != 2 || !strings.Contains(r.text(), "since they changed meanwhile: 1\n    b\n") {
				t.Errorf("%d files, and: %s", r.check.byMessages.Files, r.text())
			}
		})
	}
}

func TestLongListsAreCut(t *testing.T) {
	list := strings.Split("0123456789ab", "")
	if got := named(list, printable); !strings.HasSuffix(got, "    9\n    and 2 more\n") {
		t.Errorf("got %q", got)
	}
}
