package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
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
		found := inspect(r.tree.files[file].path, content)
		r.entries[file].found = &found
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
			spoil(r.entries[1].found)
			wantVerdict(t, r, want, "files whose answer is wrong: 1\n    b\n")
		})
	}
}

func TestAnswersThatSumUpToTheSameAreFoundToBeSwapped(t *testing.T) {
	r := answeredReport(t)
	r.entries[0].found, r.entries[1].found = r.entries[1].found, r.entries[0].found
	wantVerdict(t, r, "digest: ", "files whose answer is wrong: 2\n    a\n    b\n")
}

func TestLostAnswerIsFound(t *testing.T) {
	r := answeredReport(t)
	r.entries[0] = entry{failed: errors.New("nobody knew")}
	r.entries[1] = entry{}
	wantVerdict(t, r, "files: 1 by messages, 3 without", "files without an answer: 2\n    a: nobody knew\n    b: nobody was asked\n")
	if !strings.Contains(r.text(), " 2 lost\n") {
		t.Errorf("text: %s", r.text())
	}
}

func TestFilesThatDifferWithoutTheBrokerAreFound(t *testing.T) {
	r := answeredReport(t)
	r.differing = 1
	wantVerdict(t, r, "files that were counted differently without the broker: 1")
}

func TestSampleIsOfFilesThatWereCountedAndAreSmallEnough(t *testing.T) {
	r := answeredReport(t) // of 2, 2 and 9 bytes
	r.entries[0] = entry{}
	if got := r.sample(100, 8); !slices.Equal(got, []int{1}) {
		t.Errorf("got %v, want 1", got)
	}
	if got := answeredReport(t).sample(2, 9); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("got %v, want all, for of three two cannot be evenly chosen", got)
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
