package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// smallTree makes a tree whose figures are in the tests.
func smallTree(t *testing.T) (root string) {
	return makeTree(t, map[string]string{
		"README":             "A small tree.\n",
		"cmd/main.go":        "package main\n\nfunc main() {}\n",
		"cmd/main_test.go":   "package main_test\n",
		"lib/lib.go":         "// Package lib is small.\npackage lib\n",
		"lib/empty":          "",
		"lib/deep/data.bin":  strings.Repeat("\x00\xff\n ", 50_000),
		"lib/deep/deep.go":   "package deep",
		"lib/deep/broken.go": "pakage deep\n",
	})
}

const smallTable = `
  directory    files       lines        words          bytes  packages
  lib              5      50,005       50,011        200,061         2
  cmd              2           4            7             47         2
  .                1           1            3             14         0
  all              8      50,010       50,021        200,122         4
`

// wantEnding fails unless a census of the small tree ended as it should.
func wantEnding(t *testing.T, stdout, stderr string, code int) {
	t.Helper()
	ending := regexp.MustCompile(`\d+ messages in .*
[1-9]\d* files? asked for again, 0 lost, 0 doubled

services: census.v1.DigestService, 3 instances, found through a registry at tcp://127.0.0.1:\d+
(?:  pid \d+ .*
){2,3}8 calls answered, 0 wrong; pid [1-9]\d* was killed on the way, \d+ calls? tried again
next: .*
totals verified: 8 files, 200122 bytes, \d+ messages
$`)
	if code != 0 || !strings.Contains(stdout, smallTable) || !ending.MatchString(stdout) {
		t.Errorf("exit code %d and:\n%s%s\nwant 0 and:%s... %s", code, stdout, stderr, smallTable, ending)
	}
}

func TestCensusCountsATreeAlthoughAWorkerIsKilled(t *testing.T) {
	stdout, stderr, code := runProgram(t, "-workers", "3", "-patience", "200ms", smallTree(t))
	wantEnding(t, stdout, stderr, code)
	if !strings.Contains(stdout, "  killed worker ") || !strings.Contains(stdout, " takes over\n") {
		t.Errorf("no worker was killed and replaced:\n%s", stdout)
	}
	if strings.ContainsAny(stdout, "\r\x1b") || !strings.Contains(stdout, "  100 %  8/8 files ") {
		t.Errorf("want lines, since this is no terminal:\n%q", stdout)
	}
	if stderr != "" {
		t.Errorf("standard error: %s", stderr)
	}
}

func TestTheOnlyWorkerIsKilledWithTheOnlyFile(t *testing.T) {
	root := makeTree(t, map[string]string{"file": "content\n"})
	stdout, _, code := runProgram(t, "-workers", "1", "-out", "1", "-patience", "200ms", root)
	if code != 0 || !strings.Contains(stdout, "1 file asked for again, 0 lost, 0 doubled\n") {
		t.Errorf("exit code %d and:\n%s", code, stdout)
	}
}

func TestRootMayBeALink(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(smallTree(t), link))
	stdout, stderr, code := runProgram(t, "-patience", "200ms", link)
	wantEnding(t, stdout, stderr, code)
}

func TestEmptyTreeIsCounted(t *testing.T) {
	stdout, stderr, code := runProgram(t, t.TempDir())
	if code != 0 || !strings.Contains(stdout, "\ntotals verified: 0 files, 0 bytes, ") || stderr != "" {
		t.Errorf("exit code %d and:\n%s%s", code, stdout, stderr)
	}
}

func TestJSONIsAllThereIsOnStandardOutput(t *testing.T) {
	stdout, stderr, code := runProgram(t, "-json", "-patience", "200ms", smallTree(t))
	var got struct {
		Totals   totals
		Verified bool
		Messages int
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v in:\n%s", code, err, stdout)
	}
	if !got.Verified || got.Totals.Bytes != 200122 || got.Messages < 16 {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(stderr, smallTable) {
		t.Errorf("no text on standard error:\n%s", stderr)
	}
}

func TestWrongUseIsExitCode2AndASentence(t *testing.T) {
	root := smallTree(t)
	missing, file := filepath.Join(root, "missing"), filepath.Join(root, "README")
	for want, args := range map[string][]string{
		"cannot count " + missing + ": no such file or directory": {missing},
		"cannot count " + file + ": not a directory":              {file},
		"2 arguments, want one DIR at most, after the flags":      {root, "-json"},
		"-workers 0: want 1 to 256":                               {"-workers", "0", root},
		"-out -1: want at least 1":                                {"-out", "-1", root},
		"-patience 0s: want 1ms to 24h":                           {"-patience", "0", root},
		"flag provided but not defined: -x":                       {"-x"},
		`invalid value "many" for flag -workers: parse error`:     {"-workers", "many"},
		"-workers 1000: want 1 to 256":                            {"-workers", "1000"},
	} {
		stdout, stderr, code := runProgram(t, args...)
		if code != 2 || stdout != "" || !strings.HasPrefix(stderr, "census: "+want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("census %q: exit code %d, %q and %q, want %q", args, code, stdout, stderr, want)
		}
	}
}

func TestHelpIsPrinted(t *testing.T) {
	stdout, stderr, code := runProgram(t, "--help")
	if code != 0 || stdout != help || stderr != "" {
		t.Errorf("exit code %d, %q and %q", code, stdout, stderr)
	}
}
