package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/proto"

	censusv1 "github.com/mittere/mittere/gen/census/v1"
	"github.com/mittere/mittere/gen/census/v1/censusv1mittere"
	"github.com/mittere/mittere/messaging"
	"github.com/mittere/mittere/reactor"
	"github.com/mittere/mittere/service/servicetest"
)

// makeTree makes a tree of files, by their paths.
func makeTree(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for path, content := range files {
		path = filepath.Join(root, path)
		must(t, os.MkdirAll(filepath.Dir(path), 0o777))
		must(t, os.WriteFile(path, []byte(content), 0o666))
	}
	return root
}

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

// A worker is killed with files, and another one without the broker.
func TestCensusCountsATreeAlthoughWorkersAreKilled(t *testing.T) {
	stdout, stderr, code := runProgram(t, "-workers", "3", smallTree(t))
	wanted := regexp.MustCompile(`(?s)^census of .*: 8 files, 3 workers
.*  (worker-\d+) is killed, files in flight: [1-4]
.*  worker-\d+ takes over
.*  8 requests, 8 answered, [1-4] given to another worker, .*
  directly, by the registry: 8 calls answered, \d+ tried again, (worker-\d+) killed
.*  WORKER +IN FLIGHT +SERVED +COUNTED .*
(?:  worker-\d+ +0 +\d+ +\d+ [^\n]*
){3}  *DIRECTORY +FILES +LINES +WORDS +BYTES +PACKAGES *
 +lib +5 +50005 +50011 +200061 +2 *
 +cmd +2 +4 +7 +47 +2 *
 +\. +1 +1 +3 +14 +0 *
 +all +8 +50010 +50021 +200122 +4 *
all 8 answers are right
$`)
	killed := wanted.FindStringSubmatch(stdout)
	if code != 0 || stderr != "" || killed == nil {
		t.Fatalf("exit code %d and:\n%s%s", code, stdout, stderr)
	}
	_, view, _ := strings.Cut(stdout, "  WORKER ")
	for _, name := range killed[1:] {
		if strings.Contains(view, name+" ") {
			t.Errorf("%s was killed and is there:\n%s", name, view)
		}
	}
}

func TestTheOnlyWorkerIsKilledWithTheOnlyFile(t *testing.T) {
	stdout, _, code := runProgram(t, "-workers", "1", makeTree(t, map[string]string{"file": "content\n"}))
	if code != 0 || !strings.Contains(stdout, "1 requests, 1 answered, 1 given to another worker") {
		t.Errorf("exit code %d and:\n%s", code, stdout)
	}
}

func TestEmptyTreeAndOddFilesAreCounted(t *testing.T) {
	odd := makeTree(t, map[string]string{
		"no UTF-8 \xff": "1\n", "two\nlines": "2\n", " ": "3\n", "empty": "", "-flag": "4\n", "ü/世界.go": "package 世界\n",
		"large": strings.Repeat("0123456\n", 3<<17),
	})
	must(t, os.Symlink(odd, filepath.Join(odd, "loop")))
	must(t, syscall.Mkfifo(filepath.Join(odd, "pipe"), 0o666))
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(odd, link))
	for dir, want := range map[string]string{t.TempDir(): "all 0 answers", odd: "all 7 answers", link: "all 7 answers"} {
		stdout, stderr, code := runProgram(t, dir)
		if code != 0 || stderr != "" || !strings.HasSuffix(stdout, want+" are right\n") {
			t.Errorf("exit code %d and:\n%s%s", code, stdout, stderr)
		}
	}
}

func TestFilesThatAreNotSentAreNamed(t *testing.T) {
	root := makeTree(t, map[string]string{"file": "content\n", "huge": ""})
	must(t, os.Truncate(filepath.Join(root, "huge"), largestFile+1))
	stdout, stderr, code := runProgram(t, root)
	if code != 0 || !strings.Contains(stdout, `huge": larger than 16 MiB`+"\n") || !strings.HasSuffix(stdout, "all 1 answers are right\n") {
		t.Errorf("exit code %d and:\n%s%s", code, stdout, stderr)
	}
}

func TestWrongUseIsExitCode2(t *testing.T) {
	root := smallTree(t)
	for _, args := range [][]string{{root, root}, {"-workers", "0", root}, {"-workers", "many"}, {"-slow", "-1s"}, {"-x"}} {
		stdout, stderr, code := runProgram(t, args...)
		if code != 2 || stdout != "" || !strings.HasPrefix(stderr, "census: ") || !strings.HasSuffix(stderr, usage) {
			t.Errorf("census %q: exit code %d, %q and %q", args, code, stdout, stderr)
		}
	}
	if stdout, stderr, code := runProgram(t, "-help"); code != 0 || stdout != usage || stderr != "" {
		t.Errorf("exit code %d, %q and %q", code, stdout, stderr)
	}
	for _, dir := range []string{filepath.Join(root, "missing"), filepath.Join(root, "README")} {
		if _, stderr, code := runProgram(t, dir); code != 1 || !strings.Contains(stderr, dir) {
			t.Errorf("census %s: exit code %d and %q", dir, code, stderr)
		}
	}
}

// liar answers with a line too much, and never for a Go file.
type liar struct {
	censusv1mittere.UnimplementedCensusServiceHandler
}

func (liar) Count(_ context.Context, r *censusv1.CountRequest) (*censusv1.CountResponse, error) {
	if strings.HasSuffix(r.GetPath(), ".go") {
		return nil, messaging.Errorf(messaging.Internal, "no")
	}
	found := inspect(r.GetPath(), r.GetContent())
	found.Lines++
	return found, nil
}

func TestAnswersThatAreMissingOrWrongAreFaults(t *testing.T) {
	handlers := reactor.NewHandlers()
	censusv1mittere.RegisterCensusService(handlers, liar{})
	stub := censusv1mittere.NewCensusServiceClient(servicetest.Client(t, "", handlers))
	listed, err := openTree(t.Context(), smallTree(t))
	must(t, err)
	c := &coordinator{tree: listed, out: io.Discard}
	for _, file := range []string{"README", "cmd/main.go"} {
		c.ask(t.Context(), stub, file, c.tally.add)
	}
	err = c.conclude()
	for _, want := range []string{`"README" has a wrong answer: `, `"cmd/main.go" has no answer: INTERNAL: no`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
}

func TestFindings(t *testing.T) {
	for path, c := range map[string]struct {
		content string
		want    *censusv1.CountResponse
	}{
		"empty":     {"", &censusv1.CountResponse{}},
		"one.go":    {"package one\n", &censusv1.CountResponse{Lines: 1, Words: 2, GoPackage: "one"}},
		"cut.go":    {"\n package cut", &censusv1.CountResponse{Lines: 2, Words: 2, GoPackage: "cut"}},
		"no go":     {"package one\t x\r\n\n", &censusv1.CountResponse{Lines: 2, Words: 3}},
		"broken.go": {"pakage x", &censusv1.CountResponse{Lines: 1, Words: 2}},
	} {
		got := inspect(path, []byte(c.content))
		c.want.Bytes, c.want.Sha256 = uint64(len(c.content)), got.GetSha256()
		if !proto.Equal(got, c.want) || len(got.GetSha256()) != 32 {
			t.Errorf("%s: %v, want %v", path, got, c.want)
		}
	}
}

// startStuck starts a census that does not come to an end by itself. It returns the
// process ids of its workers that have told their names.
func startStuck(t *testing.T) (p *program, workers []int) {
	t.Helper()
	p = startProgram(t, "-workers", "3", "-slow", "1h", smallTree(t))
	for _, pattern := range []string{`worker-(\d+) is killed`, `worker-(\d+) takes over`} {
		pid, err := strconv.Atoi(p.line(pattern)[1])
		must(t, err)
		workers = append(workers, pid)
	}
	return p, workers
}

func TestInterruptLeavesNoProcess(t *testing.T) {
	for name, test := range map[string]struct {
		signal syscall.Signal
		target func(pid int) int
	}{
		"Ctrl-C, which all processes get":    {syscall.SIGINT, func(pid int) int { return -pid }},
		"SIGTERM, for the coordinator alone": {syscall.SIGTERM, func(pid int) int { return pid }},
	} {
		t.Run(name, func(t *testing.T) {
			p, workers := startStuck(t)
			must(t, syscall.Kill(test.target(p.cmd.Process.Pid), test.signal))
			_, stderr, code := p.wait() // for the workers too
			if code != 1 || stderr != "census: interrupted\n" {
				t.Errorf("exit code %d and %q", code, stderr)
			}
			for _, pid := range workers {
				if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
					t.Errorf("process %d exists (%v)", pid, err)
				}
			}
		})
	}
}

func TestWorkersEndWhenTheCoordinatorIsKilled(t *testing.T) {
	p, _ := startStuck(t)
	must(t, p.cmd.Process.Kill())
	if _, stderr, code := p.wait(); code != -1 || stderr != "" { // it waits for the workers too
		t.Errorf("exit code %d and %q, want none and nothing", code, stderr)
	}
}
