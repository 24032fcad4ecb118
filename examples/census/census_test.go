package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
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
through the broker: 8 requests, 8 answered, [1-9]\d* given to another worker, 0 lost
directly, by a registry at tcp://127.0.0.1:\d+: 8 calls answered, 0 wrong; worker [1-9]\d* killed, \d+ calls? tried again

the broker at tcp://127.0.0.1:\d+, by its management
  SERVICE +WORKERS +FREE +QUEUED +IN FLIGHT
  census.v1.CensusService  3 +3 +0 +0
  WORKER +STATE .*
(?:  worker-\d+ +idle +0 +\d+ .*
){3}next: .*
totals verified: 8 files, 200122 bytes, \d+ messages
$`)
	if code != 0 || !strings.Contains(stdout, smallTable) || !ending.MatchString(stdout) {
		t.Errorf("exit code %d and:\n%s%s\nwant 0 and:%s... %s", code, stdout, stderr, smallTable, ending)
	}
}

func TestCensusCountsATreeAlthoughAWorkerIsKilled(t *testing.T) {
	stdout, stderr, code := runProgram(t, "-workers", "3", smallTree(t))
	wantEnding(t, stdout, stderr, code)
	killed := regexp.MustCompile(`  killed worker (\d+), which has [1-4] files?\n`).FindStringSubmatch(stdout)
	if killed == nil || !strings.Contains(stdout, " takes over\n") {
		t.Fatalf("no worker was killed and replaced:\n%s", stdout)
	}
	if strings.Contains(stdout, "worker-"+killed[1]+" ") {
		t.Errorf("worker %s was killed and is there:\n%s", killed[1], stdout)
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
	stdout, _, code := runProgram(t, "-workers", "1", "-out", "1", root)
	if code != 0 || !strings.Contains(stdout, "1 request, 1 answered, 1 given to another worker, 0 lost\n") {
		t.Errorf("exit code %d and:\n%s", code, stdout)
	}
}

func TestRootMayBeALink(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(smallTree(t), link))
	stdout, stderr, code := runProgram(t, "-workers", "3", link)
	wantEnding(t, stdout, stderr, code)
}

func TestEmptyTreeIsCounted(t *testing.T) {
	stdout, stderr, code := runProgram(t, t.TempDir())
	if code != 0 || !strings.Contains(stdout, "\ntotals verified: 0 files, 0 bytes, ") || stderr != "" {
		t.Errorf("exit code %d and:\n%s%s", code, stdout, stderr)
	}
}

func TestJSONIsAllThereIsOnStandardOutput(t *testing.T) {
	stdout, stderr, code := runProgram(t, "-json", smallTree(t))
	var got struct {
		Totals   totals
		Verified bool
		Messages int
		Requests int
		Lost     int
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v in:\n%s", code, err, stdout)
	}
	if !got.Verified || got.Totals.Bytes != 200122 || got.Messages < 32 || got.Requests != 8 || got.Lost != 0 {
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
		"-out -1: want 1 to 1000":                                 {"-out", "-1", root},
		"-patience 0s: want 1ms to 24h":                           {"-patience", "0", root},
		"-slow -1s: want 0s to 24h":                               {"-slow", "-1s", root},
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

func TestFilesThatTakeTooLongAreLostAndExitCode1(t *testing.T) {
	stdout, stderr, code := runProgram(t, "-patience", "100ms", "-slow", "1h", smallTree(t))
	if code != 1 || strings.Contains(stdout, "totals verified") || !strings.Contains(stdout, " 8 lost\n") {
		t.Errorf("exit code %d and:\n%s", code, stdout)
	}
	for _, want := range []string{"files: 0 by messages, 8 without\n", "files without an answer: 8\n", "    README: DEADLINE_EXCEEDED: "} {
		if !strings.Contains(stderr, want) {
			t.Errorf("want %q in: %s", want, stderr)
		}
	}
}

func TestOddFilesAreCounted(t *testing.T) {
	root := makeTree(t, map[string]string{
		"no UTF-8 \xff": "1\n", "two\nlines": "2\n", " ": "3\n", "empty": "", "-flag": "4\n", "ü/世界.go": "package 世界\n",
		"below the limit of a small body": strings.Repeat("x", 4<<10), "large": strings.Repeat("0123456\n", 3<<17),
	})
	must(t, os.Symlink(root, filepath.Join(root, "loop")))
	must(t, syscall.Mkfifo(filepath.Join(root, "pipe"), 0o666))
	stdout, stderr, code := runProgram(t, root)
	if code != 0 || stderr != "" {
		t.Errorf("exit code %d and:\n%s%s", code, stdout, stderr)
	}
	for _, want := range []string{"8 files, ", "not followed: 1 link, 1 irregular file\n", "\ntotals verified: 8 files, 3149847 bytes, "} {
		if !strings.Contains(stdout, want) {
			t.Errorf("want %q in:\n%s", want, stdout)
		}
	}
}
